/* kv.h -- what the files of self.kv share.
 *
 * WHY     get, put and delete are in lib_kv.c, what goes over many entries in kv_list.c, kv_each.c and kv_batch.c.
 * ROOM    script, inside. Below: kv_range, lua_key, lua_value.
 * BYTES   A record of the actor: space `k` and the key; the value as codec/value.h says, or with format = "bytes" a c1,
 *         which MessagePack never uses, and the bytes of the string as they are.
 * ALWAYS  What a call writes has been checked before the first of it is written.
 */
#ifndef TROUPE_KV_H
#define TROUPE_KV_H

#include "script/kv_range.h"
#include "script/raise.h"
#include "script/pause.h"

/* The methods of self.kv that are not in lib_kv.c. [-0, +n, v] */
int kv_list(lua_State *L);
int kv_each(lua_State *L);
int kv_count(lua_State *L);
int kv_delete_range(lua_State *L);
int kv_delete_all(lua_State *L);
int kv_get_batch(lua_State *L);
int kv_put_batch(lua_State *L);
int kv_delete_batch(lua_State *L);

/* Makes the metatable of iterators. [-0, +0, m] */
void kv_each_build(lua_State *L);

/* The actor whose kv is argument 1; raises where that is none, or not the actor whose turn it is. */
struct instance *kv_check(lua_State *L);

/* What the turn that runs may read, and its drafts. */
const struct view *kv_view(lua_State *L);

/* Pushes the value of a record. [-0, +1, v] */
void kv_push_value(lua_State *L, struct slice record, bool bytes);

/* Appends the bytes of the value at `index`, which is the argument, to vm->value. [-0, +0, v] */
void kv_write_value(lua_State *L, int index, bool bytes, const struct argument *argument);

/* Raises where the turn's commit would have more than `bytes`, which are what it would have, over its limit. [-0, +0,
 * v] */
void kv_check_room(lua_State *L, size_t bytes);

int kv_fail_storage(lua_State *L);

#endif
