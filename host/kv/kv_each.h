/* kv_each.h -- iterators over the entries as they were when the loop began.
 *
 * WHY     A loop over more entries than fit in memory, which no write during the loop makes skip or repeat one.
 * ROOM    kv. Below: kv, kv_range.
 */
#ifndef TROUPE_KV_EACH_H
#define TROUPE_KV_EACH_H

#include <lua.h>

/* Makes the metatable of iterators. [-0, +0, m] */
void kv_each_build(lua_State *L);

/* for key, value in kv:each([opts]) do   [-0, +4, v] */
int kv_each(lua_State *L);

#endif
