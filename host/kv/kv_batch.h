/* kv_batch.h -- many keys in one call.
 *
 * WHY     A batch is checked as a whole before any of it is written.
 * ROOM    kv. Below: kv, kv_range.
 */
#ifndef TROUPE_KV_BATCH_H
#define TROUPE_KV_BATCH_H

#include <lua.h>

/* kv:get_batch(keys [, opts]), kv:put_batch(entries [, opts]), kv:delete_batch(keys)   [-0, +n, v] */
int kv_batch_get(lua_State *L);
int kv_batch_put(lua_State *L);
int kv_batch_delete(lua_State *L);

#endif
