/* lib_coroutine.h -- the coroutine functions that differ from Lua's own.
 *
 * WHY     A stopped script stays stopped in coroutines too, a method's own coroutine is the host's, and closing cannot nest
 *         until the C stack overflows.
 * ROOM    script.
 * ALWAYS  A script holds no coroutine in which the host waits: none that saves, pauses or rests between calls.
 */
#ifndef TROUPE_LIB_COROUTINE_H
#define TROUPE_LIB_COROUTINE_H

#include <lua.h>

/* Sets these functions in the coroutine library on top of the stack. [-0, +0, m] */
void lib_coroutine_build(lua_State *L);

#endif
