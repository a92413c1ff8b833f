/* fit.h -- what JSON can express of a value.
 *
 * WHY     The metadata of an error must leave with it, whatever a script has put there: a field that has no form in JSON is
 *         left out, and neither the error nor the other fields are lost for it.
 * ROOM    marshal. Below: walk.
 */
#ifndef TROUPE_FIT_H
#define TROUPE_FIT_H

#include <lua.h>
#include <stddef.h>

/* Pushes a copy of the value at `index` that holds nothing but what JSON can express; nil where that is nothing. In a
 * sequence `null` stands in the place of what is left out. Left out are functions, userdata, threads, NaN, infinities,
 * strings that are not UTF-8, fields whose names are no such strings, what is nested deeper than `depth_max`, and a table
 * that was met before. [-0, +1, v] */
void fit_push(lua_State *L, int index, size_t depth_max);

#endif
