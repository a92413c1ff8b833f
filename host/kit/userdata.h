/* userdata.h -- classes of userdata for specs.
 *
 * WHY   Hosts and calls under way are objects of a spec: they have methods, and end when the spec forgets them.
 * ROOM  kit.
 */
#ifndef TROUPE_USERDATA_H
#define TROUPE_USERDATA_H

#include <lauxlib.h>

/* Makes a class with these methods; `gc` runs at the end of each of its objects. [-0, +0, m] */
void userdata_make_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

#endif
