/* part_path.c -- see part_path.h. */
#include "state/part_path.h"

#include "base/recursion.h"
#include "marshal/walk.h"
#include "state/holder.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* Appends the path of the part at `part`, searching from `index` downwards; false if it is not found. The table at `seen`
 * holds the parts already searched, since in the middle of a turn a part may be in many places. [-0, +0, m] */
static bool put_path_of(lua_State *L, int part, int index, int seen, size_t depth, struct buf *path) {
  if (lua_rawequal(L, part, index)) return true;
  if (!part_is(L, index) || depth == 0) return false;
  budget_check_stack(L, 8);
  lua_pushvalue(L, index);                                           /* part */
  if (lua_rawget(L, seen) != LUA_TNIL) {                             /* true */
    lua_pop(L, 1);                                                   /* - */
    return false;
  }
  lua_pop(L, 1);                                                     /* - */
  lua_pushvalue(L, index);
  lua_pushboolean(L, 1);
  lua_rawset(L, seen);                                               /* - */
  lua_getiuservalue(L, index, PART_DATA);                                  /* data */
  int data = lua_gettop(L);
  size_t size = path->size;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, data)) {                                        /* data key value */
    if (lua_type(L, -1) == LUA_TUSERDATA) {
      walk_put_step(L, data + 1, path);
      if (put_path_of(L, part, data + 2, seen, depth - 1, path)) {
        lua_settop(L, data - 1);                                     /* - */
        return true;
      }
      path->size = size;
    }
    lua_pop(L, 1);                                                   /* data key */
  }
  lua_settop(L, data - 1);                                           /* - */
  return false;
}

int part_path_raise(lua_State *L, int part, int key, const char *what) {
  struct buf *path = raise_begin(L);
  holder_push(L, vm_of(L)->now.instance);                            /* holder */
  int holder = lua_gettop(L);
  buf_put_text(path, "state");
  if (!lua_rawequal(L, part, holder)) {
    lua_getiuservalue(L, holder, PART_DATA);                               /* holder data */
    lua_rawgeti(L, -1, STATE_ROOT_FIELD);                                  /* holder data root */
    lua_newtable(L);                                                 /* holder data root seen */
    if (!put_path_of(L, part, lua_gettop(L) - 1, lua_gettop(L), RECURSION_MAX, path)) {
      buf_clear(path);
      buf_put_text(path, "(a part that is not in the state)");
    }
    walk_put_step(L, key, path);
  }
  lua_settop(L, holder - 1);                                         /* - */
  return raise_misuse(L, "%.*s: %s", (int)path->size, (const char *)path->data, what);
}
