/* modules.c -- see modules.h. */
#include "script/modules.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "marshal/lua_json.h"
#include "script/lib_cjson.h"
#include "script/source.h"
#include "vm/budget.h"
#include "vm/library.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* Pushes a module of the host: troupe.actor, troupe.json, cjson, cjson.safe. False, and nothing pushed, for other names.
 * [-0, +(0|1), v] */
static bool push_host_module(lua_State *L, const char *name) {
  if (strcmp(name, "troupe.actor") == 0) {
    vm_push_ref(L, VM_ACTOR_CLASS);
  } else if (strcmp(name, "troupe.json") == 0) {
    lua_json_open(L);
    library_protect(L);
  } else if (strcmp(name, "cjson") == 0 || strcmp(name, "cjson.safe") == 0) {
    lib_cjson_push(L, name[5] != '\0');
  } else {
    return false;
  }
  return true;
}

/* Marks a module that is being loaded: one that requires itself is an error, not a hang. */
static const char loading;

/* name path -> what the file's chunk returned, or true   [-0, +1, v] */
static int run_module(lua_State *L) {
  source_push_chunk(L, lua_tostring(L, 2));                          /* name path chunk */
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);                                                 /* name path module */
  if (lua_isnil(L, -1)) lua_pushboolean(L, 1);
  return 1;
}

void modules_load(lua_State *L, const char *name, const char *path) {
  struct vm *vm = vm_of(L);
  uint64_t load_around = vm->load;
  budget_check_stack(L, 8);
  vm_push_ref(L, VM_MODULES);                                        /* modules */
  lua_pushstring(L, name);                                           /* modules name */
  lua_pushvalue(L, -1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&loading);
  lua_rawset(L, -4);                                                 /* modules name */
  int modules = lua_gettop(L) - 1;
  lua_pushcfunction(L, run_module);
  lua_pushvalue(L, modules + 1);
  lua_pushstring(L, path);                                           /* modules name function name path */
  vm->load = ++vm->serial;
  int status = lua_pcall(L, 2, 1, 0);                                /* modules name module|error */
  vm->load = load_around;
  lua_pushvalue(L, modules + 1);
  if (status == LUA_OK) {
    lua_pushvalue(L, modules + 2);
  } else {
    lua_pushnil(L);
  }
  /* modules name module|error: the field exists already, so this needs no memory */
  lua_rawset(L, modules);
  lua_replace(L, modules);
  lua_settop(L, modules);                                            /* module|error */
  if (status == LUA_ERRMEM) raise_host(L, ERR_MEMORY, "no memory for module \"%s\"", name);
  if (status != LUA_OK) lua_error(L);
}

static bool name_is_valid(const char *name, size_t size) {
  if (size == 0 || size > 200 || name[0] == '.' || name[size - 1] == '.') return false;
  for (size_t i = 0; i < size; i++) {
    char c = name[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!plain && !(c == '.' && name[i + 1] != '.')) return false;
  }
  return true;
}

int modules_require(lua_State *L) {
  size_t size;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *name = lua_tolstring(L, 1, &size);
  if (push_host_module(L, name)) return 1;                        /* module */
  vm_push_ref(L, VM_MODULES);                                        /* modules */
  lua_getfield(L, -1, name);                                         /* modules module */
  if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == &loading) {
    return raise_misuse(L, "require: module \"%s\" requires itself", name);
  }
  if (!lua_isnil(L, -1)) return 1;
  if (!name_is_valid(name, size)) return raise_misuse(L, "require: \"%.64s\" is not the name of a module", name);
  luaL_gsub(L, name, ".", "/");                                      /* ... path */
  lua_pushfstring(L, "%s/%s.lua", vm_of(L)->config.actors_path, lua_tostring(L, -1));      /* ... path file */
  const char *path = lua_tostring(L, -1);
  if (access(path, F_OK) != 0 && errno == ENOENT) {
    return raise_misuse(L, "require: module \"%s\" not found: there is no %s", name, source_name(vm_of(L), path));
  }
  modules_load(L, name, path);                                        /* ... module */
  return 1;
}
