/* lib_kv.c -- see lib_kv.h. */
#include "script/lib_kv.h"

#include <lauxlib.h>
#include <string.h>

#include "script/kv_range.h"
#include "script/lib_error.h"
#include "script/lua_key.h"
#include "script/lua_value.h"
#include "script/turn.h"
#include "script/walk.h"

enum { BYTES_MARK = 0xc1 };   /* MessagePack never uses it */

struct kv {
  uint64_t owner;             /* serial of the instance */
};

/* The actor whose kv is argument 1; raises where that is none, or not the actor whose turn it is. */
static struct instance *check_kv(lua_State *L) {
  bool is_kv = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1);              /* [meta] */
  if (is_kv) {
    vm_push_ref(L, VM_KV_META);                                      /* meta kv_meta */
    is_kv = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);                                                   /* - */
  }
  if (!is_kv) lib_misuse(L, "call methods of kv with a colon: self.kv:get(key)");
  struct kv *kv = lua_touserdata(L, 1);
  struct turn *turn = vm_of(L)->turn;
  if (turn == NULL || turn->instance->serial != kv->owner) {
    lib_misuse(L, "this kv belongs to an actor whose turn this is not");
  }
  return turn->instance;
}

/* Reads { format = ... } at `index`: whether it is "bytes". */
static bool check_format(lua_State *L, int index) {
  bool marked, bytes = false;
  if (lua_isnoneornil(L, index)) return false;
  if (!walk_table(L, index, &marked)) lib_misuse(L, "options: a table, not a %s", luaL_typename(L, index));
  int data = lua_gettop(L);                                          /* data */
  lua_pushnil(L);                                                    /* data name */
  while (lua_next(L, data)) {                                        /* data name value */
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
    if (strcmp(name, "format") != 0) lib_misuse(L, "options: unknown option \"%.64s\"", name);
    const char *format = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bytes = strcmp(format, "bytes") == 0;
    if (!bytes && strcmp(format, "value") != 0) lib_misuse(L, "options.format: \"value\" or \"bytes\"");
    lua_pop(L, 1);                                                   /* data name */
  }
  lua_pop(L, 1);                                                     /* - */
  return bytes;
}

/* The record key of the kv key at `index`, in vm->key. */
static struct slice record_key(lua_State *L, int index, const struct instance *instance) {
  struct buf *key = &vm_of(L)->key;
  buf_clear(key);
  self_begin_key(instance, 'k', key);
  luaL_checkany(L, index);
  lua_key_write(L, index, key, "key");
  return buf_slice(key);
}

static int fail_storage(lua_State *L) {
  return lib_fail(L, ERR_STORAGE, "a record of this actor cannot be read");
}

/* Pushes the value of a record. [-0, +1, v] */
static void push_value(lua_State *L, struct slice record, bool bytes) {
  if (record.size > 0 && record.data[0] == BYTES_MARK) {
    lua_pushlstring(L, (const char *)record.data + 1, record.size - 1);
    return;
  }
  lua_value_read(L, record);
  if (bytes && lua_type(L, -1) != LUA_TSTRING) {
    lib_misuse(L, "options.format: \"bytes\", but the value is a %s", luaL_typename(L, -1));
  }
}

/* kv:get(key [, opts]) -> value or nil; raises invalid_key   [-0, +1, v] */
static int kv_get(lua_State *L) {
  struct instance *instance = check_kv(L);
  bool bytes = check_format(L, 3);
  struct slice value;
  enum err err = view_get(&vm_of(L)->turn->view, record_key(L, 2, instance), &value);
  if (err == ERR_NOT_FOUND) {
    lua_pushnil(L);
    return 1;
  }
  if (err != ERR_NONE) return fail_storage(L);
  push_value(L, value, bytes);
  return 1;
}

/* The bytes of the value at `index`, in vm->value; raises where they cannot be made. */
static struct slice value_bytes(lua_State *L, int index, bool bytes) {
  struct vm *vm = vm_of(L);
  size_t limit = (size_t)vm->config.limits->value_bytes;
  if (lua_isnil(L, index)) lib_misuse(L, "value: nil is not a value; kv:delete(key) deletes");
  vm_begin_value(vm, limit);
  if (bytes) {
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING) lib_misuse(L, "value: with format \"bytes\" a string, not a %s", luaL_typename(L, index));
    const char *text = lua_tolstring(L, index, &size);
    buf_put_byte(&vm->value, BYTES_MARK);
    buf_put(&vm->value, slice_of(text, size));
  } else {
    struct walk_options options = { .root = "value", .depth_max = (size_t)vm->config.limits->depth, .boolean_keys = true,
                                    .shared = true };
    enum err err = lua_value_write(L, index, &vm->value, &options, &vm->raised);
    if (err == ERR_INTERNAL) lib_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  }
  if (vm->value.err == ERR_TOO_LARGE) {
    lib_fail(L, ERR_TOO_LARGE, "value: more than %zu bytes, the limit of a value (limit value-bytes)", limit);
  }
  if (vm->value.err != ERR_NONE) lib_fail(L, ERR_MEMORY, "no memory for a value");
  return buf_slice(&vm->value);
}

/* Raises where the turn has no room for this change. Before it is made: a script may catch the error, again and again.
 * */
static void check_room(lua_State *L, struct slice key, struct slice value) {
  struct vm *vm = vm_of(L);
  const struct memtable *drafts = vm->turn->view.drafts;
  const struct memtable_entry *older = memtable_find(drafts, key);
  size_t bytes = memtable_bytes(drafts) + key.size + value.size, limit = (size_t)vm->config.limits->commit_bytes;
  if (older != NULL) bytes -= memtable_key(older).size + memtable_value(older).size;
  if (bytes > limit) {
    lib_fail(L, ERR_TOO_LARGE, "%zu bytes changed by one call; the limit of one commit is %zu (limit commit-bytes)", bytes,
             limit);
  }
}

/* kv:put(key, value [, opts]); raises invalid_key, payload_too_large   [-0, +0, v] */
static int kv_put(lua_State *L) {
  struct instance *instance = check_kv(L);
  bool bytes = check_format(L, 4);
  luaL_checkany(L, 3);
  struct slice value = value_bytes(L, 3, bytes);
  struct slice key = record_key(L, 2, instance);
  check_room(L, key, value);
  if (!memtable_try_put(vm_of(L)->turn->view.drafts, key, value)) return lib_fail(L, ERR_MEMORY, "no memory for a put");
  return 0;
}

/* kv:delete(key) -> true if it was there; raises invalid_key   [-0, +1, v] */
static int kv_delete(lua_State *L) {
  struct instance *instance = check_kv(L);
  struct turn *turn = vm_of(L)->turn;
  struct slice key = record_key(L, 2, instance), value;
  enum err err = view_get(&turn->view, key, &value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return fail_storage(L);
  if (err == ERR_NONE) check_room(L, key, slice_of(NULL, 0));
  if (err == ERR_NONE && !memtable_try_delete(turn->view.drafts, key)) return lib_fail(L, ERR_MEMORY, "no memory for a delete");
  lua_pushboolean(L, err == ERR_NONE);
  return 1;
}

/* Pushes the entries of a range. [-0, +1, v] */
static void push_list(lua_State *L, const struct kv_range *range) {
  struct scan scan;
  struct slice key, value;
  enum err err;
  luaL_checkstack(L, 8, NULL);
  lua_newtable(L);                                                   /* list */
  walk_mark(L);
  scan_begin(&scan, &vm_of(L)->turn->view, range->from, range->to, range->reverse);
  for (size_t i = 0; i < range->limit; i++) {
    err = scan_next(&scan, &key, &value);
    if (err == ERR_NOT_FOUND) return;                                /* list */
    if (err != ERR_NONE) fail_storage(L);
    lua_createtable(L, 0, 2);                                        /* list entry */
    lua_key_read(L, slice_after(key, 9));                            /* list entry key */
    lua_setfield(L, -2, "key");                                      /* list entry */
    push_value(L, value, range->bytes);                              /* list entry value */
    lua_setfield(L, -2, "value");                                    /* list entry */
    lua_rawseti(L, -2, (lua_Integer)i + 1);                          /* list */
    vm_check_limits(L);
  }
}

/* kv:list([opts]) -> array of { key = tuple, value = v } in key order   [-0, +1, v] */
static int kv_list(lua_State *L) {
  struct instance *instance = check_kv(L);
  struct kv_range range;
  kv_range_read(L, 2, instance, &range);
  push_list(L, &range);
  return 1;
}

void lib_kv_push_all(lua_State *L, struct instance *instance) {
  struct kv_range range;
  kv_range_read(L, lua_gettop(L) + 1, instance, &range);
  push_list(L, &range);
}

void lib_kv_push(lua_State *L, struct instance *instance) {
  self_push_slot(L, instance, SELF_KV);                              /* kv|nil */
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);                                                     /* - */
  struct kv *kv = lua_newuserdatauv(L, sizeof *kv, 0);               /* kv */
  kv->owner = instance->serial;
  vm_push_ref(L, VM_KV_META);
  lua_setmetatable(L, -2);                                           /* kv */
  lua_pushvalue(L, -1);
  self_set_slot(L, instance, SELF_KV);                               /* kv */
}

void lib_kv_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "get", kv_get }, { "put", kv_put }, { "delete", kv_delete }, { "list", kv_list },
                                        { NULL, NULL } };
  lua_createtable(L, 0, 4);                                          /* meta */
  lua_pushliteral(L, "kv");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  luaL_newlib(L, functions);                                         /* meta methods */
  lua_setfield(L, -2, "__index");                                    /* meta */
  vm_set_ref(L, VM_KV_META);                                         /* - */
}
