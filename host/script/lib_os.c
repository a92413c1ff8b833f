/* lib_os.c -- see lib_os.h. */
#include "script/lib_os.h"

#include <lauxlib.h>
#include <lualib.h>

#include "vm/lua_vm.h"

static lua_Integer unix_seconds(lua_State *L) {
  return (lua_Integer)(clock_unix_ns(vm_of(L)->config.clock) / 1000000000);
}

/* os.time([table]) -> seconds since 1970   [-0, +1, v] */
static int os_time(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushinteger(L, unix_seconds(L));
    return 1;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));                             /* table function */
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* os.date([format [, time]]) -> string or table   [-0, +1, v] */
static int os_date(lua_State *L) {
  lua_settop(L, 2);                                                  /* format time */
  if (lua_isnil(L, 1)) {
    lua_pushliteral(L, "%c");
    lua_replace(L, 1);
  }
  if (lua_isnil(L, 2)) {
    lua_pushinteger(L, unix_seconds(L));
    lua_replace(L, 2);
  }
  lua_pushvalue(L, lua_upvalueindex(1));                             /* format time function */
  lua_insert(L, 1);
  lua_call(L, 2, 1);
  return 1;
}

/* os.clock() -> seconds since some moment, by the host's clock   [-0, +1, -] */
static int os_clock(lua_State *L) {
  lua_pushnumber(L, (lua_Number)clock_monotonic_ns(vm_of(L)->config.clock) / 1e9);
  return 1;
}

int lib_os_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)(clock_unix_ns(vm_of(L)->config.clock) / 1000) / 1e6);
  return 1;
}

void lib_os_open(lua_State *L) {
  lua_createtable(L, 0, 4);                                          /* os */
  luaL_requiref(L, "os", luaopen_os, 0);                             /* os original */
  lua_getfield(L, -1, "time");
  lua_pushcclosure(L, os_time, 1);
  lua_setfield(L, -3, "time");                                       /* os original */
  lua_getfield(L, -1, "date");
  lua_pushcclosure(L, os_date, 1);
  lua_setfield(L, -3, "date");                                       /* os original */
  lua_getfield(L, -1, "difftime");
  lua_setfield(L, -3, "difftime");                                   /* os original */
  lua_pop(L, 1);                                                     /* os */
  lua_pushcfunction(L, os_clock);
  lua_setfield(L, -2, "clock");                                      /* os */
}
