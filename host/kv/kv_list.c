/* kv_list.c -- see kv_list.h: list, count and the deletes of ranges. Each scans its range, and may pause in between. What it
 * needs after that is on the stack: 1 kv, 2 the range, and for a list the names of its fields and the list itself. */
#include "kv/kv_list.h"

#include <lauxlib.h>

#include "kv/kv.h"
#include "kv/kv_range.h"
#include "marshal/lua_key.h"
#include "marshal/walk.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

enum { AT_RANGE = 2, AT_KEY, AT_VALUE };

/* Replaces the options at 2 with their range, and leaves nothing above it. [-n, +2, v] */
static struct kv_range *begin(lua_State *L) {
  kv_check(L);
  lua_settop(L, 2);                                                  /* kv options */
  struct kv_range *range = kv_range_push(L, 2);                      /* kv options range */
  lua_replace(L, AT_RANGE);                                          /* kv range */
  return range;
}

/* Takes the next step of the scan, which finds an entry or only passes a deleted one. False at the end of the range, or once
 * its limit is used up. */
static bool next(lua_State *L, struct kv_range *range, struct scan *scan, struct slice *key, struct slice *value,
                 bool *found) {
  if (range->left == 0) return false;
  enum err err = scan_step(scan, key, value, found);
  if (err == ERR_NOT_FOUND) return false;
  if (err != ERR_NONE) kv_fail_storage(L);
  if (*found && range->left != SIZE_MAX) range->left--;
  return true;
}

/* -- list -- */

/* Appends an entry to the list on top of the stack. [-0, +0, v] */
static void add_entry(lua_State *L, struct slice key, struct slice value, bool bytes, lua_Integer place) {
  lua_createtable(L, 0, 2);                                          /* list entry */
  lua_pushvalue(L, AT_KEY);
  lua_key_read(L, slice_after(key, KV_KEY_BEGIN));                   /* list entry "key" key */
  lua_rawset(L, -3);                                                 /* list entry */
  lua_pushvalue(L, AT_VALUE);
  kv_push_value(L, value, bytes);                                    /* list entry "value" value */
  lua_rawset(L, -3);                                                 /* list entry */
  lua_rawseti(L, -2, place);                                         /* list */
}

static int list_on(lua_State *L, int status, lua_KContext count) {
  struct kv_range *range = lua_touserdata(L, AT_RANGE);
  struct scan scan;
  struct slice key, value;
  bool found;
  (void)status;
  kv_range_scan(range, kv_view(L), &scan);
  while (next(L, range, &scan, &key, &value, &found)) {
    if (found) add_entry(L, key, value, range->bytes, ++count);
    budget_check(L);
    if (budget_is_due(L)) {
      kv_range_pass(L, AT_RANGE, key);
      return budget_pause(L, count, list_on);
    }
  }
  return 1;
}

/* kv:list([opts]) -> array of { key = tuple, value = v } in key order   [-0, +1, v] */
int kv_list(lua_State *L) {
  begin(L);                                                          /* kv range */
  budget_check_stack(L, 8);
  lua_pushliteral(L, "key");
  lua_pushliteral(L, "value");                                       /* kv range "key" "value" */
  lua_newtable(L);                                                   /* kv range "key" "value" list */
  walk_mark(L);
  return list_on(L, LUA_OK, 0);
}

/* -- count -- */

/* Goes over the range and counts. True if it is to pause; `count` then says how many there were so far. */
static bool count_some(lua_State *L, struct kv_range *range, lua_KContext *count) {
  struct scan scan;
  struct slice key, value;
  bool found;
  kv_range_scan(range, kv_view(L), &scan);
  while (next(L, range, &scan, &key, &value, &found)) {
    *count += found;
    budget_check(L);
    bool due = budget_is_due(L);
    if (due || range->left == 0) kv_range_pass(L, AT_RANGE, key);
    if (due) return true;
  }
  return false;
}

static int count_on(lua_State *L, int status, lua_KContext count) {
  (void)status;
  if (count_some(L, lua_touserdata(L, AT_RANGE), &count)) return budget_pause(L, count, count_on);
  lua_pushinteger(L, count);                                         /* kv range count */
  return 1;
}

/* kv:count([opts]) -> number of entries   [-0, +1, v] */
int kv_list_count(lua_State *L) {
  begin(L);                                                          /* kv range */
  return count_on(L, LUA_OK, 0);
}

/* -- deletes -- */

/* Deletes everything between two bounds, in one write. */
static void delete_between(lua_State *L, struct slice from, struct slice to) {
  struct drafts *drafts = kv_view(L)->drafts;
  raise_over_commit(L, drafts_bytes(drafts) + from.size + to.size);
  if (!drafts_try_delete_range(drafts, from, to)) raise_host(L, ERR_MEMORY, "no memory for a delete");
}

static int delete_on(lua_State *L, int status, lua_KContext count) {
  struct kv_range *range = lua_touserdata(L, AT_RANGE);
  (void)status;
  if (count_some(L, range, &count)) return budget_pause(L, count, delete_on);
  if (count > 0 && range->left == 0) {
    delete_between(L, kv_range_passed_from(range), kv_range_passed_to(range));
  } else if (count > 0) {
    delete_between(L, range->from, range->to);
  }
  lua_pushinteger(L, count);                                         /* kv range count */
  return 1;
}

/* kv:delete_range([opts]) -> how many there were   [-0, +1, v] */
int kv_list_delete_range(lua_State *L) {
  begin(L);                                                          /* kv range */
  return delete_on(L, LUA_OK, 0);
}

/* kv:delete_all()   [-0, +0, v] */
int kv_list_delete_all(lua_State *L) {
  kv_check(L);
  if (!lua_isnoneornil(L, 2)) return raise_misuse(L, "delete_all takes no options; kv:delete_range(opts) does");
  struct kv_range *range = begin(L);                                 /* kv range */
  delete_between(L, range->from, range->to);
  return 0;
}
