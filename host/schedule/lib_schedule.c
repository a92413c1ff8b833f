/* lib_schedule.c -- see lib_schedule.h. */
#include "schedule/lib_schedule.h"

#include <lauxlib.h>
#include <math.h>

#include "base/limits.h"
#include "marshal/arguments.h"
#include "schedule/cron.h"
#include "schedule/schedule.h"
#include "schedule/schedule_list.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

/* Each function has the check of methods as an upvalue. */
enum { UPVALUE_CHECK = 1 };

/* What stands at the same place for all that set one. */
enum { AT_WHEN = 2, AT_METHOD = 3, AT_ARGUMENTS = 4 };

enum { KEYS_BYTES = 128 };     /* of the records of a schedule without its value, at most */

struct schedules {
  uint64_t owner;              /* serial of the instance */
};

/* -- whose turn, and when -- */

static void check(lua_State *L) {
  bool is = lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1);                 /* [meta] */
  if (is) {
    vm_push_ref(L, VM_SCHEDULE_META);                                /* meta schedule_meta */
    is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);                                                   /* - */
  }
  if (!is) raise_misuse(L, "call methods of schedule with a colon: self.schedule:after(seconds, method)");
  const struct schedules *schedules = lua_touserdata(L, 1);
  if (vm_of(L)->now.owner != schedules->owner) {
    raise_misuse(L, "these schedules belong to an actor whose turn this is not");
  }
}

static int64_t now_ms(lua_State *L, enum timeline timeline) {
  int64_t ms = schedule_now_ms(vm_of(L)->config.timekeeper, timeline);
  return ms < 0 ? 0 : ms;
}

static struct schedule_owner owner_of(lua_State *L) {
  const struct vm_now *now = &vm_of(L)->now;
  return (struct schedule_owner){ .view = now->view, .touch = now->touched, .actor_id = now->actor_id };
}

static void check_err(lua_State *L, enum err err) {
  if (err == ERR_MEMORY) raise_host(L, ERR_MEMORY, "no memory for a schedule");
  if (err != ERR_NONE) raise_host(L, ERR_STORAGE, "a schedule of this actor cannot be read");
}

/* Drafts it all, or stops the call: a script that caught the error would go on with half a schedule. [-0, +0, v] */
static void draft(lua_State *L, const struct schedule *old, const struct schedule *new) {
  const struct schedule_owner owner = owner_of(L);
  enum err err = schedule_draft(&owner, old, new);
  if (err != ERR_NONE) budget_stop(L, err);
}

/* -- arguments -- */

static lua_Number check_seconds(lua_State *L, const struct argument *argument) {
  if (lua_type(L, AT_WHEN) != LUA_TNUMBER) {
    raise_about(L, ERR_INTERNAL, argument, "a number of seconds, not a %s", luaL_typename(L, AT_WHEN));
  }
  lua_Number seconds = lua_tonumber(L, AT_WHEN);
  if (!isfinite(seconds)) {
    raise_about(L, ERR_INTERNAL, argument, "a number of seconds, not %s", luaL_tolstring(L, AT_WHEN, NULL));
  }
  return seconds;
}

/* Whole milliseconds, rounded up; but what is less than half a microsecond over is how binary numbers show decimal ones. */
static int64_t ms_of(lua_Number seconds) {
  return (int64_t)ceil(round(seconds * 1e6) / 1e3);
}

/* From 0, or from `least` on, to ten years. */
static int64_t check_span(lua_State *L, lua_Number least) {
  static const struct argument argument = { .name = "seconds" };
  lua_Number seconds = check_seconds(L, &argument);
  if (seconds < least) {
    raise_about(L, ERR_INTERNAL, &argument, "at least %g, not %s", (double)least, luaL_tolstring(L, AT_WHEN, NULL));
  }
  if (seconds > (lua_Number)SCHEDULE_SPAN_MS_MAX / 1000) {
    raise_about(L, ERR_INTERNAL, &argument, "at most ten years, not %s", luaL_tolstring(L, AT_WHEN, NULL));
  }
  return ms_of(seconds);
}

static void check_method(lua_State *L) {
  if (lua_type(L, AT_METHOD) != LUA_TSTRING) {
    raise_misuse(L, "method: the name of a method, a string, not a %s", luaL_typename(L, AT_METHOD));
  }
  budget_check_stack(L, 8);
  lua_pushvalue(L, AT_METHOD);                                       /* ... method */
  lua_tocfunction(L, lua_upvalueindex(UPVALUE_CHECK))(L);
  lua_settop(L, -2);                                                 /* ... */
}

/* The id at `index`. False: it is none that was ever given. [-0, +0, v] */
static bool read_id(lua_State *L, int index, int64_t *id) {
  int is_integer;
  if (lua_type(L, index) != LUA_TNUMBER) {
    raise_misuse(L, "id: the number that after, at, every or cron returned, not a %s", luaL_typename(L, index));
  }
  *id = lua_tointegerx(L, index, &is_integer);
  return is_integer && *id > 0;
}

/* -- setting -- */

/* Gives the schedule its id, if there is room for another. */
static void take_id(lua_State *L, struct schedule *schedule) {
  int64_t last_id, count;
  uint64_t limit = vm_of(L)->config.limits->schedules;
  check_err(L, schedule_count(vm_of(L)->now.view, vm_of(L)->now.actor_id, &last_id, &count));
  if ((uint64_t)count >= limit) {
    raise_host(L, ERR_TOO_LARGE, "this actor has %lld schedules, failed ones too; the limit is %llu " LIMIT_NAME(SCHEDULES),
               (long long)count, (unsigned long long)limit);
  }
  schedule->id = last_id + 1;
}

/* Sets what is due at `due_ms`; the rest of the arguments are on the stack. [-0, +1, v] */
static int set(lua_State *L, struct schedule *schedule, int64_t due_ms) {
  int count = lua_gettop(L) - AT_METHOD;
  check_method(L);
  arguments_write(L, AT_ARGUMENTS, count);
  schedule->due_ms = schedule->beat_ms = schedule->first_ms = due_ms < SCHEDULE_MS_MAX ? due_ms : SCHEDULE_MS_MAX;
  schedule->method = vm_string_at(L, AT_METHOD);
  schedule->args = buf_slice(&vm_of(L)->value);
  take_id(L, schedule);
  size_t bytes = schedule->args.size + schedule->method.size + schedule->cron.size + KEYS_BYTES;
  raise_over_commit(L, drafts_bytes(vm_of(L)->now.view->drafts) + bytes);
  draft(L, NULL, schedule);
  lua_pushinteger(L, schedule->id);                                  /* ... id */
  return 1;
}

/* What all that set one begin with: afterwards there is something, or nil, at AT_WHEN and AT_METHOD. [-0, +n, v] */
static void begin(lua_State *L) {
  check(L);
  budget_check_stack(L, 8);
  if (lua_gettop(L) < AT_METHOD) lua_settop(L, AT_METHOD);
}

/* schedule:after(seconds, method, ...) -> id   [-0, +1, v] */
static int after(lua_State *L) {
  begin(L);
  struct schedule schedule = { .timeline = TIMELINE_HOST };
  return set(L, &schedule, now_ms(L, TIMELINE_HOST) + check_span(L, 0));
}

/* schedule:every(seconds, method, ...) -> id   [-0, +1, v] */
static int every(lua_State *L) {
  begin(L);
  struct schedule schedule = { .timeline = TIMELINE_HOST };
  schedule.every_ms = check_span(L, SCHEDULE_EVERY_MS_MIN / 1e3);
  return set(L, &schedule, now_ms(L, TIMELINE_HOST) + schedule.every_ms);
}

/* schedule:at(unix_seconds, method, ...) -> id   [-0, +1, v] */
static int at(lua_State *L) {
  static const struct argument argument = { .name = "unix_seconds" };
  begin(L);
  lua_Number seconds = check_seconds(L, &argument);
  int64_t now = now_ms(L, TIMELINE_WALL);
  if (seconds * 1000 > (lua_Number)SCHEDULE_MS_MAX) {
    return raise_about(L, ERR_INTERNAL, &argument, "at most that of the year 9999, in seconds and not in milliseconds, not %s",
                       luaL_tolstring(L, AT_WHEN, NULL));
  }
  struct schedule schedule = { .timeline = TIMELINE_WALL };
  int64_t due_ms = seconds > 0 ? ms_of(seconds) : 0;
  return set(L, &schedule, due_ms > now ? due_ms : now);
}

/* schedule:cron(expression, method, ...) -> id; raises invalid_arguments for a text that is no expression   [-0, +1, v] */
static int cron(lua_State *L) {
  static const struct argument argument = { .name = "expression" };
  struct cron calendar;
  begin(L);
  if (lua_type(L, AT_WHEN) != LUA_TSTRING) {
    return raise_about(L, ERR_INTERNAL, &argument, "five fields, a string, not a %s", luaL_typename(L, AT_WHEN));
  }
  struct failure *failure = &vm_of(L)->raised;
  struct schedule schedule = { .timeline = TIMELINE_WALL, .cron = vm_string_at(L, AT_WHEN) };
  failure_clear(failure);
  enum err err = cron_parse(schedule.cron, &calendar, failure);
  if (err != ERR_NONE) {
    return raise_about(L, err, &argument, "%.*s", (int)failure->message.size, (const char *)failure->message.data);
  }
  int64_t due_ms = cron_next(&calendar, now_ms(L, TIMELINE_WALL));
  if (due_ms == INT64_MAX) return raise_about(L, ERR_ARGUMENTS, &argument, "it does not come before the year 10000");
  return set(L, &schedule, due_ms);
}

/* -- what was set -- */

/* Finds the schedule whose id is at 2. One-shots that run are not there: they have begun. [-0, +0, v] */
static bool find(lua_State *L, struct schedule *schedule) {
  struct vm *vm = vm_of(L);
  int64_t id;
  check(L);
  lua_settop(L, 2);                                                  /* schedules id */
  if (!read_id(L, 2, &id)) return false;
  enum err err = schedule_find(vm->now.view, vm->now.actor_id, id, vm_begin_value(vm, 0), schedule);
  if (err == ERR_NOT_FOUND) return false;
  check_err(L, err);
  return !(schedule->failed && id == vm->now.schedule_id);
}

static int change(lua_State *L, const struct schedule *old, const struct schedule *new) {
  size_t bytes = new == NULL ? 0 : vm_of(L)->value.size;
  raise_over_commit(L, drafts_bytes(vm_of(L)->now.view->drafts) + bytes + KEYS_BYTES);
  draft(L, old, new);
  lua_pushboolean(L, 1);                                             /* ... true */
  return 1;
}

/* schedule:cancel(id) -> whether it was pending or had failed   [-0, +1, v] */
static int cancel(lua_State *L) {
  struct schedule schedule;
  if (find(L, &schedule)) return change(L, &schedule, NULL);
  lua_pushboolean(L, 0);                                             /* ... false */
  return 1;
}

/* schedule:retry(id) -> whether it had failed   [-0, +1, v] */
static int retry(lua_State *L) {
  struct schedule old;
  if (!find(L, &old) || !old.failed) {
    lua_pushboolean(L, 0);                                           /* ... false */
    return 1;
  }
  struct schedule new = old;
  schedule_begin_anew(&new, now_ms(L, new.timeline));
  return change(L, &old, &new);
}

/* schedule:list() -> array of entries in the order in which they are due, failed ones last   [-0, +1, v] */
static int list(lua_State *L) {
  check(L);
  return schedule_list(L);
}

void lib_schedule_push_new(lua_State *L) {
  struct schedules *schedules = lua_newuserdatauv(L, sizeof *schedules, 0);            /* schedules */
  schedules->owner = vm_of(L)->now.owner;
  vm_push_ref(L, VM_SCHEDULE_META);
  lua_setmetatable(L, -2);                                           /* schedules */
}

void lib_schedule_build(lua_State *L, lua_CFunction check_of_methods) {
  static const luaL_Reg functions[] = {
    { "after", after },   { "at", at },       { "every", every }, { "cron", cron },
    { "cancel", cancel }, { "retry", retry }, { "list", list },   { NULL, NULL },
  };
  lua_createtable(L, 0, 3);                                          /* meta */
  luaL_newlibtable(L, functions);                                    /* meta methods */
  lua_pushcfunction(L, check_of_methods);
  luaL_setfuncs(L, functions, 1);                                    /* meta methods */
  lua_setfield(L, -2, "__index");                                    /* meta */
  lua_pushliteral(L, "schedule");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_set_ref(L, VM_SCHEDULE_META);                                   /* - */
}
