/* lib_handle.c -- see lib_handle.h. */
#include "script/lib_handle.h"

#include <lauxlib.h>

#include "base/check.h"
#include "marshal/arguments.h"
#include "marshal/caught.h"
#include "marshal/handle.h"
#include "marshal/lua_value.h"
#include "script/classes.h"
#include "script/outgoing.h"
#include "script/turn.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"
#include "vm/wait.h"

enum { NAME_SHOWN_MAX = 128 };

static int shown_size(struct slice name) {
  return name.size > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : (int)name.size;
}

/* The arguments of a call on the stack: the handle, and what it is called with. Its function has as upvalues: */
enum { UPVALUE_CLASS = 1, UPVALUE_METHOD };

static const struct handle *check_handle(lua_State *L) {
  const char *method = lua_tostring(L, lua_upvalueindex(UPVALUE_METHOD));
  if (!handle_is(L, 1)) raise_misuse(L, "call %s with a colon: handle:%s(...)", method, method);
  const struct handle *handle = lua_touserdata(L, 1);
  struct slice class_name = vm_string_at(L, lua_upvalueindex(UPVALUE_CLASS));
  if (!slice_equal(handle_class(handle), class_name)) {
    raise_misuse(L, "%s: a method of the class \"%.*s\", called with a handle of another", method, shown_size(class_name),
                 (const char *)class_name.data);
  }
  return handle;
}

static void put_string(struct buf *buf, lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) buf_put(buf, vm_string_at(L, index));
}

/* Makes what the stage sends, of the handle and of what is in vm->value. It is the turn's at once, so that an error leaks
 * nothing. [-0, +0, v] */
static void make_outgoing(lua_State *L, struct turn *turn, const struct handle *handle) {
  outgoing_free(turn->outgoing);
  struct outgoing *outgoing = turn->outgoing = outgoing_try_new();
  if (outgoing == NULL) raise_host(L, ERR_MEMORY, "no memory for a call of another actor");
  buf_put(&outgoing->class_name, handle_class(handle));
  buf_put(&outgoing->key, handle_key(handle));
  put_string(&outgoing->method, L, lua_upvalueindex(UPVALUE_METHOD));
  buf_put(&outgoing->args, buf_slice(&turn->vm->value));
  outgoing->create = handle->create;
  outgoing->timeout_ms = handle->timeout_ms;
  if (handle->has_options) {
    lua_getiuservalue(L, 1, HANDLE_INPUT);
    lua_getiuservalue(L, 1, HANDLE_IDEMPOTENCY_KEY);                 /* ... input key */
    put_string(&outgoing->input, L, -2);
    put_string(&outgoing->idempotency_key, L, -1);
    lua_pop(L, 2);                                                   /* ... */
  }
  const struct buf *filled[] = { &outgoing->class_name, &outgoing->key, &outgoing->method, &outgoing->args,
                                 &outgoing->input, &outgoing->idempotency_key };
  for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
    if (filled[i]->err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for a call of another actor");
  }
}

/* With the answer: its result, or its error. */
static int finish_call(lua_State *L, int status, lua_KContext context) {
  struct turn *turn = vm_of(L)->now.turn;
  struct outgoing *outgoing = turn->outgoing;
  (void)status;
  (void)context;
  CHECK(outgoing != NULL);
  if (outgoing->failure.err != ERR_NONE) {
    if (outgoing->failure.err != ERR_USER) outgoing_name_failure(outgoing);
    return caught_raise(L, &outgoing->failure);
  }
  lua_pushnil(L);                                                    /* ... nil */
  if (outgoing->result.size > 0) lua_value_read(L, buf_slice(&outgoing->result));      /* ... nil result */
  if (lua_islightuserdata(L, -1)) lua_pop(L, 1);                     /* ... nil: null, as an argument would be */
  outgoing_free(outgoing);
  turn->outgoing = NULL;
  return 1;
}

/* handle:method(...) -> the first result   [-0, +1, v] */
static int call(lua_State *L) {
  const struct handle *handle = check_handle(L);
  const char *method = lua_tostring(L, lua_upvalueindex(UPVALUE_METHOD));
  struct turn *turn = vm_of(L)->now.turn;
  int count = lua_gettop(L) - 1;
  self_current(L);
  if (turn->task == TURN_STOP) return raise_misuse(L, "%s: on_stop cannot call other actors", method);
  wait_check(L, method);
  arguments_write(L, 2, count);
  make_outgoing(L, turn, handle);
  lua_settop(L, 1);                                                  /* handle */
  return wait_yield(L, TURN_ASKS, 0, finish_call);
}

/* Pushes the functions for those methods of a class that were looked up so far, or nil. Whether there are any. [-0, +1, m] */
static bool push_functions(lua_State *L, struct slice class_name) {
  vm_push_ref(L, VM_HANDLE_METHODS);                                 /* classes */
  lua_pushlstring(L, (const char *)class_name.data, class_name.size);
  bool found = lua_rawget(L, -2) != LUA_TNIL;                        /* classes functions|nil */
  lua_replace(L, -2);                                                /* functions|nil */
  return found;
}

/* Makes the function for the method whose name is at 2, and keeps it; nil is on top of the stack, or the functions of its
 * class. [-1, +1, m] */
static void make_function(lua_State *L, struct slice class_name) {
  int functions = lua_gettop(L);
  vm_push_ref(L, VM_HANDLE_METHODS);                                 /* functions classes */
  lua_pushlstring(L, (const char *)class_name.data, class_name.size);      /* functions classes name */
  if (lua_isnil(L, functions)) {
    lua_newtable(L);
    lua_replace(L, functions);
    lua_pushvalue(L, -1);
    lua_pushvalue(L, functions);
    lua_rawset(L, functions + 1);                                    /* functions classes name */
  }
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, call, 2);                                      /* functions classes function */
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, functions);                                          /* functions classes function */
  lua_replace(L, functions);
  lua_settop(L, functions);                                          /* function */
}

/* handle.method -> function; raises class_not_found, method_not_found   [-0, +1, v] */
static int handle_index(lua_State *L) {
  const struct handle *handle = lua_touserdata(L, 1);
  struct slice class_name = handle_class(handle);
  if (lua_type(L, 2) != LUA_TSTRING) {
    return raise_misuse(L, "a handle has methods, and no field with a %s as its name", luaL_typename(L, 2));
  }
  budget_check_stack(L, 12);
  lua_settop(L, 2);                                                  /* handle method */
  if (push_functions(L, class_name)) {                               /* handle method functions|nil */
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL) return 1;                      /* handle method functions function */
    lua_pop(L, 1);                                                   /* handle method functions */
  }
  classes_need(L, class_name);                                       /* handle method functions|nil class */
  struct slice method = vm_string_at(L, 2);
  if (!classes_push_method(L, 4, method)) {
    return raise_host(L, ERR_METHOD_NOT_FOUND, "the class \"%.*s\" has no method \"%.*s\"", shown_size(class_name),
                      (const char *)class_name.data, shown_size(method), (const char *)method.data);
  }
  lua_settop(L, 3);                                                  /* handle method functions|nil */
  make_function(L, class_name);                                      /* handle method function */
  return 1;
}

static int handle_newindex(lua_State *L) {
  return raise_misuse(L, "a handle cannot be written to");
}

void lib_handle_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "__index", handle_index }, { "__newindex", handle_newindex }, { NULL, NULL } };
  vm_push_ref(L, VM_HANDLE_META);                                    /* meta */
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);                                                     /* - */
  lua_newtable(L);                                                   /* classes */
  vm_set_ref(L, VM_HANDLE_METHODS);                                  /* - */
}
