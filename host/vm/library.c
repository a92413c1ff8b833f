/* library.c -- see library.h. */
#include "vm/library.h"

#include <lauxlib.h>

#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

static int refuse_write(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  return raise_misuse(L, "a library of the host cannot be written to (\"%.64s\")", name);
}

static int library_next(lua_State *L) {
  lua_settop(L, 2);
  if (lua_next(L, lua_upvalueindex(1))) return 2;
  lua_pushnil(L);
  return 1;
}

/* for name, value in pairs(library) */
static int library_pairs(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, library_next, 1);
  lua_pushnil(L);
  lua_pushnil(L);
  return 3;
}

void library_protect(lua_State *L) {
  lua_newtable(L);                                                   /* library view */
  lua_createtable(L, 0, 4);                                          /* library view meta */
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");                                    /* library view meta */
  lua_pushcfunction(L, refuse_write);
  lua_setfield(L, -2, "__newindex");                                 /* library view meta */
  lua_pushvalue(L, -3);
  lua_pushcclosure(L, library_pairs, 1);
  lua_setfield(L, -2, "__pairs");                                    /* library view meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* library view meta */
  lua_setmetatable(L, -2);                                           /* library view */
  lua_remove(L, -2);                                                 /* view */
}

bool library_is_view(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;                     /* meta */
  lua_pushliteral(L, "__newindex");
  lua_rawget(L, -2);                                                 /* meta function */
  bool view = lua_tocfunction(L, -1) == refuse_write;
  lua_pop(L, 2);                                                     /* - */
  return view;
}

void library_push_environment(lua_State *L) {
  budget_check_stack(L, 6);
  lua_newtable(L);                                                   /* env */
  lua_createtable(L, 0, 2);                                          /* env meta */
  vm_push_ref(L, VM_GLOBALS);
  lua_setfield(L, -2, "__index");                                    /* env meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* env meta */
  lua_setmetatable(L, -2);                                           /* env */
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "_G");                                         /* env */
}
