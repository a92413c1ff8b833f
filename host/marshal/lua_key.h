/* lua_key.h -- Lua tuples to encoded keys and back.
 *
 * WHY     A kv key is a tuple: a table of parts, or a plain string, number or boolean for a tuple of one.
 * ROOM    marshal. Below: walk, codec.
 */
#ifndef TROUPE_LUA_KEY_H
#define TROUPE_LUA_KEY_H

#include "vm/raise.h"

/* Appends the key at `index`; the argument names it in errors. Raises `invalid_key` for a value that cannot be a key, and
 * for a key over --limit-key-bytes, with its size. [-0, +0, v] */
void lua_key_write(lua_State *L, int index, struct buf *key, const struct argument *argument);

/* Pushes the tuple of an encoded key, a table marked as a sequence. Raises `storage_error` if the bytes are not a key.
 * [-0, +1, v] */
void lua_key_read(lua_State *L, struct slice key);

/* Pushes the only part of an encoded key. [-0, +1, v] */
void lua_key_read_part(lua_State *L, struct slice key);

#endif
