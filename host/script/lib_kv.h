/* lib_kv.h -- self.kv: an ordered store of its own for each actor.
 *
 * WHY     Data that need not fit in memory, sorted by structured keys, in the same commit as the state.
 * ROOM    script. Below: self, lua_key, lua_value, the turn's view of the ledger.
 * LIMITS  key_bytes, value_bytes; commit_bytes is checked before each write, and where the turn ends.
 */
#ifndef TROUPE_LIB_KV_H
#define TROUPE_LIB_KV_H

#include "script/self.h"

/* Makes the metatable of kv objects. [-0, +0, m] */
void lib_kv_build(lua_State *L);

/* Pushes the actor's kv object. [-0, +1, m] */
void lib_kv_push(lua_State *L, struct instance *instance);

/* Pushes the function list and the actor's kv, to be called with it: that may pause. [-0, +2, m] */
void lib_kv_push_list(lua_State *L, struct instance *instance);

#endif
