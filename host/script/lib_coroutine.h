/* lib_coroutine.h -- the coroutine functions that differ from Lua's own.
 *
 * WHY     A call waits for the host in coroutines too, and nobody else goes on with those. What was stopped stays stopped
 *         in them, a method's own coroutine is the host's, and closing cannot nest until the C stack ends.
 * ROOM    script. Below: wait.
 * ALWAYS  1. A script resumes and closes no coroutine that waits for the host, whoever holds it.
 *         2. A script holds no coroutine of a turn: none that will be used for another call.
 */
#ifndef TROUPE_LIB_COROUTINE_H
#define TROUPE_LIB_COROUTINE_H

#include <lua.h>

/* Sets these functions in the coroutine library on top of the stack. [-0, +0, m] */
void lib_coroutine_build(lua_State *L);

#endif
