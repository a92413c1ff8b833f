/* tracked.c -- see tracked.h. */
#include "marshal/tracked.h"

#include "vm/lua_vm.h"
#include "vm/raise.h"

struct tracked *tracked_new(lua_State *L, uint64_t owner, int slots) {
  struct tracked *tracked = lua_newuserdatauv(L, sizeof *tracked, slots);    /* data tracked */
  *tracked = (struct tracked){ .owner = owner };
  lua_insert(L, -2);                                                 /* tracked data */
  lua_setiuservalue(L, -2, TRACKED_DATA);                                       /* tracked */
  return tracked;
}

bool tracked_is_part(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;     /* meta */
  vm_push_ref(L, VM_PART_META);                                      /* meta part_meta */
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);                                                     /* - */
  return same;
}

bool tracked_is_owned(lua_State *L, int index) {
  const struct tracked *tracked = lua_touserdata(L, index);
  return vm_of(L)->now.owner == tracked->owner;
}

struct tracked *tracked_check_owner(lua_State *L, int index) {
  struct tracked *tracked = lua_touserdata(L, index);
  if (!tracked_is_owned(L, index)) {
    raise_misuse(L, "%s belongs to an actor whose turn this is not",
               tracked_is_part(L, index) ? "this part of a state" : "this self");
  }
  return tracked;
}

bool tracked_push_data(lua_State *L, int index) {
  struct tracked *tracked = tracked_check_owner(L, index);
  lua_getiuservalue(L, index, TRACKED_DATA);                                    /* data */
  return tracked->array;
}
