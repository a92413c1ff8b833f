/* lua_value.h -- Lua values to value bytes and back.
 *
 * WHY     The one translation between what scripts hold and what is saved or copied (codec/value.h).
 * ROOM    script. Below: walk, journal, codec.
 */
#ifndef TROUPE_LUA_VALUE_H
#define TROUPE_LUA_VALUE_H

#include "script/walk.h"

struct instance;

/* Appends the bytes of the value at `index`. ERR_NONE; ERR_INTERNAL with the path in the failure (cleared first), or
 * ERR_MEMORY or ERR_TOO_LARGE of the buffer. Raises as walk() does. [-0, +0, v] */
enum err lua_value_write(lua_State *L, int index, struct buf *bytes, const struct walk_options *options,
                         struct failure *failure);

/* Pushes the value of the bytes. Raises `storage_error` for bytes that are no value. [-0, +1, v] */
void lua_value_read(lua_State *L, struct slice bytes);

/* Reading for a state: each table becomes a part of it, with its home where that is a table of this value, and
 * references to nodes are what push_node() pushes. */
struct lua_value_parts {
  struct instance *instance;
  void (*push_node)(lua_State *L, struct lua_value_parts *parts, uint64_t node_id);
};

void lua_value_read_parts(lua_State *L, struct slice bytes, struct lua_value_parts *parts);

#endif
