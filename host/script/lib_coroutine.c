/* lib_coroutine.c -- see lib_coroutine.h.
 *
 * In a coroutine that the hook has stopped, no hook runs any more. So nothing of it may run again, not even a __close
 * handler, neither in this call nor in a later one for which a script has kept it. Every function that could run one asks
 * first.
 *
 * A call's own coroutine belongs to the host, which reuses it for other calls. Scripts never get hold of it. In its place a
 * method finds Lua's main thread, which nobody can resume or close, just as in a plain Lua program. */
#include "script/lib_coroutine.h"

#include <lauxlib.h>

#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* How many coroutines may be closed from within each other's __close handlers: Lua counts the C calls of each from 0. */
enum { CLOSING_MAX = 8 };

/* Runs Lua's own function, kept as upvalue 1, with the arguments on the stack. */
static int call_original(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Whether the coroutine is dead because it was stopped. */
static bool was_stopped(lua_State *co) {
  int status = lua_status(co);
  if (status == LUA_OK || status == LUA_YIELD) return false;
  return status == LUA_ERRMEM || lua_touserdata(co, -1) == vm_of(co);
}

/* coroutine.resume(co, ...) -> true, results or false, error. The main thread's stack is the host's. So it is refused before
 * Lua puts arguments there, or an error for which it has no memory.   [-0, +n, v] */
static int coroutine_resume(lua_State *L) {
  budget_check_stopped(L);
  if (lua_tothread(L, 1) == vm_of(L)->L) {
    lua_pushboolean(L, 0);                                           /* ... false */
    lua_pushliteral(L, "cannot resume non-suspended coroutine");     /* ... false error */
    return 2;
  }
  int count = call_original(L);
  budget_check_stopped(L);
  return count;
}

/* Raises in L the error on top of the coroutine's stack. If the coroutine died of it, it is closed. [-0, +0, v] */
static int raise_from(lua_State *L, lua_State *co) {
  bool died = lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD;
  budget_check_stopped(L);
  bool starved = lua_status(co) == LUA_ERRMEM;
  if (died && lua_resetthread(co) == LUA_ERRMEM) starved = true;
  budget_check_stopped(L);
  if (starved) return raise_host(L, ERR_MEMORY, "no memory");
  lua_xmove(co, L, 1);                                               /* error */
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);                                                /* error where */
    lua_insert(L, -2);                                               /* where error */
    lua_concat(L, 2);                                                /* error */
  }
  return lua_error(L);
}

/* The function that coroutine.wrap() returns: resumes the coroutine that is upvalue 1   [-0, +n, v] */
static int resume_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int arguments = lua_gettop(L), results;
  budget_check_stopped(L);
  if (was_stopped(co)) return raise_misuse(L, "cannot resume dead coroutine");
  if (!lua_checkstack(co, arguments + 1)) return raise_misuse(L, "too many arguments to resume");
  lua_xmove(L, co, arguments);                                       /* - */
  int status = lua_resume(co, L, arguments, &results);
  if (status != LUA_OK && status != LUA_YIELD) return raise_from(L, co);
  budget_check_stopped(L);
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    return raise_misuse(L, "too many results to resume");
  }
  lua_xmove(co, L, results);                                         /* ... */
  return results;
}

/* coroutine.wrap(f) -> function   [-0, +1, v] */
static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);                                  /* f ... co */
  lua_pushvalue(L, 1);                                               /* f ... co f */
  lua_xmove(L, co, 1);                                               /* f ... co */
  lua_pushcclosure(L, resume_wrapped, 1);                            /* f ... function */
  return 1;
}

/* Whether a coroutine runs, or waits for another that it has resumed. */
static bool is_active(lua_State *L, lua_State *co) {
  lua_Debug frame;
  return co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame) != 0);
}

/* coroutine.close(co) -> true or false, error   [-0, +(1|2), v] */
static int coroutine_close(lua_State *L) {
  struct vm *vm = vm_of(L);
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *co = lua_tothread(L, 1);
  budget_check_stopped(L);
  if (is_active(L, co)) return raise_misuse(L, "cannot close a running coroutine");
  if (was_stopped(co)) {
    lua_pushboolean(L, 0);                                           /* ... false */
    lua_pushliteral(L, "this coroutine was stopped with its call");  /* ... false error */
    return 2;
  }
  if (vm->closing == CLOSING_MAX) return raise_misuse(L, "more than %d coroutines are closed within each other", CLOSING_MAX);
  vm->closing++;
  int status = lua_resetthread(co);            /* raises nothing */
  vm->closing--;
  budget_check_stopped(L);
  lua_pushboolean(L, status == LUA_OK);                              /* ... ok */
  if (status == LUA_OK) return 1;
  lua_xmove(co, L, 1);                                               /* ... ok error */
  return 2;
}

/* coroutine.yield(...): only the host may suspend a method's own coroutine   [-0, +n, v] */
static int coroutine_yield(lua_State *L) {
  if (vm_of(L)->coroutine == L) return raise_misuse(L, "attempt to yield from outside a coroutine");
  return lua_yield(L, lua_gettop(L));
}

/* coroutine.isyieldable([co]) -> boolean   [-0, +1, v] */
static int coroutine_isyieldable(lua_State *L) {
  if (vm_of(L)->coroutine != L || !lua_isnone(L, 1)) return call_original(L);
  lua_pushboolean(L, 0);
  return 1;
}

/* coroutine.running() -> thread, whether it is the main one   [-0, +2, v] */
static int coroutine_running(lua_State *L) {
  if (vm_of(L)->coroutine != L) return call_original(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);            /* thread */
  lua_pushboolean(L, 1);                                             /* thread true */
  return 2;
}

/* coroutine.status(co) -> string   [-0, +1, v] */
static int coroutine_status(lua_State *L) {
  const struct vm *vm = vm_of(L);
  if (vm->coroutine != L || lua_tothread(L, 1) != vm->L) return call_original(L);
  lua_pushliteral(L, "running");
  return 1;
}

void lib_coroutine_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "wrap", coroutine_wrap }, { "close", coroutine_close }, { "yield", coroutine_yield },
                                        { NULL, NULL } };
  static const luaL_Reg wrapped[] = { { "resume", coroutine_resume }, { "isyieldable", coroutine_isyieldable },
                                      { "running", coroutine_running }, { "status", coroutine_status }, { NULL, NULL } };
  luaL_setfuncs(L, functions, 0);
  for (const luaL_Reg *entry = wrapped; entry->name != NULL; entry++) {
    lua_getfield(L, -1, entry->name);                                /* library function */
    lua_pushcclosure(L, entry->func, 1);
    lua_setfield(L, -2, entry->name);                                /* library */
  }
}
