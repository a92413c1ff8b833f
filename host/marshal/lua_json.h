/* lua_json.h -- Lua values to JSON text and back, exactly.
 *
 * WHY     For arguments and results over HTTP, and for scripts as `require "troupe.json"` (lua/README.md, "JSON").
 * ROOM    marshal. Below: walk, codec.
 */
#ifndef TROUPE_LUA_JSON_H
#define TROUPE_LUA_JSON_H

#include "marshal/walk.h"

/* Appends the text of the value at `index`. Fails as lua_value_write() does. [-0, +0, v] */
enum err lua_json_write(lua_State *L, int index, struct buf *text, const struct walk_options *options,
                        struct failure *failure);

/* The same for people to read: NaN and infinities become words, and bytes that are not UTF-8 become \ufffd. */
enum err lua_json_show(lua_State *L, int index, struct buf *text, const struct walk_options *options,
                       struct failure *failure);

enum { LUA_JSON_DEPTH_MAX = 1000 };

/* Pushes the value of the text, in which tables are nested at most `depth_max` deep (and never deeper than
 * LUA_JSON_DEPTH_MAX). If it fails, it pushes nothing, and the failure (cleared first) says why, as json_parse() does.
 * [-0, +(0|1), v] */
enum err lua_json_try_read(lua_State *L, struct slice text, size_t depth_max, struct failure *failure);

/* Pushes the value of the text. Raises `invalid_request`, with the place, if it is not JSON. [-0, +1, v] */
void lua_json_read(lua_State *L, struct slice text);

/* The module troupe.json: encode(value) -> text, decode(text) -> value, null. [-0, +1, m] */
int lua_json_open(lua_State *L);

#endif
