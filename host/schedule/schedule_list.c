/* schedule_list.c -- see schedule_list.h. On the stack are 1 the schedules, 2 the list, in the order of ids; what goes on
 * after a pause is given the id that was passed last. */
#include "schedule/schedule_list.h"

#include <stdlib.h>

#include "marshal/walk.h"
#include "schedule/schedule.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

enum { AT_LIST = 2 };

static lua_Number seconds_of(int64_t ms) {
  return (lua_Number)ms / 1000;
}

static void set_text(lua_State *L, const char *field, struct slice text) {
  if (text.size == 0) return;
  lua_pushlstring(L, (const char *)text.data, text.size);            /* ... entry text */
  lua_setfield(L, -2, field);                                        /* ... entry */
}

static void push_entry(lua_State *L, const struct schedule *schedule) {
  lua_createtable(L, 0, 7);                                          /* ... entry */
  lua_pushinteger(L, schedule->id);
  lua_setfield(L, -2, "id");
  lua_pushnumber(L, seconds_of(schedule->due_ms));
  lua_setfield(L, -2, "due");
  lua_pushinteger(L, schedule->tries);
  lua_setfield(L, -2, "tries");
  lua_pushboolean(L, schedule->failed);
  lua_setfield(L, -2, "failed");
  if (schedule->every_ms > 0) {
    lua_pushnumber(L, seconds_of(schedule->every_ms));
    lua_setfield(L, -2, "every");                                    /* ... entry */
  }
  set_text(L, "cron", schedule->cron);
  set_text(L, "method", schedule->method);
  set_text(L, "error", schedule->error);
}

/* -- the order -- */

struct place {
  bool failed;
  lua_Number due;
  lua_Integer id, index;
};

static int compare(const void *a, const void *b) {
  const struct place *one = a, *other = b;
  if (one->failed != other->failed) return one->failed ? 1 : -1;
  if (one->due != other->due) return one->due < other->due ? -1 : 1;
  return (one->id > other->id) - (one->id < other->id);
}

static struct place place_of(lua_State *L, lua_Integer index) {
  struct place place = { .index = index };
  lua_rawgeti(L, AT_LIST, index);                                    /* ... entry */
  lua_getfield(L, -1, "failed");
  lua_getfield(L, -2, "due");
  lua_getfield(L, -3, "id");                                         /* ... entry failed due id */
  place.failed = lua_toboolean(L, -3);
  place.due = lua_tonumber(L, -2);
  place.id = lua_tointeger(L, -1);
  lua_pop(L, 4);                                                     /* ... */
  return place;
}

static int sort(lua_State *L) {
  lua_Integer count = (lua_Integer)lua_rawlen(L, AT_LIST);
  struct buf *places = vm_begin_value(vm_of(L), 0);
  for (lua_Integer i = 1; i <= count; i++) {
    struct place place = place_of(L, i);
    buf_put(places, slice_of(&place, sizeof place));
    budget_check(L);
  }
  if (places->err != ERR_NONE) return raise_host(L, ERR_MEMORY, "no memory for a list of schedules");
  lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);         /* schedules list sorted */
  walk_mark(L);
  if (count > 0) qsort(places->data, (size_t)count, sizeof(struct place), compare);
  for (lua_Integer i = 1; i <= count; i++) {
    struct place place;
    memcpy(&place, places->data + (size_t)(i - 1) * sizeof place, sizeof place);
    lua_rawgeti(L, AT_LIST, place.index);
    lua_rawseti(L, -2, i);                                           /* schedules list sorted */
    budget_check(L);
  }
  return 1;
}

/* -- the scan -- */

static int fail(lua_State *L) {
  return raise_host(L, ERR_STORAGE, "a schedule of this actor cannot be read");
}

static int64_t id_of(lua_State *L, struct slice key) {
  enum timeline timeline;
  struct schedule_place place;
  if (schedule_read_key(key, &timeline, &place) != SCHEDULE_RECORD) fail(L);
  return place.id;
}

static void begin(lua_State *L, struct scan *scan, int64_t last_id) {
  struct vm *vm = vm_of(L);
  buf_clear(&vm->key);
  buf_clear(&vm->key_end);
  schedule_put_record_bounds(&vm->key, &vm->key_end, vm->now.actor_id);
  if (last_id > 0) {
    buf_clear(&vm->key);
    schedule_put_record_key(&vm->key, vm->now.actor_id, last_id + 1);
  }
  if (vm->key.err != ERR_NONE || vm->key_end.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for a list of schedules");
  scan_begin(scan, vm->now.view, buf_slice(&vm->key), buf_slice(&vm->key_end), false);
}

static int list_on(lua_State *L, int status, lua_KContext last_id) {
  struct scan scan;
  struct slice key, value;
  struct schedule schedule;
  lua_Integer count = (lua_Integer)lua_rawlen(L, AT_LIST);
  bool found;
  enum err err;
  (void)status;
  begin(L, &scan, last_id);
  while ((err = scan_step(&scan, &key, &value, &found)) == ERR_NONE) {
    last_id = id_of(L, key);
    if (found && !schedule_read(value, last_id, &schedule)) return fail(L);
    bool is_this_run = found && schedule.failed && last_id == vm_of(L)->now.schedule_id;
    if (found && !is_this_run) {
      push_entry(L, &schedule);                                      /* schedules list entry */
      lua_rawseti(L, AT_LIST, ++count);                              /* schedules list */
    }
    budget_check(L);
    if (budget_is_due(L)) return budget_pause(L, last_id, list_on);
  }
  if (err != ERR_NOT_FOUND) return fail(L);
  return sort(L);
}

int schedule_list(lua_State *L) {
  lua_settop(L, 1);                                                  /* schedules */
  budget_check_stack(L, 8);
  lua_newtable(L);                                                   /* schedules list */
  return list_on(L, LUA_OK, 0);
}
