/* lib_coroutine.c -- see lib_coroutine.h.
 *
 * In a coroutine that the hook has stopped, no hook runs any more. So nothing of it may run again, not even a __close
 * handler, neither in this call nor in a later one for which a script has kept it. Every function that could run one asks
 * first.
 *
 * A coroutine that comes back with a wait for the host is not given to the script: its resumer waits as well, and resumes it
 * again when the host goes on (wait.h).
 *
 * A call's own coroutine belongs to the host, which reuses it for other calls. Scripts never get hold of it. In its place a
 * method finds Lua's main thread, which nobody can resume or close, just as in a plain Lua program. */
#include "script/lib_coroutine.h"

#include <lauxlib.h>

#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"
#include "vm/wait.h"

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

/* Whether a coroutine runs, or waits for another that it has resumed. */
static bool is_active(lua_State *L, lua_State *co) {
  lua_Debug frame;
  return co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame) != 0);
}

/* Why a coroutine cannot be resumed, or NULL. Lua would say most of it too, but would put the error on that stack, which may
 * be the host's and have no memory for it. */
static const char *refusal_of(lua_State *L, lua_State *co) {
  int status = lua_status(co);
  if (wait_of(co) != TURN_DONE) return "cannot resume a coroutine that waits for the host";
  if (is_active(L, co)) return "cannot resume non-suspended coroutine";
  bool is_dead = status == LUA_OK ? lua_gettop(co) == 0 : status != LUA_YIELD;
  return is_dead ? "cannot resume dead coroutine" : NULL;
}

/* Raises in L the error on top of the coroutine's stack. If the coroutine died of it, it is closed. [-0, +0, v] */
static int raise_from(lua_State *L, lua_State *co) {
  bool died = lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD;
  bool starved = lua_status(co) == LUA_ERRMEM;
  if (died && lua_resetthread(co) == LUA_ERRMEM) starved = true;
  budget_check_stopped(L);
  if (starved) {
    lua_settop(co, 0);
    return raise_host(L, ERR_MEMORY, "no memory");
  }
  lua_xmove(co, L, 1);                                               /* error */
  if (lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);                                                /* error where */
    lua_insert(L, -2);                                               /* where error */
    lua_concat(L, 2);                                                /* error */
  }
  return lua_error(L);
}

/* The two ways to resume a coroutine: it is the first value on the stack, and its errors are results; or it is upvalue 1,
 * and its errors are raised. */
enum way { WAY_RESUME, WAY_WRAP };

static lua_State *coroutine_of(lua_State *L, enum way way) {
  return lua_tothread(L, way == WAY_WRAP ? lua_upvalueindex(1) : 1);
}

/* What is said of a mistake that leaves the coroutine as it is. [-0, +2, v] */
static int refuse(lua_State *L, enum way way, const char *refusal) {
  if (way == WAY_WRAP) return raise_misuse(L, "%s", refusal);
  lua_pushboolean(L, 0);                                             /* ... false */
  lua_pushstring(L, refusal);                                        /* ... false refusal */
  return 2;
}

/* Takes over what a coroutine returned or yielded, `count` values, or its error. [-0, +n, v] */
static int take_results(lua_State *L, lua_State *co, int status, int count, enum way way) {
  if (status == LUA_OK || status == LUA_YIELD) {
    if (!lua_checkstack(L, count + 1)) {
      lua_pop(co, count);
      return refuse(L, way, "too many results to resume");
    }
    if (way == WAY_RESUME) lua_pushboolean(L, 1);                    /* ... true */
    lua_xmove(co, L, count);                                         /* ... true ... */
    return way == WAY_RESUME ? count + 1 : count;
  }
  if (way == WAY_WRAP) return raise_from(L, co);
  lua_pushboolean(L, 0);                                             /* ... false */
  lua_xmove(co, L, 1);                                               /* ... false error */
  return 2;
}

static int run_on(lua_State *L, int status, lua_KContext way);

/* Resumes with the `count` values on top of the coroutine. If that comes back with a wait for the host, waits too.
 * [-0, +n, v] */
static int run(lua_State *L, lua_State *co, int count, enum way way) {
  struct vm *vm = vm_of(L);
  unsigned unyieldable = !lua_isyieldable(L);
  int results;
  vm->unyieldable += unyieldable;
  int status = lua_resume(co, L, count, &results);
  vm->unyieldable -= unyieldable;
  if (wait_of(co) != TURN_DONE) return wait_pass(L, co, (lua_KContext)way, run_on);
  budget_check_stopped(L);
  return take_results(L, co, status, results, way);
}

/* Goes on after a wait. [-0, +n, v] */
static int run_on(lua_State *L, int status, lua_KContext way) {
  lua_State *co = coroutine_of(L, (enum way)way);
  (void)status;
  wait_end(co);
  return run(L, co, 0, (enum way)way);
}

/* Resumes with all values on the stack above the first `below`. [-?, +n, v] */
static int run_with(lua_State *L, int below, enum way way) {
  lua_State *co = coroutine_of(L, way);
  int count = lua_gettop(L) - below;
  budget_check_stopped(L);
  const char *refusal = refusal_of(L, co);
  if (refusal == NULL && !lua_checkstack(co, count + 1)) refusal = "too many arguments to resume";
  if (refusal != NULL) return refuse(L, way, refusal);
  lua_xmove(L, co, count);
  return run(L, co, count, way);
}

/* coroutine.resume(co, ...) -> true, results or false, error   [-0, +n, v] */
static int coroutine_resume(lua_State *L) {
  luaL_argexpected(L, lua_isthread(L, 1), 1, "coroutine");
  return run_with(L, 1, WAY_RESUME);
}

/* The function that coroutine.wrap() returns: resumes the coroutine that is upvalue 1   [-0, +n, v] */
static int resume_wrapped(lua_State *L) {
  return run_with(L, 0, WAY_WRAP);
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

/* coroutine.close(co) -> true or false, error   [-0, +(1|2), v] */
static int coroutine_close(lua_State *L) {
  struct vm *vm = vm_of(L);
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *co = lua_tothread(L, 1);
  budget_check_stopped(L);
  if (is_active(L, co)) return raise_misuse(L, "cannot close a running coroutine");
  if (wait_of(co) != TURN_DONE) return raise_misuse(L, "cannot close a coroutine that waits for the host");
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

/* coroutine.status(co) -> string; "normal" of one that waits for the host, which no script can resume   [-0, +1, v] */
static int coroutine_status(lua_State *L) {
  const struct vm *vm = vm_of(L);
  lua_State *co = lua_tothread(L, 1);
  if (co != NULL && wait_of(co) != TURN_DONE) {
    lua_pushliteral(L, "normal");
    return 1;
  }
  if (vm->coroutine != L || co != vm->L) return call_original(L);
  lua_pushliteral(L, "running");
  return 1;
}

void lib_coroutine_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "resume", coroutine_resume }, { "wrap", coroutine_wrap },
                                        { "close", coroutine_close }, { "yield", coroutine_yield }, { NULL, NULL } };
  static const luaL_Reg wrapped[] = { { "isyieldable", coroutine_isyieldable }, { "running", coroutine_running },
                                      { "status", coroutine_status }, { NULL, NULL } };
  luaL_setfuncs(L, functions, 0);
  for (const luaL_Reg *entry = wrapped; entry->name != NULL; entry++) {
    lua_getfield(L, -1, entry->name);                                /* library function */
    lua_pushcclosure(L, entry->func, 1);
    lua_setfield(L, -2, entry->name);                                /* library */
  }
}
