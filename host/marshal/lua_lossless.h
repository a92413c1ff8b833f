/* lua_lossless.h -- any Lua value as JSON that says all of it.
 *
 * WHY     An operator looks at whatever a script holds, and looking never fails: what JSON has no form for gets one
 *         (lua/README.md, "The lossless form").
 * ROOM    marshal. Below: journal, walk, codec.
 * ALWAYS  Tables are read raw: no code of a script runs. What a state or a kv can hold can be read back from the text as it
 *         was, but for whether an array that is not empty is marked. What is no data is told in words.
 */
#ifndef TROUPE_LUA_LOSSLESS_H
#define TROUPE_LUA_LOSSLESS_H

#include <lua.h>

#include "base/failure.h"

/* Appends the text of the value at `index`, at most JSON_LOSSLESS_DEPTH_MAX deep. ERR_NONE, or ERR_MEMORY or ERR_TOO_LARGE
 * of the buffer, with the failure set. Raises for want of memory and at the limits of a call. [-0, +0, v] */
enum err lua_lossless_write(lua_State *L, int index, struct buf *text, struct failure *failure);

#endif
