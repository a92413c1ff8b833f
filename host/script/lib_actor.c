/* lib_actor.c -- see lib_actor.h. */
#include "script/lib_actor.h"

#include <lauxlib.h>
#include <math.h>

#include "codec/idempotency_key.h"
#include "marshal/arguments.h"
#include "marshal/handle.h"
#include "marshal/lua_key.h"
#include "marshal/walk.h"
#include "script/classes.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum option { OPTION_CREATE, OPTION_INPUT, OPTION_TIMEOUT, OPTION_IDEMPOTENCY_KEY, OPTION_COUNT };

static const char *const option_names[OPTION_COUNT] = { "create", "input", "timeout", "idempotency_key" };

/* The option whose name is at `index`. [-0, +0, v] */
static enum option check_option(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) {
    raise_misuse(L, "options: the name of an option is a string, not a %s", luaL_typename(L, index));
  }
  for (enum option option = 0; option < OPTION_COUNT; option++) {
    if (vm_is_text(L, index, option_names[option])) return option;
  }
  raise_misuse(L, "options: unknown option \"%.64s\"", lua_tostring(L, index));
  return OPTION_COUNT;
}

/* Pushes one value for each option, nil if it is not given. Whether any is. [-0, +OPTION_COUNT, v] */
static bool push_options(lua_State *L, int index) {
  bool marked, any = false;
  int place = lua_gettop(L) + 1;
  budget_check_stack(L, OPTION_COUNT + 8);
  lua_settop(L, place + OPTION_COUNT - 1);                           /* nil ... */
  if (lua_isnil(L, index)) return false;
  /* nil ... data */
  if (!walk_plain_table(L, index, &marked)) raise_misuse(L, "options: a table, not a %s", walk_typename(L, index));
  lua_pushnil(L);                                                    /* nil ... data name */
  while (lua_next(L, -2)) {                                          /* nil ... data name value */
    lua_replace(L, place + (int)check_option(L, -2));                /* value ... data name */
    any = true;
  }
  lua_pop(L, 1);                                                     /* value ... */
  return any;
}

static bool read_create(lua_State *L, int index) {
  if (lua_isnil(L, index)) return true;
  if (!lua_isboolean(L, index)) raise_misuse(L, "options.create: true or false, not a %s", luaL_typename(L, index));
  return lua_toboolean(L, index);
}

static int64_t read_timeout(lua_State *L, int index) {
  static const lua_Number longest_s = 1e9;
  if (lua_isnil(L, index)) return 0;
  if (lua_type(L, index) != LUA_TNUMBER) {
    raise_misuse(L, "options.timeout: a positive number of seconds, not a %s", luaL_typename(L, index));
  }
  lua_Number seconds = lua_tonumber(L, index);
  if (!(seconds > 0)) {
    raise_misuse(L, "options.timeout: a positive number of seconds, not %s", luaL_tolstring(L, index, NULL));
  }
  return (int64_t)ceil((seconds < longest_s ? seconds : longest_s) * 1000);
}

static void check_idempotency_key(lua_State *L, int index) {
  struct failure *failure = &vm_of(L)->raised;
  if (lua_isnil(L, index)) return;
  if (lua_type(L, index) != LUA_TSTRING) {
    raise_misuse(L, "options.idempotency_key: a string, not a %s", luaL_typename(L, index));
  }
  failure_clear(failure);
  if (idempotency_key_check(vm_string_at(L, index), failure) == ERR_NONE) return;
  raise_misuse(L, "options.idempotency_key: %.*s", (int)failure->message.size, (const char *)failure->message.data);
}

/* Replaces the value at `index`, unless it is nil, by the string of its bytes. [-0, +0, v] */
static void write_input(lua_State *L, int index) {
  struct vm *vm = vm_of(L);
  if (lua_isnil(L, index)) return;
  struct buf *value = vm_begin_value(vm, (size_t)vm->config.limits->value_bytes);
  arguments_write_value(L, index, &(struct argument){ .name = "options", .field = "input" });
  lua_pushlstring(L, (const char *)value->data, value->size);        /* bytes */
  lua_replace(L, index);                                             /* - */
}

int lib_actor_make(lua_State *L) {
  struct vm *vm = vm_of(L);
  const struct instance *instance = self_current(L);
  lua_settop(L, 4);                                                  /* self class key options */
  self_push(L, instance);
  if (!lua_rawequal(L, 1, -1)) return raise_misuse(L, "call actor with a colon: self:actor(class, key)");
  lua_settop(L, 4);
  if (lua_type(L, 2) != LUA_TSTRING) {
    return raise_misuse(L, "class: the name of a class, a string, not a %s", luaL_typename(L, 2));
  }
  bool with_options = push_options(L, 4);                            /* self class key options value ... */
  int place = 5;
  bool create = read_create(L, place + OPTION_CREATE);
  int64_t timeout_ms = read_timeout(L, place + OPTION_TIMEOUT);
  check_idempotency_key(L, place + OPTION_IDEMPOTENCY_KEY);
  write_input(L, place + OPTION_INPUT);
  struct slice class_name = vm_string_at(L, 2);
  classes_need(L, class_name);                                       /* ... class */
  lua_pop(L, 1);                                                     /* ... */
  buf_clear(&vm->key);
  lua_key_write(L, 3, &vm->key, &(struct argument){ .name = "key" });
  struct handle *handle = handle_push(L, class_name, buf_slice(&vm->key), with_options);      /* ... handle */
  handle->create = create;
  handle->timeout_ms = timeout_ms;
  if (!with_options) return 1;
  lua_pushvalue(L, place + OPTION_INPUT);
  lua_setiuservalue(L, -2, HANDLE_INPUT);                            /* ... handle */
  lua_pushvalue(L, place + OPTION_IDEMPOTENCY_KEY);
  lua_setiuservalue(L, -2, HANDLE_IDEMPOTENCY_KEY);                  /* ... handle */
  return 1;
}
