/* modules.h -- require.
 *
 * WHY     Class files share code, by modules of the folder and of the host.
 * ROOM    script. Below: source, library, the host's own modules.
 * ALWAYS  A module is run once a VM; one that failed is as if it had never been required.
 */
#ifndef TROUPE_MODULES_H
#define TROUPE_MODULES_H

#include <lua.h>

/* require(name) -> module   [-0, +1, v] */
int modules_require(lua_State *L);

/* Runs the module of this name from this file and pushes what it returned; keeps it. [-0, +1, v] */
void modules_load(lua_State *L, const char *name, const char *path);

#endif
