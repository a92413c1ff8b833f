/* lib_kv.c -- see lib_kv.h: get, put and delete; the table of methods. */
#include "kv/lib_kv.h"

#include <lauxlib.h>

#include "kv/kv.h"
#include "kv/kv_batch.h"
#include "kv/kv_each.h"
#include "kv/kv_list.h"
#include "kv/kv_range.h"
#include "marshal/lua_key.h"
#include "vm/lua_vm.h"

static const struct argument key_argument = { .name = "key" }, value_argument = { .name = "value" };

/* The record key of the kv key at 2, all that is in `into` then. */
static struct slice record_key(lua_State *L, struct buf *into) {
  buf_clear(into);
  kv_begin_key(L, into);
  lua_key_write(L, 2, into, &key_argument);
  return buf_slice(into);
}

/* Raises if the turn has no room for a write. It must be called before the write, since a script may catch the error, and do
 * so again and again. What the key already counts for is looked up only if it matters. */
static void check_room(lua_State *L, struct slice key, size_t value_size) {
  const struct drafts *drafts = kv_view(L)->drafts;
  size_t bytes = drafts_bytes(drafts) + key.size + value_size;
  if (bytes > vm_of(L)->config.limits->commit_bytes) raise_over_commit(L, bytes - drafts_bytes_of(drafts, key));
}

/* kv:get(key [, opts]) -> value or nil; raises invalid_key   [-0, +1, v] */
static int kv_get(lua_State *L) {
  kv_check(L);
  bool bytes = kv_range_read_format(L, 3);
  struct slice value;
  enum err err = view_get(kv_view(L), record_key(L, &vm_of(L)->key), &value);
  if (err == ERR_NONE) {
    kv_push_value(L, value, bytes);
  } else if (err == ERR_NOT_FOUND) {
    lua_pushnil(L);
  } else {
    return kv_fail_storage(L);
  }
  return 1;
}

/* kv:put(key, value [, opts]); raises invalid_key, payload_too_large   [-0, +0, v] */
static int kv_put(lua_State *L) {
  struct vm *vm = vm_of(L);
  kv_check(L);
  bool bytes = kv_range_read_format(L, 4);
  struct buf *written = vm_begin_value(vm, 0);
  kv_write_value(L, 3, bytes, &value_argument, written);
  struct slice key = record_key(L, &vm->key), value = buf_slice(written);
  check_room(L, key, value.size);
  if (view_reach(kv_view(L), key) != ERR_NONE) return kv_fail_storage(L);
  if (!drafts_try_put(kv_view(L)->drafts, key, value)) return raise_host(L, ERR_MEMORY, "no memory for a put");
  return 0;
}

/* kv:delete(key) -> true if it was there; raises invalid_key   [-0, +1, v] */
static int kv_delete(lua_State *L) {
  kv_check(L);
  const struct view *view = kv_view(L);
  struct slice key = record_key(L, &vm_of(L)->key), value;
  enum err err = view_get(view, key, &value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return kv_fail_storage(L);
  if (err == ERR_NONE) check_room(L, key, 0);
  if (err == ERR_NONE && !drafts_try_delete(view->drafts, key)) return raise_host(L, ERR_MEMORY, "no memory for a delete");
  lua_pushboolean(L, err == ERR_NONE);
  return 1;
}

void lib_kv_build(lua_State *L) {
  static const luaL_Reg functions[] = {
    { "get", kv_get },           { "get_batch", kv_batch_get },       { "list", kv_list },
    { "each", kv_each },         { "count", kv_list_count },          { "put", kv_put },
    { "put_batch", kv_batch_put }, { "delete", kv_delete },           { "delete_batch", kv_batch_delete },
    { "delete_range", kv_list_delete_range }, { "delete_all", kv_list_delete_all }, { NULL, NULL },
  };
  kv_each_build(L);
  luaL_newlib(L, functions);                                         /* methods */
  kv_build(L);                                                       /* - */
}
