/* lua_value.h -- Lua values to value bytes and back.
 *
 * WHY     The one translation between values in scripts and values that are saved or copied (codec/value.h).
 * ROOM    marshal. Below: walk, journal, codec.
 */
#ifndef TROUPE_LUA_VALUE_H
#define TROUPE_LUA_VALUE_H

#include "marshal/walk.h"

/* Appends the bytes of the value at `index`. ERR_NONE; or ERR_INTERNAL, with the path in the failure (which is cleared
 * first); or ERR_MEMORY or ERR_TOO_LARGE of the buffer. Raises as walk() does. [-0, +0, v] */
enum err lua_value_write(lua_State *L, int index, struct buf *bytes, const struct walk_options *options,
                         struct failure *failure);

/* Pushes the value of the bytes. Raises `storage_error` if they are not a value. [-0, +1, v] */
void lua_value_read(lua_State *L, struct slice bytes);

/* How to read into something other than plain tables, as a state does. */
struct lua_value_maker {
  /* Replaces the new table on top of the stack with its stand-in, and pushes the table that its fields go into. [-1,
   * +2, m] */
  void (*begin)(lua_State *L, struct lua_value_maker *maker, bool array);
  /* With `stand-in table key value` on top of the stack: called just before table[key] = value. [-0, +0, m] */
  void (*place)(lua_State *L, struct lua_value_maker *maker);
  /* Pushes the stand-in of a node. [-0, +1, m] */
  void (*push_node)(lua_State *L, struct lua_value_maker *maker, uint64_t node_id);
};

void lua_value_read_by(lua_State *L, struct slice bytes, struct lua_value_maker *maker);

#endif
