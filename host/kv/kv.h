/* kv.h -- what the files of self.kv share.
 *
 * WHY     get, put and delete are in lib_kv.c, what goes over many entries in kv_list.c, kv_each.c and kv_batch.c. What is
 *         a kv object, and what is in a record, is said here.
 * ROOM    kv. Below: lua_key, lua_value, the ledger's view.
 * BYTES   A record of the actor: space `k` and the key; the value as codec/value.h says, or with format = "bytes" a c1,
 *         which MessagePack never uses, and the bytes of the string as they are.
 * ALWAYS  What a call writes has been checked before the first of it is written.
 */
#ifndef TROUPE_KV_H
#define TROUPE_KV_H

#include "ledger/view.h"
#include "vm/raise.h"

/* Makes the metatable of the kv; `methods` is on top of the stack. [-1, +0, m] */
void kv_build(lua_State *L);

/* Pushes a new kv object of the actor whose turn it is. [-0, +1, m] */
void kv_push_new(lua_State *L);

/* Raises where argument 1 is not the kv of the actor whose turn it is. */
void kv_check(lua_State *L);

/* Begins the record key of an entry of that actor. */
void kv_begin_key(lua_State *L, struct buf *key);

/* What the turn that runs may read, and its drafts. */
const struct view *kv_view(lua_State *L);

/* Pushes the value of a record. [-0, +1, v] */
void kv_push_value(lua_State *L, struct slice record, bool bytes);

/* Appends the bytes of the value at `index`, which is the argument. [-0, +0, v] */
void kv_write_value(lua_State *L, int index, bool bytes, const struct argument *argument, struct buf *into);

/* Raises where the turn's commit would have more than `bytes`, which are what it would have, over its limit. [-0, +0,
 * v] */
void kv_check_room(lua_State *L, size_t bytes);

int kv_fail_storage(lua_State *L);

#endif
