/* lib_kv.c -- see lib_kv.h: the userdata self.kv; get, put and delete. */
#include "script/lib_kv.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "codec/value.h"
#include "script/kv.h"
#include "script/lua_key.h"
#include "script/lua_value.h"

static const struct argument key_argument = { .name = "key" }, value_argument = { .name = "value" };

struct kv {
  uint64_t owner;             /* serial of the instance */
};

struct instance *kv_check(lua_State *L) {
  bool is_kv = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1);              /* [meta] */
  if (is_kv) {
    vm_push_ref(L, VM_KV_META);                                      /* meta kv_meta */
    is_kv = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);                                                   /* - */
  }
  if (!is_kv) raise_misuse(L, "call methods of kv with a colon: self.kv:get(key)");
  struct kv *kv = lua_touserdata(L, 1);
  if (vm_of(L)->now.owner != kv->owner) raise_misuse(L, "this kv belongs to an actor whose turn this is not");
  return vm_of(L)->now.instance;
}

const struct view *kv_view(lua_State *L) {
  return vm_of(L)->now.view;
}

int kv_fail_storage(lua_State *L) {
  return raise_host(L, ERR_STORAGE, "a record of this actor cannot be read");
}

static void push_value(lua_State *L, struct slice record, bool bytes) {
  if (record.size > 0 && record.data[0] == VALUE_NEVER) {
    lua_pushlstring(L, (const char *)record.data + 1, record.size - 1);
    return;
  }
  lua_value_read(L, record);
  if (bytes && lua_type(L, -1) != LUA_TSTRING) {
    raise_misuse(L, "options.format: \"bytes\", but the value is a %s", luaL_typename(L, -1));
  }
}

void kv_push_value(lua_State *L, struct slice record, bool bytes) {
  push_value(L, record, bytes);
  vm_check_limits_for(L, record.size);
}

static void write_bytes(lua_State *L, int index, const struct argument *argument) {
  struct buf *value = &vm_of(L)->value;
  size_t size;
  if (lua_type(L, index) != LUA_TSTRING) {
    raise_about(L, ERR_INTERNAL, argument, "with format \"bytes\" a string, not a %s", luaL_typename(L, index));
  }
  const char *text = lua_tolstring(L, index, &size);
  value->size_max++;                                                 /* the mark is not the script's */
  buf_put_byte(value, VALUE_NEVER);
  buf_put(value, slice_of(text, size));
}

static void write_value(lua_State *L, int index, const struct argument *argument) {
  struct vm *vm = vm_of(L);
  struct walk_options options = { .root = *argument, .depth_max = (size_t)vm->config.limits->depth, .boolean_keys = true,
                                  .shared = true };
  enum err err = lua_value_write(L, index, &vm->value, &options, &vm->raised);
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
}

void kv_write_value(lua_State *L, int index, bool bytes, const struct argument *argument) {
  struct vm *vm = vm_of(L);
  size_t limit = (size_t)vm->config.limits->value_bytes, begin = vm->value.size;
  if (lua_isnoneornil(L, index)) raise_about(L, ERR_INTERNAL, argument, "nil is not a value; kv:delete(key) deletes");
  vm->value.size_max = vm->value.size + limit;
  if (bytes) {
    write_bytes(L, index, argument);
  } else {
    write_value(L, index, argument);
  }
  vm_check_limits_for(L, vm->value.size - begin);
  vm->value.size_max = 0;                                            /* it is this value's, not that of what comes behind it */
  if (vm->value.err == ERR_NONE) return;
  if (vm->value.err != ERR_TOO_LARGE) raise_host(L, ERR_MEMORY, "no memory for a value");
  raise_about(L, ERR_TOO_LARGE, argument, "more than %zu bytes, the limit of a value " LIMIT_NAME(VALUE_BYTES), limit);
}

void kv_check_room(lua_State *L, size_t bytes) {
  size_t limit = (size_t)vm_of(L)->config.limits->commit_bytes;
  if (bytes <= limit) return;
  raise_host(L, ERR_TOO_LARGE, "%zu bytes changed by one call; the limit of one commit is %zu " LIMIT_NAME(COMMIT_BYTES), bytes, limit);
}

/* The record key of the kv key at 2, in vm->key. */
static struct slice record_key(lua_State *L, const struct instance *instance) {
  struct buf *key = &vm_of(L)->key;
  buf_clear(key);
  self_begin_key(instance, SPACE_KV, key);
  lua_key_write(L, 2, key, &key_argument);
  return buf_slice(key);
}

/* Raises where the turn has no room for a write: before it is made, since a script may catch the error, again and
 * again. What the key counts already is asked for only where it matters. */
static void check_room(lua_State *L, struct slice key, size_t value_size) {
  const struct drafts *drafts = kv_view(L)->drafts;
  size_t bytes = drafts_bytes(drafts) + key.size + value_size;
  if (bytes > vm_of(L)->config.limits->commit_bytes) kv_check_room(L, bytes - drafts_bytes_of(drafts, key));
}

/* kv:get(key [, opts]) -> value or nil; raises invalid_key   [-0, +1, v] */
static int kv_get(lua_State *L) {
  struct instance *instance = kv_check(L);
  bool bytes = kv_format_read(L, 3);
  struct slice value;
  enum err err = view_get(kv_view(L), record_key(L, instance), &value);
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
  struct instance *instance = kv_check(L);
  bool bytes = kv_format_read(L, 4);
  vm_begin_value(vm_of(L), 0);
  kv_write_value(L, 3, bytes, &value_argument);
  struct slice key = record_key(L, instance), value = buf_slice(&vm_of(L)->value);
  check_room(L, key, value.size);
  if (view_reach(kv_view(L), key) != ERR_NONE) return kv_fail_storage(L);
  if (!drafts_try_put(kv_view(L)->drafts, key, value)) return raise_host(L, ERR_MEMORY, "no memory for a put");
  return 0;
}

/* kv:delete(key) -> true if it was there; raises invalid_key   [-0, +1, v] */
static int kv_delete(lua_State *L) {
  struct instance *instance = kv_check(L);
  const struct view *view = kv_view(L);
  struct slice key = record_key(L, instance), value;
  enum err err = view_get(view, key, &value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return kv_fail_storage(L);
  if (err == ERR_NONE) check_room(L, key, 0);
  if (err == ERR_NONE && !drafts_try_delete(view->drafts, key)) return raise_host(L, ERR_MEMORY, "no memory for a delete");
  lua_pushboolean(L, err == ERR_NONE);
  return 1;
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

void lib_kv_push_list(lua_State *L, struct instance *instance) {
  lua_pushcfunction(L, kv_list);                                     /* function */
  lib_kv_push(L, instance);                                          /* function kv */
}

void lib_kv_build(lua_State *L) {
  static const luaL_Reg functions[] = {
    { "get", kv_get },           { "get_batch", kv_get_batch },       { "list", kv_list },
    { "each", kv_each },         { "count", kv_count },               { "put", kv_put },
    { "put_batch", kv_put_batch }, { "delete", kv_delete },           { "delete_batch", kv_delete_batch },
    { "delete_range", kv_delete_range }, { "delete_all", kv_delete_all }, { NULL, NULL },
  };
  kv_each_build(L);
  lua_createtable(L, 0, 3);                                          /* meta */
  lua_pushliteral(L, "kv");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  luaL_newlib(L, functions);                                         /* meta methods */
  lua_setfield(L, -2, "__index");                                    /* meta */
  vm_set_ref(L, VM_KV_META);                                         /* - */
}
