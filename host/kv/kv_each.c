/* kv_each.c -- see kv_each.h.
 *
 * An iterator is a function over its range, a userdata. The loop closes the range when it ends. The snapshot ends then, or
 * with the turn. */
#include "kv/kv_each.h"

#include "kv/kv.h"
#include "kv/kv_range.h"
#include "marshal/lua_key.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

static void end(const struct view *view, struct kv_range *range) {
  if (range->snapshot != 0) drafts_unpin(view->drafts, range->snapshot);
  range->snapshot = 0;
}

/* Gives an entry to the loop. The snapshot ends with the last one: later writes need not be kept apart. */
static int give(lua_State *L, struct kv_range *range, struct slice key, struct slice value) {
  lua_key_read(L, slice_after(key, KV_KEY_BEGIN));                   /* key */
  kv_push_value(L, value, range->bytes);                             /* key value */
  kv_range_pass(L, lua_upvalueindex(1), key);                        /* last: after an error the same entry comes again */
  if (range->left != SIZE_MAX && --range->left == 0) end(kv_view(L), range);
  budget_check(L);
  return 2;
}

static int step_on(lua_State *L, int status, lua_KContext context) {
  struct kv_range *range = lua_touserdata(L, lua_upvalueindex(1));
  struct view view = *kv_view(L);
  struct scan scan;
  struct slice key, value;
  bool found;
  enum err err;
  (void)status;
  (void)context;
  view.snapshot = range->snapshot;
  kv_range_scan(range, &view, &scan);
  while ((err = scan_step(&scan, &key, &value, &found)) == ERR_NONE && !found) {
    budget_check(L);
    if (budget_is_due(L)) {
      kv_range_pass(L, lua_upvalueindex(1), key);
      return budget_pause(L, 0, step_on);
    }
  }
  if (err == ERR_NONE) return give(L, range, key, value);
  if (err != ERR_NOT_FOUND) return kv_fail_storage(L);
  end(kv_view(L), range);
  return 0;
}

/* iterator() -> key, value, or nothing at the end   [-0, +(0|2), v] */
static int step(lua_State *L) {
  const struct kv_range *range = lua_touserdata(L, lua_upvalueindex(1));
  if (vm_of(L)->now.serial != range->turn) return raise_misuse(L, "this iterator belongs to another call");
  lua_settop(L, 0);
  if (range->snapshot == 0) return 0;
  if (budget_is_due(L)) return budget_pause(L, 0, step_on);
  return step_on(L, LUA_OK, 0);
}

/* Closes an iterator when its loop is left. One of another turn ended with that turn. */
static int close(lua_State *L) {
  struct kv_range *range = lua_touserdata(L, 1);
  if (vm_of(L)->now.serial == range->turn) end(kv_view(L), range);
  return 0;
}

/* for key, value in kv:each([opts]) do   [-0, +4, v] */
int kv_each(lua_State *L) {
  kv_check(L);
  lua_settop(L, 2);                                                  /* kv options */
  struct kv_range *range = kv_range_push(L, 2);                      /* kv options range */
  vm_push_ref(L, VM_EACH_META);
  lua_setmetatable(L, -2);                                           /* kv options range */
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, step, 1);                                      /* kv options range step */
  lua_insert(L, -2);                                                 /* kv options step range */
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);                                                 /* kv options step nil nil range */
  range->turn = vm_of(L)->now.serial;
  range->snapshot = drafts_pin(kv_view(L)->drafts);
  return 4;
}

void kv_each_build(lua_State *L) {
  lua_createtable(L, 0, 3);                                          /* meta */
  lua_pushliteral(L, "iterator");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");                                    /* meta */
  vm_set_ref(L, VM_EACH_META);                                       /* - */
}
