/* modules.h -- require.
 *
 * WHY     Class files share code, in modules of the folder and of the host.
 * ROOM    script. Below: source, library, the host's own modules.
 * ALWAYS  A module runs once per VM. One that failed is as if it had never been required.
 */
#ifndef TROUPE_MODULES_H
#define TROUPE_MODULES_H

#include <lua.h>

/* require(name) -> module   [-0, +1, v] */
int modules_require(lua_State *L);

/* Runs the module of this name from this file, keeps what it returned and pushes that. [-0, +1, v] */
void modules_load(lua_State *L, const char *name, const char *path);

#endif
