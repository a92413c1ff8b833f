/* lib_base.c -- see lib_base.h. */
#include "script/lib_base.h"

#include <lauxlib.h>
#include <string.h>

#include "marshal/walk.h"
#include "script/class.h"
#include "state/journal.h"
#include "state/state.h"
#include "vm/budget.h"
#include "vm/library.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

enum { LOAD_TEXT_MAX = 64 * 1024 };

/* Runs Lua's own function, kept as upvalue 1, with the arguments on the stack. It runs in the caller's place, so that its
 * errors tell the name and the line that the script knows. */
static int call_original(lua_State *L) {
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static bool is_self(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;      /* meta */
  vm_push_ref(L, VM_SELF_META);                                      /* meta self_meta */
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);                                                     /* - */
  return same;
}

/* array(t) -> t: marks a table, or a part of the state, as a sequence   [-0, +1, v] */
int lib_base_array(lua_State *L) {
  if (!tracked_is_part(L, 1)) return walk_array(L);
  journal_mark_array(L, 1);
  lua_settop(L, 1);
  return 1;
}

/* type(v) -> string: "table" for parts of a state, self and classes   [-0, +1, v] */
static int base_type(lua_State *L) {
  luaL_checkany(L, 1);
  if (tracked_is_part(L, 1) || is_self(L, 1) || class_is(L, 1)) {
    lua_pushliteral(L, "table");
  } else {
    lua_pushstring(L, luaL_typename(L, 1));
  }
  return 1;
}

/* Replaces a class at 1 with its fields, to be read. [-0, +0, -] */
static void read_fields_of_class(lua_State *L) {
  if (!class_is(L, 1)) return;
  class_push_fields(L, 1);                                           /* class ... fields */
  lua_replace(L, 1);                                                 /* fields ... */
}

/* next(t [, key]) -> key, value   [-0, +(1|2), v] */
static int base_next(lua_State *L) {
  if (tracked_is_part(L, 1)) return state_next(L);
  read_fields_of_class(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

/* rawget(t, key) -> value   [-0, +1, v] */
static int base_rawget(lua_State *L) {
  if (tracked_is_part(L, 1)) return state_rawget(L);
  read_fields_of_class(L);
  return call_original(L);
}

/* rawset(t, key, value) -> t   [-0, +1, v] */
static int base_rawset(lua_State *L) {
  if (tracked_is_part(L, 1)) return state_rawset(L);
  if (library_is_view(L, 1)) return raise_misuse(L, "a library of the host cannot be written to");
  if (!class_is(L, 1)) return call_original(L);
  class_newindex(L);
  lua_settop(L, 1);
  return 1;
}

/* rawlen(t) -> integer   [-0, +1, v] */
static int base_rawlen(lua_State *L) {
  return tracked_is_part(L, 1) ? state_rawlen(L) : call_original(L);
}

/* -- protected calls: a script cannot catch that it was stopped -- */

static int finish_pcall(lua_State *L, int status, lua_KContext extra) {
  budget_check_stopped(L);
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)extra;
  lua_pushboolean(L, 0);                                             /* ... error false */
  lua_pushvalue(L, -2);                                              /* ... error false error */
  return 2;
}

/* pcall(f, ...) -> true, results or false, error   [-0, +n, v] */
static int base_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);                                             /* f ... true */
  lua_insert(L, 1);                                                  /* true f ... */
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
  return finish_pcall(L, status, 0);
}

static int finish_handler(lua_State *L, int status, lua_KContext extra) {
  (void)extra;
  budget_check_stopped(L);
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;           /* f handler false ... */
  lua_pushboolean(L, 0);
  lua_pushliteral(L, "error in the message handler");
  return 2;
}

/* Calls the handler after the error, in a protected call of its own. A handler as Lua runs it would be out of reach of the
 * limits. */
static int finish_xpcall(lua_State *L, int status, lua_KContext extra) {
  (void)extra;
  budget_check_stopped(L);
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;           /* f handler true ... */
  lua_pushvalue(L, 2);                                               /* f handler true error handler */
  lua_insert(L, -2);                                                 /* f handler true handler error */
  lua_pushboolean(L, 0);
  lua_replace(L, 3);                                                 /* f handler false handler error */
  status = lua_pcallk(L, 1, LUA_MULTRET, 0, 0, finish_handler);      /* f handler false ... */
  return finish_handler(L, status, 0);
}

/* xpcall(f, handler, ...) -> true, results or false, what the handler returns   [-0, +n, v] */
static int base_xpcall(lua_State *L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int count = lua_gettop(L) - 2;
  lua_pushboolean(L, 1);                                             /* f handler ... true */
  lua_pushvalue(L, 1);                                               /* f handler ... true f */
  lua_rotate(L, 3, 2);                                               /* f handler true f ... */
  int status = lua_pcallk(L, count, LUA_MULTRET, 0, 0, finish_xpcall);
  return finish_xpcall(L, status, 0);
}

/* -- others -- */

int lib_base_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  int type = lua_type(L, 1);
  if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL || type < LUA_TLIGHTUSERDATA || type == LUA_TNUMBER ||
      type == LUA_TSTRING || type == LUA_TNIL || type == LUA_TBOOLEAN) {
    luaL_tolstring(L, 1, NULL);
  } else if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, 1) == NULL) {
    lua_pushliteral(L, "null");
  } else {
    if (luaL_getmetafield(L, 1, "__name") != LUA_TSTRING) lua_pushstring(L, luaL_typename(L, 1));
  }
  return 1;
}

/* getmetatable(v) -> metatable or nil; nil for the host's values   [-0, +1, v] */
static int base_getmetatable(lua_State *L) {
  luaL_checkany(L, 1);
  if (!lua_getmetatable(L, 1)) {                                     /* [meta] */
    lua_pushnil(L);
    return 1;
  }
  lua_pushliteral(L, "__metatable");                                 /* meta name */
  if (lua_rawget(L, -2) == LUA_TNIL) lua_pop(L, 1);                  /* meta, or meta field */
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) lua_pushnil(L);
  return 1;
}

/* setmetatable(t, metatable) -> t; no finalisers   [-0, +1, v] */
static int base_setmetatable(lua_State *L) {
  if (tracked_is_part(L, 1)) return raise_misuse(L, "a part of a state cannot have a metatable");
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return raise_misuse(L, "setmetatable: __gc is not available to scripts");
    lua_pop(L, 1);
  }
  return call_original(L);
}

/* load(text [, name [, mode [, env]]]) -> function or nil, message: only text, and not much of it   [-0, +(1|2), v] */
static int base_load(lua_State *L) {
  size_t size;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *text = lua_tolstring(L, 1, &size);
  const char *name = luaL_optstring(L, 2, "=(load)");
  bool with_environment = lua_gettop(L) >= 4;
  if (size > LOAD_TEXT_MAX) return raise_misuse(L, "load: %zu bytes of text; the limit is %d", size, LOAD_TEXT_MAX);
  lua_settop(L, 4);                                                  /* text name mode env */
  int status = luaL_loadbufferx(L, text, size, name, "t");           /* ... function|message */
  if (status == LUA_ERRMEM) return raise_host(L, ERR_MEMORY, "load: no memory");
  if (status != LUA_OK) {                                            /* ... message */
    lua_pushnil(L);
    lua_insert(L, -2);                                               /* ... nil message */
    return 2;
  }
  if (with_environment) {
    lua_pushvalue(L, 4);                                             /* ... function env */
  } else {
    lua_newtable(L);                                                 /* ... function env */
    lua_createtable(L, 0, 2);                                        /* ... function env meta */
    vm_push_ref(L, VM_GLOBALS);
    lua_setfield(L, -2, "__index");                                  /* ... function env meta */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");                              /* ... function env meta */
    lua_setmetatable(L, -2);                                         /* ... function env */
  }
  if (lua_setupvalue(L, -2, 1) == NULL) lua_pop(L, 1);               /* ... function */
  return 1;
}

/* string.rep(s, n [, separator]) -> string: one too large is refused before it is made   [-0, +1, v] */
static int string_rep(lua_State *L) {
  size_t size, separator_size = 0;
  luaL_checklstring(L, 1, &size);
  lua_Integer count = luaL_checkinteger(L, 2);
  if (lua_gettop(L) >= 3) luaL_checklstring(L, 3, &separator_size);
  if (count <= 0 || size + separator_size == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  return call_original(L);
}

/* string.format(format, ...) -> string, never with an address   [-0, +1, v] */
static int string_format(lua_State *L) {
  size_t size;
  int argument = 1;
  const char *at = luaL_checklstring(L, 1, &size), *end = at + size;
  budget_check_stack(L, 4);
  while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
    at += 1 + strspn(at + 1, "-+ #0123456789.");
    if (at >= end || *at++ == '%') continue;
    argument++;
    if (at[-1] == 'p') return raise_misuse(L, "string.format: %%p is not available to scripts");
    if (at[-1] != 's' || lua_isnone(L, argument) || lua_type(L, argument) == LUA_TSTRING) continue;
    lua_pushcfunction(L, lib_base_tostring);                             /* ... function */
    lua_pushvalue(L, argument);
    lua_call(L, 1, 1);                                               /* ... text */
    lua_replace(L, argument);
  }
  return call_original(L);
}

/* Replaces a function of the table on top of the stack with one that keeps it as an upvalue. [-0, +0, m] */
static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);                                         /* table original */
  lua_pushcclosure(L, function, 1);                                  /* table closure */
  lua_setfield(L, -2, name);                                         /* table */
}

void lib_base_build(lua_State *L) {
  static const luaL_Reg functions[] = {
    { "type", base_type },         { "next", base_next },         { "rawget", base_rawget },
    { "rawset", base_rawset },     { "rawlen", base_rawlen },     { "pcall", base_pcall },
    { "xpcall", base_xpcall },     { "tostring", lib_base_tostring }, { "getmetatable", base_getmetatable },
    { "load", base_load },         { "setmetatable", base_setmetatable },
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) wrap(L, functions[i].name, functions[i].func);
}

void lib_base_build_string(lua_State *L) {
  wrap(L, "rep", string_rep);
  wrap(L, "format", string_format);
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");                                       /* string */
}
