/* kv.c -- see kv.h. */
#include "kv/kv.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "codec/value.h"
#include "ledger/record_key.h"
#include "marshal/lua_value.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

struct kv {
  uint64_t owner;             /* serial of the instance */
};

void kv_check(lua_State *L) {
  bool is_kv = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1);              /* [meta] */
  if (is_kv) {
    vm_push_ref(L, VM_KV_META);                                      /* meta kv_meta */
    is_kv = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);                                                   /* - */
  }
  if (!is_kv) raise_misuse(L, "call methods of kv with a colon: self.kv:get(key)");
  struct kv *kv = lua_touserdata(L, 1);
  if (vm_of(L)->now.owner != kv->owner) raise_misuse(L, "this kv belongs to an actor whose turn this is not");
}

void kv_push_new(lua_State *L) {
  struct kv *kv = lua_newuserdatauv(L, sizeof *kv, 0);               /* kv */
  kv->owner = vm_of(L)->now.owner;
  vm_push_ref(L, VM_KV_META);
  lua_setmetatable(L, -2);                                           /* kv */
}

void kv_begin_key(lua_State *L, struct buf *key) {
  record_key_put_head(key, vm_of(L)->now.actor_id, SPACE_KV);
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
  budget_check_for(L, record.size);
}

static void write_bytes(lua_State *L, int index, const struct argument *argument, struct buf *into) {
  size_t size;
  if (lua_type(L, index) != LUA_TSTRING) {
    raise_about(L, ERR_INTERNAL, argument, "with format \"bytes\" a string, not a %s", luaL_typename(L, index));
  }
  const char *text = lua_tolstring(L, index, &size);
  into->size_max++;                                                  /* the mark does not count against the script */
  buf_put_byte(into, VALUE_NEVER);
  buf_put(into, slice_of(text, size));
}

static void write_value(lua_State *L, int index, const struct argument *argument, struct buf *into) {
  struct vm *vm = vm_of(L);
  struct walk_options options = { .root = *argument, .depth_max = (size_t)vm->config.limits->depth, .boolean_keys = true,
                                  .shared = true };
  enum err err = lua_value_write(L, index, into, &options, &vm->raised);
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
}

void kv_write_value(lua_State *L, int index, bool bytes, const struct argument *argument, struct buf *into) {
  size_t limit = (size_t)vm_of(L)->config.limits->value_bytes, begin = into->size;
  if (lua_isnoneornil(L, index)) raise_about(L, ERR_INTERNAL, argument, "nil is not a value; kv:delete(key) deletes");
  into->size_max = begin + limit;
  if (bytes) {
    write_bytes(L, index, argument, into);
  } else {
    write_value(L, index, argument, into);
  }
  budget_check_for(L, into->size - begin);
  into->size_max = 0;                                                /* the limit was for this value, not for what follows it */
  if (into->err == ERR_NONE) return;
  if (into->err != ERR_TOO_LARGE) raise_host(L, ERR_MEMORY, "no memory for a value");
  raise_about(L, ERR_TOO_LARGE, argument, "more than %zu bytes, the limit of a value " LIMIT_NAME(VALUE_BYTES), limit);
}

void kv_build(lua_State *L) {
  lua_createtable(L, 0, 3);                                          /* methods meta */
  lua_pushliteral(L, "kv");
  lua_setfield(L, -2, "__name");                                     /* methods meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* methods meta */
  lua_insert(L, -2);                                                 /* meta methods */
  lua_setfield(L, -2, "__index");                                    /* meta */
  vm_set_ref(L, VM_KV_META);                                         /* - */
}
