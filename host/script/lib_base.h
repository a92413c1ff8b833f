/* lib_base.h -- the base functions that differ from Lua's own.
 *
 * WHY     Parts of a state are userdata that must look like tables; a script must not catch the error that stops it; and
 *         addresses of memory are shown nowhere.
 * ROOM    script.
 */
#ifndef TROUPE_LIB_BASE_H
#define TROUPE_LIB_BASE_H

#include <lua.h>

/* Sets type, next, rawget, rawset, rawlen, pcall, xpcall, tostring, getmetatable, setmetatable and load in the table on
 * top of the stack. They replace or wrap Lua's own, which must be set already. [-0, +0, m] */
void lib_base_build(lua_State *L);

/* tostring(v) -> string, never with an address   [-0, +1, v] */
int lib_base_tostring(lua_State *L);

/* Sets rep and format in the string library on top of the stack, and removes dump. [-0, +0, m] */
void lib_base_build_string(lua_State *L);

/* array([t]) -> t   [-0, +1, v] */
int lib_base_array(lua_State *L);

#endif
