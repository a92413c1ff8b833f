/* lib_kv.h -- self.kv: each actor's own ordered store.
 *
 * WHY     Data that need not fit in memory, sorted by structured keys, and committed together with the state.
 * ROOM    kv. Below: kv, kv_list, kv_each, kv_batch.
 * LIMITS  key_bytes, value_bytes; commit_bytes is checked before each write, and when the turn ends.
 */
#ifndef TROUPE_LIB_KV_H
#define TROUPE_LIB_KV_H

#include <lua.h>

/* Makes the metatables of kv objects and their iterators. [-0, +0, m] */
void lib_kv_build(lua_State *L);

#endif
