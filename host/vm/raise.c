/* raise.c -- see raise.h. */
#include "vm/raise.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/limits.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

/* Raises a table of code, message, place and, if the error came from another actor, hops. The message is on top of the stack.
 * [-1, +0, v] */
static int raise_host_error(lua_State *L, enum err err, unsigned hops) {
  lua_createtable(L, 0, hops > 0 ? 4 : 3);                           /* message error */
  lua_insert(L, -2);                                                 /* error message */
  lua_setfield(L, -2, "message");                                    /* error */
  luaL_where(L, 1);
  lua_setfield(L, -2, "place");                                      /* error */
  lua_pushstring(L, err_code(err));                                  /* error code */
  lua_setfield(L, -2, "code");                                       /* error */
  if (hops > 0) {
    lua_pushinteger(L, (lua_Integer)hops);
    lua_setfield(L, -2, "hops");                                     /* error */
  }
  vm_push_ref(L, VM_HOST_ERROR_METAS);                               /* error metas */
  lua_rawgeti(L, -1, err);                                           /* error metas meta */
  lua_setmetatable(L, -3);                                           /* error metas */
  lua_pop(L, 1);                                                     /* error */
  return lua_error(L);
}

int raise_host(lua_State *L, enum err err, const char *format, ...) {
  char message[FAILURE_MESSAGE_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  budget_check_stack(L, 4);
  lua_pushstring(L, message);                                        /* +1 message */
  return raise_host_error(L, err, 0);
}

int raise_misuse(lua_State *L, const char *format, ...) {
  char message[FAILURE_MESSAGE_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return luaL_error(L, "%s", message);
}

void raise_over_commit(lua_State *L, size_t bytes) {
  size_t limit = (size_t)vm_of(L)->config.limits->commit_bytes;
  if (bytes <= limit) return;
  raise_host(L, ERR_TOO_LARGE, "%zu bytes changed by one call; the limit of one commit is %zu " LIMIT_NAME(COMMIT_BYTES),
             bytes, limit);
}

struct buf *raise_begin(lua_State *L) {
  struct failure *raised = &vm_of(L)->raised;
  failure_clear(raised);
  return &raised->message;
}

void raise_put_argument(const struct argument *argument, struct buf *text) {
  buf_put_text(text, argument->name);
  if (argument->position != 0) buf_printf(text, "[%lld]", (long long)argument->position);
  if (argument->field != NULL) buf_printf(text, ".%s", argument->field);
}

int raise_about(lua_State *L, enum err err, const struct argument *argument, const char *format, ...) {
  va_list arguments;
  char message[FAILURE_MESSAGE_MAX];
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  struct buf *text = raise_begin(L);
  raise_put_argument(argument, text);
  buf_printf(text, ": %s", message);
  budget_check_stack(L, 4);
  lua_pushlstring(L, (const char *)text->data, text->size);          /* +1 message */
  if (err != ERR_INTERNAL) return raise_host_error(L, err, 0);
  luaL_where(L, 1);                                                  /* message where */
  lua_insert(L, -2);                                                 /* where message */
  lua_concat(L, 2);                                                  /* message */
  return lua_error(L);
}

int raise_failure(lua_State *L, const struct failure *failure) {
  CHECK(failure->err != ERR_USER);
  budget_check_stack(L, 8);
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);    /* +1 message */
  return raise_host_error(L, failure->err, failure->hops);
}
