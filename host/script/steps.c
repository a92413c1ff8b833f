/* steps.c -- see steps.h. */
#include "script/steps.h"

#include <lauxlib.h>
#include <stdio.h>

#include "base/limits.h"
#include "codec/value.h"
#include "kv/kv_list.h"
#include "marshal/arguments.h"
#include "marshal/caught.h"
#include "marshal/lua_json.h"
#include "marshal/lua_lossless.h"
#include "marshal/lua_value.h"
#include "marshal/walk.h"
#include "script/classes.h"
#include "script/connection_state.h"
#include "script/instance.h"
#include "script/lib_connection.h"
#include "script/rpc.h"
#include "script/turn.h"
#include "state/holder.h"
#include "state/journal.h"
#include "state/part.h"
#include "state/settle.h"
#include "state/state.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"
#include "vm/wait.h"

/* The steps, in order. A continuation is given the step with which it goes on. */
enum step {
  STEP_LOAD, STEP_READ, STEP_CREATED, STEP_MIGRATE, STEP_MIGRATED, STEP_START, STEP_ADMIT, STEP_ADMITTED, STEP_TASK,
  STEP_TOLD, STEP_RESULT, STEP_DESTROYED
};

static int go_on(lua_State *L, int status, lua_KContext step);
static void settle_drafts(lua_State *L, struct turn *turn);

static struct turn *turn_of(lua_State *L) {
  return vm_of(L)->now.turn;
}

static void push_class(lua_State *L, const struct turn *turn) {
  self_push_slot(L, turn->instance, SELF_CLASS);
}

/* Calls the function below its `count` arguments, then goes on with a step. */
static int call_then(lua_State *L, int count, int results, enum step step) {
  vm_of(L)->now.in_script = true;
  lua_callk(L, count, results, (lua_KContext)step, go_on);
  return go_on(L, LUA_OK, (lua_KContext)step);
}

/* Pushes bytes of a request as a value, read in their format; nil if there are none. [-0, +1, v] */
static void push_bytes(lua_State *L, enum format format, struct slice bytes) {
  if (bytes.size == 0) {
    lua_pushnil(L);
  } else if (format == FORMAT_JSON) {
    lua_json_read(L, bytes);
  } else {
    lua_value_read(L, bytes);
  }
}

/* -- the version of an actor -- */

/* state_version of the class; 1 if it has none. [-0, +0, v] */
static lua_Integer class_version(lua_State *L, const struct turn *turn) {
  push_class(L, turn);                                               /* class */
  int type = lua_getfield(L, -1, "state_version");                   /* class version */
  lua_Integer version = type == LUA_TNIL ? 1 : lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
  if (version < 1) raise_misuse(L, "state_version: a positive integer, not %s", luaL_tolstring(L, -1, NULL));
  lua_pop(L, 2);                                                     /* - */
  return version;
}

static void draft_version(lua_State *L, struct turn *turn, lua_Integer version) {
  struct buf *key = &turn->vm->key, *value = vm_begin_value(turn->vm, 0);
  buf_clear(key);
  self_begin_key(turn->instance, SPACE_VERSION, key);
  value_put_integer(value, version);
  bool made = key->err == ERR_NONE && value->err == ERR_NONE;
  if (!made || !drafts_try_put(turn->view.drafts, buf_slice(key), buf_slice(value))) {
    raise_host(L, ERR_MEMORY, "no memory for the changes of a call");
  }
}

/* -- loading and creating -- */

static void push_state_or_nil(lua_State *L, struct instance *instance) {
  if (instance->has_state) {
    state_push(L, instance);
  } else {
    lua_pushnil(L);
  }
}

static int initialize(lua_State *L, struct turn *turn, struct slice input) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "initialize_state")) return go_on(L, LUA_OK, STEP_START);
  self_push(L, turn->instance);                                      /* class function self */
  push_bytes(L, turn->format, input);                                /* class function self input */
  return call_then(L, 2, 1, STEP_CREATED);
}

/* Goes on with an actor that was saved by version `saved` of its class. If that version had no state, but the class now has
 * one, the actor gets its first state here. */
static int check_version(lua_State *L, struct turn *turn, lua_Integer saved) {
  lua_Integer now = class_version(L, turn);
  if (saved > now) {
    return raise_misuse(L, "this actor is of version %lld; its class is of version %lld and older", (long long)saved,
                      (long long)now);
  }
  if (saved < now) {
    draft_version(L, turn, now);
    turn->old_version = saved;
  }
  bool is_made = !turn->instance->has_state || state_is_there(L, turn->instance);
  return is_made ? go_on(L, LUA_OK, STEP_MIGRATE) : initialize(L, turn, slice_of(NULL, 0));
}

static int step_load(lua_State *L, struct turn *turn) {
  if (turn->instance->loaded) return go_on(L, LUA_OK, STEP_ADMIT);
  if (turn->create) {
    lua_Integer version = class_version(L, turn);
    if (version != 1) draft_version(L, turn, version);
    return initialize(L, turn, turn->input);
  }
  if (!turn->instance->has_state) return check_version(L, turn, state_read_version(L, turn->instance));
  state_begin_read(L, turn->instance);                               /* reading */
  return go_on(L, LUA_OK, STEP_READ);
}

/* Reads the state as it was saved. It fitted into memory then, and the number of its records is bounded. So nothing else
 * limits this step, and whatever was once saved can be loaded again. The limits of the call begin after it. */
static int step_read(lua_State *L, struct turn *turn) {
  lua_Integer saved;
  budget_begin_load(turn->vm);
  if (!state_read(L, &saved)) return budget_pause(L, STEP_READ, go_on);        /* - */
  turn->usage = (struct vm_usage){ 0 };
  budget_begin(turn->vm, &turn->usage);
  return check_version(L, turn, saved);
}

static int step_created(lua_State *L, struct turn *turn) {
  if (lua_type(L, -1) != LUA_TTABLE && !tracked_is_part(L, -1)) {
    return raise_misuse(L, "initialize_state returns a table, the state; this one returned a %s", luaL_typename(L, -1));
  }
  state_assign(L, turn->instance, -1);
  settle_drafts(L, turn);              /* so that the script gets tracked parts of it, which stay tracked when it saves */
  return go_on(L, LUA_OK, STEP_MIGRATE);
}

static int step_migrate(lua_State *L, struct turn *turn) {
  if (turn->old_version == 0) return go_on(L, LUA_OK, STEP_START);
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "migrate_state")) return go_on(L, LUA_OK, STEP_START);
  self_push(L, turn->instance);                                      /* class function self */
  push_state_or_nil(L, turn->instance);                              /* class function self state */
  lua_pushinteger(L, turn->old_version);                             /* class function self state version */
  return call_then(L, 3, 1, STEP_MIGRATED);
}

/* If migrate_state returned anything, that is the state from now on. */
static int step_migrated(lua_State *L, struct turn *turn) {
  if (!lua_isnil(L, -1)) state_assign(L, turn->instance, -1);
  return go_on(L, LUA_OK, STEP_START);
}

static int step_start(lua_State *L, struct turn *turn) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "on_start")) return go_on(L, LUA_OK, STEP_ADMIT);
  self_push(L, turn->instance);                                      /* class function self */
  return call_then(L, 1, 0, STEP_ADMIT);
}

/* -- admission: on_before_connect refuses a client by raising -- */

/* Whether a client asks that has not been admitted yet. One that calls through a connection has. */
static bool must_be_admitted(const struct turn *turn) {
  bool calls = turn->task == TURN_CALL || turn->task == TURN_REPEAT;
  return turn->task == TURN_CONNECT || (calls && turn->caller == CALLER_CLIENT && turn->connection == NULL);
}

static int step_admit(lua_State *L, struct turn *turn) {
  if (!must_be_admitted(turn)) return go_on(L, LUA_OK, STEP_TASK);
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "on_before_connect")) {
    turn->is_admitted = turn->task == TURN_CONNECT;
    return go_on(L, LUA_OK, STEP_TASK);
  }
  enum format format;
  struct slice params = turn_params(turn, &format);
  self_push(L, turn->instance);                                      /* class function self */
  push_bytes(L, format, params);                                     /* class function self params */
  rpc_push(L);                                                       /* class function self params rpc */
  vm_of(L)->now.in_script = true;
  int status = lua_pcallk(L, 3, 1, 0, (lua_KContext)STEP_ADMITTED, go_on);
  return go_on(L, status, (lua_KContext)STEP_ADMITTED);
}

/* Whether an error of the hook refuses the client. One that names a limit or the disk, of this actor or of one that the
 * hook called, says nothing about the client. */
static bool refuses(enum err err) {
  return err == ERR_USER || err == ERR_INTERNAL || err_blames_client(err);
}

/* On top of the stack is what the hook returned, or the error that it raised. */
static int step_admitted(lua_State *L, struct turn *turn, int status) {
  budget_check_stopped(L);
  if (status == LUA_OK || status == LUA_YIELD) {
    lib_connection_admit(L, -1);
    return go_on(L, LUA_OK, STEP_TASK);
  }
  struct failure *refusal = &turn->failure;          /* the turn owns it, so an error below leaks nothing */
  caught_describe(L, status, refusal);
  if (!refuses(refusal->err)) return luaL_error(L, "on_before_connect was stopped");      /* the failure stands */
  bool tells = refusal->err == ERR_USER || turn->vm->config.dev;
  if (refusal->err != ERR_USER) {
    logger_printf(turn->vm->config.logger, LOG_ERROR, "on_before_connect failed, and so refused: %.*s",
                  (int)refusal->message.size, (const char *)refusal->message.data);
  }
  lua_pushlstring(L, (const char *)refusal->message.data, refusal->message.size);    /* message */
  failure_clear(refusal);
  return raise_host(L, ERR_UNAUTHORIZED, "%s", tells ? lua_tostring(L, -1) : "refused by on_before_connect");
}

/* -- the tasks -- */

/* Pushes the arguments one by one; null is nil. */
static int push_arguments(lua_State *L, const struct turn *turn) {
  bool marked = false;
  if (turn->args.size == 0) return 0;
  push_bytes(L, turn->format, turn->args);                           /* array */
  int array = lua_gettop(L);
  if (!walk_table(L, array, &marked) || !marked) {                   /* array array */
    raise_host(L, ERR_ARGUMENTS, "the arguments of a call are a JSON array");
  }
  lua_settop(L, array);                                              /* array */
  lua_Integer count = (lua_Integer)lua_rawlen(L, array);
  if (count > ARGUMENTS_MAX) {
    raise_host(L, ERR_ARGUMENTS, "%lld arguments; a call takes at most %d", (long long)count, ARGUMENTS_MAX);
  }
  budget_check_stack(L, (int)count + 4);
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
  bool found = turn->caller == CALLER_SCHEDULE ? classes_push_target(L, -1, turn->method)
                                               : classes_push_method(L, -1, turn->method);
  if (!found) {
    return raise_host(L, ERR_METHOD_NOT_FOUND, "there is no method \"%.*s\"",
                    turn->method.size > 128 ? 128 : (int)turn->method.size, (const char *)turn->method.data);
  }                                                                  /* class function */
  self_push(L, turn->instance);                                      /* class function self */
  rpc_push(L);                                                       /* class function self rpc */
  turn->in_method = true;
  int count = push_arguments(L, turn);                               /* class function self rpc ... */
  return call_then(L, count + 2, 1, STEP_RESULT);
}

/* Calls a hook that takes no argument but self. If there is none, goes on with what `otherwise` pushes. */
static int call_hook(lua_State *L, struct turn *turn, const char *name, void (*otherwise)(lua_State *, struct instance *)) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, name)) {
    otherwise(L, turn->instance);                                    /* class value */
    return go_on(L, LUA_OK, STEP_RESULT);
  }
  self_push(L, turn->instance);                                      /* class function self */
  return call_then(L, 1, 1, STEP_RESULT);
}

static void push_nothing(lua_State *L, struct instance *instance) {
  (void)instance;
  lua_pushnil(L);
}

/* Calls a hook that is told of the turn's connection, and of which nothing is asked. */
static int tell(lua_State *L, struct turn *turn, const char *hook) {
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, hook)) return go_on(L, LUA_OK, STEP_TOLD);
  self_push(L, turn->instance);                                      /* class function self */
  lib_connection_push(L, turn->connection);                          /* class function self connection */
  return call_then(L, 2, 0, STEP_TOLD);
}

static int step_told(lua_State *L) {
  lua_pushnil(L);                                                    /* ... nil */
  return go_on(L, LUA_OK, STEP_RESULT);
}

/* Its result was set before the turn began. */
static int repeat(lua_State *L, struct turn *turn) {
  if (turn->refusal.err != ERR_NONE) return caught_raise(L, &turn->refusal);
  settle_drafts(L, turn);
  return 0;
}

static int step_task(lua_State *L, struct turn *turn) {
  switch (turn->task) {
    case TURN_CALL: return call_method(L, turn);
    case TURN_REPEAT: return repeat(L, turn);
    case TURN_INSPECT: return call_hook(L, turn, "inspect_state", push_state_or_nil);
    case TURN_STOP: return call_hook(L, turn, "on_stop", push_nothing);
    case TURN_CONNECT: return tell(L, turn, "on_connect");
    case TURN_DISCONNECT: return tell(L, turn, "on_disconnect");
    case TURN_STATE: push_state_or_nil(L, turn->instance); break;
    case TURN_DESTROY:
      turn->destroys = true;
      lua_pushnil(L);                                                /* nil */
      break;
    case TURN_KV:
      lua_pushcfunction(L, kv_list);                                 /* function */
      instance_push_kv(L, turn->instance);                           /* function kv */
      return call_then(L, 1, 1, STEP_RESULT);
  }
  return go_on(L, LUA_OK, STEP_RESULT);
}

/* -- the end -- */

/* Raises the reason why a value was not written: an unfit value is the script's error, one too large has a code. */
static void raise_unwritten(lua_State *L, enum err err, const struct failure *failure) {
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)failure->message.size, (const char *)failure->message.data);
  raise_failure(L, failure);
}

static void write_result(lua_State *L, struct turn *turn) {
  const struct limits *limits = turn->vm->config.limits;
  struct failure *failure = &turn->vm->raised;
  bool json = turn->format == FORMAT_JSON;
  struct walk_options options = { .root.name = "result", .depth_max = (size_t)limits->depth, .raw_metatables = true,
                                  .finite = json, .sequences = json, .boolean_keys = !json, .shared = !json };
  buf_clear(&turn->result);
  turn->result.size_max = (size_t)(turn_looks(turn) ? limits->vm_bytes : limits->value_bytes);
  enum err err = json && turn->task == TURN_INSPECT ? lua_lossless_write(L, -1, &turn->result, failure)
                 : json ? lua_json_write(L, -1, &turn->result, &options, failure)
                        : lua_value_write(L, -1, &turn->result, &options, failure);
  if (err == ERR_TOO_LARGE && !turn_looks(turn)) {
    raise_host(L, ERR_TOO_LARGE, "result: more than %zu bytes, the limit of a value " LIMIT_NAME(VALUE_BYTES),
               turn->result.size_max);
  }
  if (err != ERR_NONE) raise_unwritten(L, err, failure);
}

/* Puts the changes of the state, and of those of connections, into the drafts. */
static void settle_drafts(lua_State *L, struct turn *turn) {
  settle(L, turn->instance);
  connection_state_settle(L);
  raise_over_commit(L, drafts_bytes(turn->view.drafts) + turn_sent_bytes(turn));
}

void steps_adopt(lua_State *L, struct turn *turn) {
  part_forget(L, turn->instance);
  journal_clear(L, turn->instance);
  holder_release(L, turn->instance);
  turn->instance->loaded = true;
}

/* on_destroy, once the result is written: it may change what that was. */
static int destroy(lua_State *L, struct turn *turn) {
  turn->in_method = false;
  push_class(L, turn);                                               /* class */
  if (!classes_push_hook(L, -1, "on_destroy")) return go_on(L, LUA_OK, STEP_DESTROYED);
  self_push(L, turn->instance);                                      /* class function self */
  return call_then(L, 1, 0, STEP_DESTROYED);
}

/* What the call has changed is not looked at any more: it goes with the actor. */
static int step_destroyed(lua_State *L) {
  budget_check_caller(L);
  return 0;
}

/* The result is on top of the stack. */
static int step_result(lua_State *L, struct turn *turn) {
  write_result(L, turn);
  if (turn->destroys) return destroy(L, turn);
  settle_drafts(L, turn);
  if (turn->task == TURN_DISCONNECT) connection_state_end(L, turn->connection);
  budget_check_caller(L);
  return 0;
}

/* Iterators keep in memory what was saved since they began, so that is bounded like the memory of a call. */
static void check_held(lua_State *L, const struct turn *turn) {
  size_t bytes = drafts_held_memory(turn->view.drafts), limit = (size_t)turn->vm->config.limits->call_bytes;
  if (bytes <= limit) return;
  raise_host(L, ERR_MEMORY, "%zu bytes that this call has saved are kept in memory for an iterator of kv:each that began "
             "before; the limit is %zu " LIMIT_NAME(CALL_BYTES), bytes, limit);
}

static int finish_save(lua_State *L, int status, lua_KContext context) {
  (void)L;
  (void)status;
  (void)context;
  return 0;
}

/* Raises if a function of `self` was not called with the actor whose turn it is. [-?, +0, v] */
static void check_self(lua_State *L, const char *name) {
  struct instance *instance = self_current(L);
  lua_settop(L, 1);                                                  /* self */
  self_push(L, instance);                                            /* self self */
  if (!lua_rawequal(L, 1, 2)) raise_misuse(L, "call %s with a colon: self:%s()", name, name);
  lua_settop(L, 0);                                                  /* - */
}

int steps_save_state(lua_State *L) {
  struct turn *turn = turn_of(L);
  check_self(L, "save_state");
  if (!turn->in_method) return raise_misuse(L, "save_state: only a method can save in its middle, not a hook");
  if (turn->destroys) return raise_misuse(L, "save_state: this call destroys its actor, of which nothing can be saved");
  wait_check(L, "save_state");
  check_held(L, turn);
  settle_drafts(L, turn);
  steps_adopt(L, turn);
  return wait_yield(L, TURN_SAVING, 0, finish_save);
}

int steps_destroy(lua_State *L) {
  struct turn *turn = turn_of(L);
  check_self(L, "destroy");
  if (!turn->in_method) return raise_misuse(L, "destroy: only a method can destroy its actor, not a hook");
  turn->destroys = true;
  return 0;
}

static int go_on(lua_State *L, int status, lua_KContext step) {
  struct turn *turn = turn_of(L);
  vm_of(L)->now.in_script = false;
  budget_check_stack(L, 16);
  switch ((enum step)step) {
    case STEP_LOAD: return step_load(L, turn);
    case STEP_READ: return step_read(L, turn);
    case STEP_CREATED: return step_created(L, turn);
    case STEP_MIGRATE: return step_migrate(L, turn);
    case STEP_MIGRATED: return step_migrated(L, turn);
    case STEP_START: return step_start(L, turn);
    case STEP_ADMIT: return step_admit(L, turn);
    case STEP_ADMITTED: return step_admitted(L, turn, status);
    case STEP_TASK: return step_task(L, turn);
    case STEP_TOLD: return step_told(L);
    case STEP_RESULT: return step_result(L, turn);
    case STEP_DESTROYED: return step_destroyed(L);
  }
  return 0;
}

/* Refuses a request whose params or input are not JSON, even if nothing would read them. Those of a connection were looked at
 * as it was opened. */
static void check_bytes(lua_State *L, const struct turn *turn) {
  enum format format;
  struct slice params = turn_params(turn, &format);
  if (turn->format != FORMAT_JSON || (turn->connection != NULL && turn->task != TURN_CONNECT)) return;
  push_bytes(L, format, params);
  push_bytes(L, turn->format, turn->input);
  lua_pop(L, 2);
}

int steps_run(lua_State *L) {
  check_bytes(L, turn_of(L));
  return go_on(L, LUA_OK, STEP_LOAD);
}
