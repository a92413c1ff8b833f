/* lib_cjson.h -- lua-cjson for scripts.
 *
 * WHY     `require "cjson"` works in actors as it does elsewhere, with all its settings. But numbers keep all their digits,
 *         arrays stay arrays, and encode takes parts of a state too. Each file that requires it gets an instance of its own,
 *         so that the settings of one file do not reach another.
 * ROOM    script. Below: lua_json, walk.
 */
#ifndef TROUPE_LIB_CJSON_H
#define TROUPE_LIB_CJSON_H

#include <lua.h>
#include <stdbool.h>

/* Opens lua-cjson and keeps its `new`. [-0, +0, m] */
void lib_cjson_build(lua_State *L);

/* Pushes a new instance, of cjson or of cjson.safe. [-0, +1, m] */
void lib_cjson_push(lua_State *L, bool safe);

#endif
