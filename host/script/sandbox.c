/* sandbox.c -- see sandbox.h. */
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "kv/lib_kv.h"
#include "marshal/caught.h"
#include "marshal/handle.h"
#include "marshal/walk.h"
#include "schedule/lib_schedule.h"
#include "script/class.h"
#include "script/embedded.h"
#include "script/instance.h"
#include "script/lib_actor.h"
#include "script/lib_base.h"
#include "script/lib_cjson.h"
#include "script/lib_connection.h"
#include "script/lib_coroutine.h"
#include "script/lib_event.h"
#include "script/lib_handle.h"
#include "script/lib_log.h"
#include "script/lib_os.h"
#include "script/lib_send.h"
#include "script/modules.h"
#include "script/rpc.h"
#include "script/steps.h"
#include "state/holder.h"
#include "state/state.h"
#include "vm/library.h"
#include "vm/lua_vm.h"

/* The base functions that scripts get as Lua has them; those that differ come from lib_base.c. */
static const char *const base_names[] = { "assert", "error", "ipairs", "pairs", "rawequal", "select", "tonumber", "_VERSION",
                                          "type", "next", "rawget", "rawset", "rawlen", "pcall", "xpcall", "tostring",
                                          "getmetatable", "setmetatable", "load" };

/* math.randomseed(...): does nothing, since a script's seed would be its neighbours' too; the host seeds   [-0, +0, -] */
static int seed_nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Opens one of Lua's libraries and leaves it on the stack. [-0, +1, m] */
static void open_library(lua_State *L, const char *name, lua_CFunction open) {
  luaL_requiref(L, name, open, 0);
}

/* Sets the libraries in the globals on top of the stack. [-0, +0, m] */
static void build_libraries(lua_State *L) {
  open_library(L, "string", luaopen_string);                         /* globals string */
  lib_base_build_string(L);
  library_protect(L);
  lua_setfield(L, -2, "string");                                     /* globals */
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);                                           /* globals "" meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* globals "" meta */
  lua_pop(L, 2);                                                     /* globals */
  open_library(L, "table", luaopen_table);
  library_protect(L);
  lua_setfield(L, -2, "table");                                      /* globals */
  open_library(L, "math", luaopen_math);                             /* globals math */
  lua_pushcfunction(L, seed_nothing);
  lua_setfield(L, -2, "randomseed");
  library_protect(L);
  lua_setfield(L, -2, "math");                                       /* globals */
  open_library(L, "utf8", luaopen_utf8);
  library_protect(L);
  lua_setfield(L, -2, "utf8");                                       /* globals */
  open_library(L, "coroutine", luaopen_coroutine);                   /* globals coroutine */
  lib_coroutine_build(L);
  library_protect(L);
  lua_setfield(L, -2, "coroutine");                                  /* globals */
  lib_os_open(L);
  library_protect(L);
  lua_setfield(L, -2, "os");                                         /* globals */
}

/* Sets the base functions in the globals on top of the stack. [-0, +0, m] */
static void build_base(lua_State *L) {
  open_library(L, "_G", luaopen_base);                               /* globals base */
  lib_base_build(L);
  for (size_t i = 0; i < sizeof base_names / sizeof *base_names; i++) {
    lua_getfield(L, -1, base_names[i]);
    lua_setfield(L, -3, base_names[i]);                              /* globals base */
  }
  lua_pop(L, 1);                                                     /* globals */
  lua_pushcfunction(L, lib_log_print);
  lua_setfield(L, -2, "print");
  lua_pushcfunction(L, modules_require);
  lua_setfield(L, -2, "require");
  lua_pushcfunction(L, caught_user_error);
  lua_setfield(L, -2, "UserError");
  lua_pushcfunction(L, lib_base_array);
  lua_setfield(L, -2, "array");
  lua_pushcfunction(L, lib_os_now);
  lua_setfield(L, -2, "now");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");                                       /* globals */
}

/* Runs troupe/actor.lua and keeps the class. [-0, +0, v] */
static void build_actor_class(lua_State *L) {
  struct slice source = embedded_actor();
  /* chunk */
  if (luaL_loadbufferx(L, (const char *)source.data, source.size, "@troupe/actor.lua", "t") != LUA_OK) lua_error(L);
  library_push_environment(L);                                       /* chunk env */
  lua_setupvalue(L, -2, 1);                                          /* chunk */
  lua_pushcfunction(L, class_extend);
  lua_call(L, 1, 1);                                                 /* fields */
  lua_pushcfunction(L, steps_save_state);
  lua_setfield(L, -2, "save_state");                                 /* fields */
  lua_pushcfunction(L, steps_destroy);
  lua_setfield(L, -2, "destroy");                                    /* fields */
  lua_pushcfunction(L, lib_actor_make);
  lua_setfield(L, -2, "actor");                                      /* fields */
  lua_pushcfunction(L, lib_send);
  lua_setfield(L, -2, "send");                                       /* fields */
  lua_pushcfunction(L, lib_event_broadcast);
  lua_setfield(L, -2, "broadcast");                                  /* fields */
  class_wrap(L);                                                     /* class */
  vm_set_ref(L, VM_ACTOR_CLASS);                                     /* - */
}

static void new_ref(lua_State *L, enum vm_ref ref) {
  lua_newtable(L);
  vm_set_ref(L, ref);
}

void sandbox_build(lua_State *L) {
  caught_build(L);
  walk_build(L);
  handle_build(L);
  lib_handle_build(L);
  instance_build(L);
  state_build(L);
  holder_build(L);
  lib_kv_build(L);
  lib_schedule_build(L, instance_check_method);
  lib_connection_build(L);
  lib_log_build(L);
  rpc_build(L);
  new_ref(L, VM_MODULES);
  new_ref(L, VM_CLASSES);
  new_ref(L, VM_CLASS_FILES);
  lua_createtable(L, 0, 40);                                         /* globals */
  build_base(L);
  build_libraries(L);
  vm_set_ref(L, VM_GLOBALS);                                         /* - */
  lib_cjson_build(L);
  build_actor_class(L);
}
