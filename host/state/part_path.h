/* part_path.h -- where in the state a part is, in words.
 *
 * WHY     An error about a part names its path, `state.players["ann b"].cb`, and only then is that path searched for.
 * ROOM    state. Below: part, holder.
 */
#ifndef TROUPE_PART_PATH_H
#define TROUPE_PART_PATH_H

#include "state/part.h"

/* Raises an error about the field `key` of the part at `index`, with its path. [-0, +0, v] */
int part_path_raise(lua_State *L, int index, int key, const char *what);

#endif
