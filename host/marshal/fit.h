/* fit.h -- as much of a value as JSON can express.
 *
 * WHY     The metadata of an error must leave with it, whatever a script has put there: a field that JSON cannot express is
 *         left out, without losing the error or the other fields.
 * ROOM    marshal. Below: walk.
 */
#ifndef TROUPE_FIT_H
#define TROUPE_FIT_H

#include <lua.h>
#include <stddef.h>

/* Pushes a copy of the value at `index` that holds only what JSON can express; nil if that is nothing. It leaves out
 * functions, userdata, threads, NaN, infinities, strings that are not UTF-8, fields whose names are not UTF-8 strings,
 * whatever is nested deeper than `depth_max`, and any table that it has met before. In a sequence, `null` takes the place
 * of a value that is left out. [-0, +1, v] */
void fit_push(lua_State *L, int index, size_t depth_max);

#endif
