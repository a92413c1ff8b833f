/* lib_send.c -- see lib_send.h. */
#include "script/lib_send.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "marshal/arguments.h"
#include "marshal/handle.h"
#include "script/classes.h"
#include "script/outbox.h"
#include "script/turn.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum { SELF = 1, HANDLE, METHOD, FIRST_ARGUMENT, NAME_SHOWN_MAX = 128 };

static int shown_size(struct slice name) {
  return name.size > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : (int)name.size;
}

/* Checks who sends, to whom, and what. [-0, +0, v] */
static const struct handle *check_receiver(lua_State *L) {
  self_push(L, self_current(L));                                     /* ... self */
  if (!lua_rawequal(L, SELF, -1)) raise_misuse(L, "call send with a colon: self:send(handle, method, ...)");
  if (lua_rawequal(L, HANDLE, -1)) {
    raise_misuse(L, "handle: self is not a handle; self:actor(class, self.key) makes the one of this actor");
  }
  lua_pop(L, 1);                                                     /* ... */
  if (!handle_is(L, HANDLE)) {
    raise_misuse(L, "handle: the handle of an actor, as self:actor() makes it, not a %s", luaL_typename(L, HANDLE));
  }
  if (lua_type(L, METHOD) != LUA_TSTRING) {
    raise_misuse(L, "method: the name of a method, a string, not a %s", luaL_typename(L, METHOD));
  }
  const struct handle *handle = lua_touserdata(L, HANDLE);
  struct slice class_name = handle_class(handle), method = vm_string_at(L, METHOD);
  classes_need(L, class_name);                                       /* ... class */
  if (!classes_push_method(L, lua_gettop(L), method)) {              /* ... class function */
    raise_host(L, ERR_METHOD_NOT_FOUND, "the class \"%.*s\" has no method \"%.*s\"", shown_size(class_name),
               (const char *)class_name.data, shown_size(method), (const char *)method.data);
  }
  lua_pop(L, 2);                                                     /* ... */
  return handle;
}

static void check_waiting(lua_State *L, const struct turn *turn) {
  size_t sent = turn->outbox == NULL ? 0 : turn->outbox->count;
  uint64_t limit = turn->vm->config.limits->waiting_sends;
  if (turn->waiting_sends + sent < limit) return;
  raise_host(L, ERR_OVERLOADED, "%llu messages of this actor are not applied yet " LIMIT_NAME(WAITING_SENDS),
             (unsigned long long)limit);
}

static void check_bytes(lua_State *L, const struct turn *turn, const struct message *message) {
  raise_over_commit(L, drafts_bytes(turn->view.drafts) + turn_sent_bytes(turn) + outbox_bytes_of(message));
}

static struct slice string_or_empty(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING ? vm_string_at(L, index) : slice_of(NULL, 0);
}

int lib_send(lua_State *L) {
  struct turn *turn = vm_of(L)->now.turn;
  if (lua_gettop(L) < METHOD) lua_settop(L, METHOD);
  budget_check_stack(L, 12);
  const struct handle *handle = check_receiver(L);
  check_waiting(L, turn);
  arguments_write(L, FIRST_ARGUMENT, lua_gettop(L) - METHOD);
  struct message message = {
    .class_name = handle_class(handle), .key = handle_key(handle), .method = vm_string_at(L, METHOD),
    .args = buf_slice(&turn->vm->value), .create = handle->create,
  };
  if (handle->has_options) {
    lua_getiuservalue(L, HANDLE, HANDLE_INPUT);
    lua_getiuservalue(L, HANDLE, HANDLE_IDEMPOTENCY_KEY);            /* ... input key */
    message.input = string_or_empty(L, -2);
    message.idempotency_key = string_or_empty(L, -1);
  }
  check_bytes(L, turn, &message);
  if (turn->outbox == NULL) turn->outbox = outbox_try_new();
  if (turn->outbox == NULL || !outbox_try_put(turn->outbox, &message)) raise_host(L, ERR_MEMORY, "no memory for a message");
  return 0;
}
