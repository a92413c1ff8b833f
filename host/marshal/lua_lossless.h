/* lua_lossless.h -- any Lua value as JSON that leaves nothing out.
 *
 * WHY     An operator may look at anything that a script holds, and looking never fails: values that JSON cannot express get
 *         a form of their own (lua/README.md, "The lossless form").
 * ROOM    marshal. Below: journal, walk, codec.
 * ALWAYS  Tables are read raw: no code of a script runs. Whatever a state or a kv can hold can be read back from the text
 *         exactly, except for whether a non-empty array was marked. What is not data is described in words.
 */
#ifndef TROUPE_LUA_LOSSLESS_H
#define TROUPE_LUA_LOSSLESS_H

#include <lua.h>

#include "base/failure.h"

/* Appends the text of the value at `index`, at most JSON_LOSSLESS_DEPTH_MAX deep. ERR_NONE, or ERR_MEMORY or ERR_TOO_LARGE
 * of the buffer, with the failure set. Raises if out of memory and at the limits of a call. [-0, +0, v] */
enum err lua_lossless_write(lua_State *L, int index, struct buf *text, struct failure *failure);

#endif
