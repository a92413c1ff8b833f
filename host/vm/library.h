/* library.h -- read-only views of libraries.
 *
 * WHY     The scripts of one worker share the libraries; a view lets all of them read and none of them write, not even with
 *         rawset.
 * ROOM    vm.
 */
#ifndef TROUPE_LIBRARY_H
#define TROUPE_LIBRARY_H

#include <lua.h>
#include <stdbool.h>

/* Replaces the library on top of the stack with a view of it. [-1, +1, m] */
void library_protect(lua_State *L);

/* Whether the value at `index` is such a view. [-0, +0, -] */
bool library_is_view(lua_State *L, int index);

/* Pushes a fresh environment for a file: empty, with reads that fall through to the globals. [-0, +1, m] */
void library_push_environment(lua_State *L);

#endif
