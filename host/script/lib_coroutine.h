/* lib_coroutine.h -- the coroutine functions that differ from Lua's own.
 *
 * WHY     A call waits for the host in coroutines too, and only the host goes on with those. A stopped script stays stopped in
 *         coroutines too, a method's own coroutine is the host's, and closing cannot nest until the C stack overflows.
 * ROOM    script. Below: wait.
 * OWNS    Nothing.
 * ALWAYS  1. No script resumes or closes a coroutine that waits for the host.
 *         2. No script holds the coroutine of a turn, which will be used for other calls.
 */
#ifndef TROUPE_LIB_COROUTINE_H
#define TROUPE_LIB_COROUTINE_H

#include <lua.h>

/* Sets these functions in the coroutine library on top of the stack. [-0, +0, m] */
void lib_coroutine_build(lua_State *L);

#endif
