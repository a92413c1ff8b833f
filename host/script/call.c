/* call.c -- see turn.h: a turn's way through Lua.
 *
 * The whole turn runs in one coroutine as a chain of steps, each of which may call a function of the script: load or
 * create, on_start, admission, the task,
 * and then, when nothing of the script runs any more, the state goes into the drafts and the result into its buffer. An
 * error at any step ends
 * in turn_run(), which puts everything back. */
#include <lauxlib.h>

#include "base/check.h"
#include "script/classes.h"
#include "script/journal.h"
#include "script/lib_error.h"
#include "script/lib_kv.h"
#include "script/lua_json.h"
#include "script/lua_value.h"
#include "script/rpc.h"
#include "script/state.h"
#include "script/turn.h"
#include "script/lua_vm.h"
#include "script/walk.h"

enum { ARGUMENTS_MAX = 200, TRACEBACK_MAX = 4096 };

/* The steps, in order; a continuation gets the one that it continues with. */
enum step { STEP_LOAD, STEP_CREATED, STEP_START, STEP_ADMIT, STEP_ADMITTED, STEP_TASK, STEP_RESULT };

static int go_on(lua_State *L, int status, lua_KContext step);

static struct turn *turn_of(lua_State *L) {
  return vm_of(L)->turn;
}

static void push_class(lua_State *L, const struct turn *turn) {
  self_push_slot(L, turn->instance, SELF_CLASS);
}

/* Calls the function below its `count` arguments, and goes on with a step. */
static int call_then(lua_State *L, int count, int results, enum step step) {
  lua_callk(L, count, results, (lua_KContext)step, go_on);
  return go_on(L, LUA_OK, (lua_KContext)step);
}

/* -- loading and creating -- */

static struct slice state_key(struct turn *turn) {
  struct buf *key = &turn->vm->key;
  buf_clear(key);
  self_begin_key(turn->instance, 's', key);
  return buf_slice(key);
}

static void load_state(lua_State *L, struct turn *turn) {
  struct slice bytes;
  if (!turn->instance->has_state) return;
  enum err err = view_get(&turn->view, state_key(turn), &bytes);
  if (err == ERR_NOT_FOUND) return;               /* made by a class that had no state: there is none until one is assigned */
  if (err != ERR_NONE) lib_fail(L, err, "the state of this actor cannot be read");
  state_read(L, turn->instance, bytes);
}

/* Pushes the bytes of a request as a value, by its format; nil where there are none. [-0, +1, v] */
static void push_bytes(lua_State *L, const struct turn *turn, struct slice bytes) {
  if (bytes.size == 0) {
    lua_pushnil(L);
  } else if (turn->format == FORMAT_JSON) {
    lua_json_read(L, bytes);
  } else {
    lua_value_read(L, bytes, NULL);
  }
}

static int step_load(lua_State *L, struct turn *turn) {
  if (turn->instance->loaded) return go_on(L, LUA_OK, STEP_ADMIT);
  if (!turn->create) {
    load_state(L, turn);
    return go_on(L, LUA_OK, STEP_START);
  }
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "initialize_state")) return go_on(L, LUA_OK, STEP_START);
  self_push(L, turn->instance);                                      /* class function self */
  push_bytes(L, turn, turn->input);                                  /* class function self input */
  return call_then(L, 2, 1, STEP_CREATED);
}

static int step_created(lua_State *L, struct turn *turn) {
  if (lua_type(L, -1) != LUA_TTABLE && !journal_is_part(L, -1)) {
    return lib_misuse(L, "initialize_state returns a table, the state; this one returned a %s", luaL_typename(L, -1));
  }
  state_assign(L, turn->instance, -1);
  return go_on(L, LUA_OK, STEP_START);
}

static int step_start(lua_State *L, struct turn *turn) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "on_start")) return go_on(L, LUA_OK, STEP_ADMIT);
  self_push(L, turn->instance);                                      /* class function self */
  return call_then(L, 1, 0, STEP_ADMIT);
}

/* -- admission: on_before_connect refuses a client by raising -- */

static int step_admit(lua_State *L, struct turn *turn) {
  if (turn->task != TURN_CALL || turn->caller != CALLER_CLIENT) return go_on(L, LUA_OK, STEP_TASK);
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "on_before_connect")) return go_on(L, LUA_OK, STEP_TASK);
  self_push(L, turn->instance);                                      /* class function self */
  push_bytes(L, turn, turn->params);                                 /* class function self params */
  rpc_push(L);                                                       /* class function self params rpc */
  int status = lua_pcallk(L, 3, 1, 0, (lua_KContext)STEP_ADMITTED, go_on);
  return go_on(L, status, (lua_KContext)STEP_ADMITTED);
}

/* With what the hook returned, or the error that it raised, on top of the stack. */
static int step_admitted(lua_State *L, struct turn *turn, int status) {
  vm_check_stopped(L);
  if (status == LUA_OK || status == LUA_YIELD) return go_on(L, LUA_OK, STEP_TASK);
  struct failure *refusal = &turn->failure;          /* the turn's, so that an error below leaks nothing */
  lib_error_describe(L, status, refusal);
  if (refusal->err == ERR_MEMORY || refusal->err == ERR_TIMEOUT) return luaL_error(L, "on_before_connect was stopped");
  bool tells = refusal->err == ERR_USER || turn->vm->config.dev;
  if (refusal->err != ERR_USER) {
    logger_printf(turn->vm->config.logger, LOG_ERROR, "on_before_connect failed, and so refused: %.*s",
                  (int)refusal->message.size, (const char *)refusal->message.data);
  }
  lua_pushlstring(L, (const char *)refusal->message.data, refusal->message.size);    /* message */
  failure_clear(refusal);
  return lib_fail(L, ERR_UNAUTHORIZED, "%s", tells ? lua_tostring(L, -1) : "refused by on_before_connect");
}

/* -- the tasks -- */

/* Pushes the arguments one by one; null is nil. */
static int push_arguments(lua_State *L, const struct turn *turn) {
  bool marked = false;
  if (turn->args.size == 0) return 0;
  push_bytes(L, turn, turn->args);                                   /* array */
  int array = lua_gettop(L);
  if (!walk_table(L, array, &marked) || !marked) {                   /* array array */
    lib_fail(L, ERR_ARGUMENTS, "the arguments of a call are a JSON array");
  }
  lua_settop(L, array);                                              /* array */
  lua_Integer count = (lua_Integer)lua_rawlen(L, array);
  if (count > ARGUMENTS_MAX) {
    lib_fail(L, ERR_ARGUMENTS, "%lld arguments; a call takes at most %d", (long long)count, ARGUMENTS_MAX);
  }
  luaL_checkstack(L, (int)count + 4, NULL);
  for (lua_Integer i = 1; i <= count; i++) {
    if (lua_rawgeti(L, array, i) == LUA_TLIGHTUSERDATA) {            /* array ... value */
      lua_pop(L, 1);
      lua_pushnil(L);                                                /* array ... nil */
    }
  }
  lua_remove(L, array);                                              /* ... */
  return (int)count;
}

static int call_method(lua_State *L, struct turn *turn) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_method(L, -1, turn->method)) {
    return lib_fail(L, ERR_METHOD_NOT_FOUND, "there is no method \"%.*s\"",
                    turn->method.size > 128 ? 128 : (int)turn->method.size, (const char *)turn->method.data);
  }                                                                  /* class function */
  self_push(L, turn->instance);                                      /* class function self */
  rpc_push(L);                                                       /* class function self rpc */
  int count = push_arguments(L, turn);                               /* class function self rpc ... */
  return call_then(L, count + 2, 1, STEP_RESULT);
}

/* Calls a hook that takes nothing; where there is none, goes on with what `otherwise` pushes. */
static int call_hook(lua_State *L, struct turn *turn, const char *name, void (*otherwise)(lua_State *, struct instance *)) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, name)) {
    otherwise(L, turn->instance);                                    /* class value */
    return go_on(L, LUA_OK, STEP_RESULT);
  }
  self_push(L, turn->instance);                                      /* class function self */
  return call_then(L, 1, 1, STEP_RESULT);
}

static void push_state_or_nil(lua_State *L, struct instance *instance) {
  if (instance->has_state) {
    state_push(L, instance);
  } else {
    lua_pushnil(L);
  }
}

static void push_nothing(lua_State *L, struct instance *instance) {
  (void)instance;
  lua_pushnil(L);
}

static int step_task(lua_State *L, struct turn *turn) {
  switch (turn->task) {
    case TURN_CALL: return call_method(L, turn);
    case TURN_INSPECT: return call_hook(L, turn, "inspect_state", push_state_or_nil);
    case TURN_STOP: return call_hook(L, turn, "on_stop", push_nothing);
    case TURN_STATE: push_state_or_nil(L, turn->instance); break;
    case TURN_KV: lib_kv_push_all(L, turn->instance); break;
  }
  return go_on(L, LUA_OK, STEP_RESULT);
}

/* -- the end -- */

/* Raises what kept a value from its bytes: an unfit value is the script's error, a large one has a code. */
static void raise_unwritten(lua_State *L, enum err err, const struct failure *failure) {
  if (err == ERR_INTERNAL) lib_misuse(L, "%.*s", (int)failure->message.size, (const char *)failure->message.data);
  lib_fail_with(L, failure);
}

static void write_result(lua_State *L, struct turn *turn) {
  const struct limits *limits = turn->vm->config.limits;
  struct failure *failure = &turn->vm->raised;
  bool json = turn->format == FORMAT_JSON;
  struct walk_options options = { .root = "result", .depth_max = (size_t)limits->depth, .raw_metatables = true,
                                  .finite = json, .sequences = json, .boolean_keys = !json, .shared = !json };
  buf_clear(&turn->result);
  turn->result.size_max = (size_t)limits->value_bytes;
  enum err err = json ? lua_json_write(L, -1, &turn->result, &options, failure)
                      : lua_value_write(L, -1, &turn->result, &options, failure);
  if (err != ERR_NONE) raise_unwritten(L, err, failure);
}

static void write_state(lua_State *L, struct turn *turn) {
  struct vm *vm = turn->vm;
  bool changed;
  state_write(L, turn->instance, &changed);
  if (changed && !memtable_try_put(turn->view.drafts, state_key(turn), buf_slice(&vm->value))) {
    lib_fail(L, ERR_MEMORY, "no memory for the changes of a call");
  }
  size_t bytes = memtable_bytes(turn->view.drafts), limit = (size_t)vm->config.limits->commit_bytes;
  if (bytes > limit) {
    lib_fail(L, ERR_TOO_LARGE, "%zu bytes changed by one call; the limit of one commit is %zu (limit commit-bytes)", bytes,
             limit);
  }
}

/* With the result on top of the stack. */
static int step_result(lua_State *L, struct turn *turn) {
  write_result(L, turn);
  write_state(L, turn);
  return 0;
}

static int go_on(lua_State *L, int status, lua_KContext step) {
  struct turn *turn = turn_of(L);
  luaL_checkstack(L, 16, NULL);
  switch ((enum step)step) {
    case STEP_LOAD: return step_load(L, turn);
    case STEP_CREATED: return step_created(L, turn);
    case STEP_START: return step_start(L, turn);
    case STEP_ADMIT: return step_admit(L, turn);
    case STEP_ADMITTED: return step_admitted(L, turn, status);
    case STEP_TASK: return step_task(L, turn);
    case STEP_RESULT: return step_result(L, turn);
  }
  return 0;
}

/* What came with a request is refused where it is no JSON, read or not. */
static void check_bytes(lua_State *L, const struct turn *turn) {
  if (turn->format != FORMAT_JSON) return;
  push_bytes(L, turn, turn->params);
  push_bytes(L, turn, turn->input);
  lua_pop(L, 2);
}

/* The body of the coroutine. */
static int body(lua_State *L) {
  check_bytes(L, turn_of(L));
  return go_on(L, LUA_OK, STEP_LOAD);
}

/* Notes what went wrong in a coroutine, while its stack still tells where. */
static void note_failure(lua_State *L, lua_State *call, int status, struct turn *turn) {
  lib_error_describe(call, status, &turn->failure);
  if (turn->failure.err != ERR_INTERNAL) return;
  luaL_traceback(L, call, NULL, 0);                                  /* traceback */
  size_t size;
  const char *text = lua_tolstring(L, -1, &size);
  buf_put(&turn->traceback, slice_of(text, size > TRACEBACK_MAX ? TRACEBACK_MAX : size));
  lua_pop(L, 1);                                                     /* - */
}

/* Runs the coroutine to its end. `failure` of the turn tells how it was. */
static int run(lua_State *L) {
  struct turn *turn = lua_touserdata(L, 1);
  struct vm *vm = turn->vm;
  int results;
  lua_State *call = vm_take_coroutine(L);                            /* turn coroutine */
  vm->call = call;
  lua_pushcfunction(call, body);
  int status = lua_resume(call, L, 0, &results);
  if (status == LUA_OK) {
    lua_settop(call, 0);
    vm_give_coroutine(L);                                            /* turn */
    journal_clear(L, turn->instance);
    turn->instance->loaded = true;
    return 0;
  }
  if (status == LUA_YIELD) {
    failure_set(&turn->failure, ERR_INTERNAL, "attempt to yield from outside a coroutine");
  } else {
    note_failure(L, call, status, turn);
  }
  /* Closes what the script left to be closed, under the limits. A call that was stopped has hooks no more: its handlers
   * do not run. */
  if (vm->stopped == ERR_NONE) lua_resetthread(call);
  return 0;
}

/* Puts everything back: nothing of this may fail for want of a limit. */
static int undo(lua_State *L) {
  struct turn *turn = lua_touserdata(L, 1);
  journal_undo(L, turn->instance);
  return 0;
}

bool turn_run(struct turn *turn) {
  struct vm *vm = turn->vm;
  CHECK(vm->turn == NULL);
  turn->serial = ++vm->serial;
  vm->turn = turn;
  vm_limit_begin(vm);
  struct failure raised = { 0 };
  bool ran = vm_enter(vm, run, turn, &raised);
  if (!ran && turn->failure.err == ERR_NONE) failure_move(&turn->failure, &raised);
  if (turn->failure.err != ERR_NONE) {
    vm->granting = true;
    bool undone = vm_enter(vm, undo, turn, &raised);
    vm->granting = false;
    if (!undone) turn->instance->broken = true;
  }
  failure_done(&raised);
  if (vm->stopped == ERR_MEMORY) vm_collect(vm);          /* else the next call would be measured from on top of this one's garbage */
  vm_limit_end(vm);
  vm->turn = NULL;
  vm->call = NULL;
  return turn->failure.err == ERR_NONE;
}
