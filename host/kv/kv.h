/* kv.h -- what the files of self.kv share.
 *
 * WHY     get, put and delete are in lib_kv.c; methods over many entries are in kv_list.c, kv_each.c and kv_batch.c. This file
 *         says what a kv object is and what a record holds.
 * ROOM    kv. Below: lua_key, lua_value, the ledger's view.
 * BYTES   A record of the actor: space `k` and the key; the value as codec/value.h says. With format = "bytes" the value is a
 *         c1, which MessagePack never uses, and the bytes of the string as they are.
 * ALWAYS  A call checks everything it is about to write before it writes any of it.
 */
#ifndef TROUPE_KV_H
#define TROUPE_KV_H

#include "ledger/view.h"
#include "vm/raise.h"

/* Makes the metatable of the kv; `methods` is on top of the stack. [-1, +0, m] */
void kv_build(lua_State *L);

/* Pushes a new kv object of the actor whose turn it is. [-0, +1, m] */
void kv_push_new(lua_State *L);

/* Raises if argument 1 is not the kv of the actor whose turn it is. */
void kv_check(lua_State *L);

/* Begins the record key of an entry of that actor. */
void kv_begin_key(lua_State *L, struct buf *key);

/* What the running turn may read, and its drafts. */
const struct view *kv_view(lua_State *L);

/* Pushes the value of a record. [-0, +1, v] */
void kv_push_value(lua_State *L, struct slice record, bool bytes);

/* Appends the bytes of the value at `index`; the argument names it in errors. [-0, +0, v] */
void kv_write_value(lua_State *L, int index, bool bytes, const struct argument *argument, struct buf *into);

int kv_fail_storage(lua_State *L);

#endif
