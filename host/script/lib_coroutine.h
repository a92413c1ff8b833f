/* lib_coroutine.h -- the coroutine functions that differ from Lua's own.
 *
 * WHY     What was stopped stays stopped in coroutines too, a method's own coroutine is the host's, and closing cannot
 *         nest until the C stack ends.
 * ROOM    script.
 */
#ifndef TROUPE_LIB_COROUTINE_H
#define TROUPE_LIB_COROUTINE_H

#include <lua.h>

/* Sets resume, wrap, close and yield in the coroutine library on top of the stack. [-0, +0, m] */
void lib_coroutine_build(lua_State *L);

#endif
