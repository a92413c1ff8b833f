/* wait.c -- see wait.h. */
#include "vm/wait.h"

#include <lauxlib.h>

#include "base/check.h"
#include "vm/lua_vm.h"

/* The mark of each way to wait is the address of one of these. */
static const char marks[TURN_ASKS + 1];

bool wait_is_possible(lua_State *L) {
  const struct vm *vm = vm_of(L);
  return vm->coroutine != NULL && vm->now.may_wait && vm->unyieldable == 0 && lua_isyieldable(L);
}

void wait_check(lua_State *L, const char *what) {
  const struct vm *vm = vm_of(L);
  if (wait_is_possible(L)) return;
  if (vm->coroutine == NULL || !vm->now.may_wait) luaL_error(L, "%s: a call cannot wait here", what);
  luaL_error(L, "%s: a call cannot wait within a sort or a gsub, nor in a metamethod that one of Lua's functions calls", what);
}

int wait_yield(lua_State *L, enum turn_status how, lua_KContext context, lua_KFunction function) {
  CHECK(wait_is_possible(L));
  lua_pushlightuserdata(L, (void *)(marks + how));                   /* +1 mark */
  return lua_yieldk(L, 1, context, function);
}

enum turn_status wait_of(lua_State *co) {
  if (lua_status(co) != LUA_YIELD || lua_gettop(co) == 0 || lua_type(co, -1) != LUA_TLIGHTUSERDATA) return TURN_DONE;
  const char *mark = lua_touserdata(co, -1);
  for (size_t how = 0; how < sizeof marks; how++) {
    if (mark == marks + how) return (enum turn_status)how;
  }
  return TURN_DONE;
}

int wait_pass(lua_State *L, lua_State *co, lua_KContext context, lua_KFunction function) {
  return wait_yield(L, wait_of(co), context, function);
}

void wait_end(lua_State *co) {
  CHECK(wait_of(co) != TURN_DONE);
  lua_pop(co, 1);                                                    /* - */
}
