/* disk_module.c -- the Lua module simulated_disk: the simulated disk as the simulation holds it. */
#include <dlfcn.h>
#include <errno.h>
#include <lauxlib.h>

#include "simulated_disk.h"

int luaopen_simulated_disk(lua_State *L);

/* is_preloaded() -> whether the calls of the process come here: else the module's symbols are known to itself alone */
static int is_preloaded(lua_State *L) {
  lua_pushboolean(L, dlsym(RTLD_DEFAULT, "disk_watch") != NULL);
  return 1;
}

/* watch(folder, seed): forgets all, and watches an empty folder */
static int watch(lua_State *L) {
  disk_watch(luaL_checkstring(L, 1), (uint64_t)luaL_checkinteger(L, 2));
  return 0;
}

static int unwatch(lua_State *L) {
  (void)L;
  disk_unwatch();
  return 0;
}

/* operations() -> how many there were */
static int operations(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)disk_operations());
  return 1;
}

/* cut_at(operation) */
static int cut_at(lua_State *L) {
  disk_cut_at((uint64_t)luaL_checkinteger(L, 1));
  return 0;
}

/* is_cut() -> whether that operation was begun */
static int is_cut(lua_State *L) {
  lua_pushboolean(L, disk_is_cut());
  return 1;
}

/* fail_at(operation, count, "full" | "broken") */
static int fail_at(lua_State *L) {
  static const char *const names[] = { "full", "broken", NULL };
  static const int errors[] = { ENOSPC, EIO };
  disk_fail_at((uint64_t)luaL_checkinteger(L, 1), (uint64_t)luaL_checkinteger(L, 2),
               errors[luaL_checkoption(L, 3, NULL, names)]);
  return 0;
}

static int lie(lua_State *L) {
  disk_lie(lua_toboolean(L, 1));
  return 0;
}

static int tell(lua_State *L) {
  disk_tell(lua_toboolean(L, 1));
  return 0;
}

/* kill(): the process ended, by itself or at the cut; the machine goes on */
static int kill_process(lua_State *L) {
  (void)L;
  disk_kill();
  return 0;
}

/* lose(how): the power was cut */
static int lose(lua_State *L) {
  static const char *const names[LOSS_COUNT + 1] = { "all", "none", "some", "sectors", "last", "behind", NULL };
  disk_lose((enum loss)luaL_checkoption(L, 1, NULL, names));
  return 0;
}

/* audit(): ends the process where a file holds what was written to it out of sight */
static int audit(lua_State *L) {
  (void)L;
  disk_audit();
  return 0;
}

int luaopen_simulated_disk(lua_State *L) {
  static const luaL_Reg functions[] = {
    { "is_preloaded", is_preloaded }, { "watch", watch }, { "unwatch", unwatch }, { "operations", operations },
    { "cut_at", cut_at }, { "is_cut", is_cut }, { "fail_at", fail_at }, { "lie", lie }, { "tell", tell },
    { "kill", kill_process }, { "lose", lose }, { "audit", audit }, { NULL, NULL },
  };
  luaL_newlib(L, functions);
  return 1;
}
