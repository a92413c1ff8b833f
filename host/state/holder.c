/* holder.c -- see holder.h. */
#include "state/holder.h"

#include "vm/budget.h"

enum { HOLDERS_KEPT = 16 };

void holder_build(lua_State *L) {
  lua_createtable(L, HOLDERS_KEPT, 0);                               /* list */
  vm_set_ref(L, VM_HOLDERS);                                         /* - */
}

/* Pushes a spare holder, or a new one. [-0, +1, m] */
static void take(lua_State *L, const struct instance *instance) {
  vm_push_ref(L, VM_HOLDERS);                                        /* list */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  if (count > 0) {
    lua_rawgeti(L, -1, count);                                       /* list holder */
    lua_pushnil(L);
    lua_rawseti(L, -3, count);
  } else {
    lua_createtable(L, 1, 0);                                        /* list data */
    part_new(L, instance);                                           /* list holder */
  }
  struct part *holder = lua_touserdata(L, -1);
  *holder = (struct part){ .tracked = { .owner = instance->serial } };
  lua_replace(L, -2);                                                /* holder */
}

void holder_push(lua_State *L, struct instance *instance) {
  budget_check_stack(L, 8);
  self_push_slot(L, instance, SELF_STATE);                           /* root|nil|holder */
  if (instance->is_held) return;
  int root = lua_gettop(L), holder = root + 1, key = root + 2;
  take(L, instance);                                                 /* root|nil holder */
  lua_pushinteger(L, STATE_ROOT_FIELD);                              /* root|nil holder key */
  lua_getiuservalue(L, holder, PART_DATA);                           /* root|nil holder key data */
  if (part_is(L, root)) part_set_home(L, root, holder, key);
  lua_pushvalue(L, root);
  lua_rawseti(L, -2, STATE_ROOT_FIELD);
  lua_pushvalue(L, holder);
  self_set_slot(L, instance, SELF_STATE);
  instance->is_held = true;
  lua_settop(L, holder);
  lua_replace(L, root);                                              /* holder */
}

void holder_push_root(lua_State *L, const struct instance *instance) {
  self_push_slot(L, instance, SELF_STATE);                           /* root|nil|holder */
  if (!instance->is_held) return;
  lua_getiuservalue(L, -1, PART_DATA);                               /* holder data */
  lua_rawgeti(L, -1, STATE_ROOT_FIELD);                              /* holder data root|nil */
  lua_replace(L, -3);
  lua_pop(L, 1);                                                     /* root|nil */
}

/* Whether the data on top of the stack holds nothing: a damaged record may have put more there than a root. */
static bool is_empty(lua_State *L) {
  lua_pushnil(L);                                                    /* data nil */
  if (!lua_next(L, -2)) return true;                                 /* data */
  lua_pop(L, 2);
  return false;
}

void holder_release(lua_State *L, struct instance *instance) {
  if (!instance->is_held) return;
  self_push_slot(L, instance, SELF_STATE);                           /* holder */
  int holder = lua_gettop(L), root = holder + 1, data = holder + 2;
  holder_push_root(L, instance);                                     /* holder root|nil */
  if (part_is(L, root)) {
    lua_pushnil(L);
    lua_setiuservalue(L, root, PART_PARENT);
  }
  lua_pushvalue(L, root);
  self_set_slot(L, instance, SELF_STATE);
  instance->is_held = false;
  lua_getiuservalue(L, holder, PART_DATA);                           /* holder root|nil data */
  lua_pushnil(L);
  lua_rawseti(L, data, STATE_ROOT_FIELD);
  vm_push_ref(L, VM_HOLDERS);                                        /* holder root|nil data list */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  lua_insert(L, data);                                               /* holder root|nil list data */
  if (count < HOLDERS_KEPT && is_empty(L)) {
    lua_pushvalue(L, holder);
    lua_rawseti(L, data, count + 1);
  }
  lua_settop(L, holder - 1);                                         /* - */
}
