/* lib_cjson.c -- see lib_cjson.h.
 *
 * lua-cjson takes its memory from the C heap, where no limit of a call reaches, and no hook falls while it works. So
 * what it is to do is measured before. It also loses memory when Lua raises out of the middle of it; so it runs with
 * memory granted, and what it took is counted afterwards. */
#include "script/lib_cjson.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "script/journal.h"
#include "script/lib_error.h"
#include "script/lua_vm.h"
#include "script/walk.h"

int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);

enum { NULL_BYTES = 5 };     /* `null,` */

/* What a look over a value finds. */
struct look {
  size_t bytes_max;
  size_t bytes;              /* of text, at least, but for escapes */
  bool part;                 /* a part of a state is in it */
  lua_Integer ratio, safe;   /* cjson's own settings: what is no sparse array for it */
};

static void count_bytes(lua_State *L, struct look *look, size_t bytes) {
  look->bytes += bytes;
  if (look->bytes > look->bytes_max) {
    lib_fail(L, ERR_TOO_LARGE, "cjson.encode: more than %zu bytes " LIMIT_NAME(VALUE_BYTES), look->bytes_max);
  }
}

/* Goes over the value at `index`. [-0, +0, v] */
static void look_over(lua_State *L, int index, int depth, struct look *look) {
  bool marked, array = true;
  lua_Integer largest = 0, items = 0;
  vm_check_stack(L, 8);
  count_bytes(L, look, lua_type(L, index) == LUA_TSTRING ? lua_rawlen(L, index) + 2 : 1);
  if (!walk_table(L, index, &marked)) return;                        /* data */
  vm_check_limits(L);
  if (depth == 0) lib_misuse(L, "cjson.encode: tables are nested too deep, or within themselves");
  if (journal_is_part(L, index)) look->part = true;
  int data = lua_gettop(L);
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, data)) {                                        /* data key value */
    int whole;
    lua_Integer key = lua_type(L, -2) == LUA_TNUMBER ? lua_tointegerx(L, -2, &whole) : 0;
    if (key < 1) array = false;
    if (key > largest) largest = key;
    items++;
    if (lua_type(L, -2) == LUA_TSTRING) count_bytes(L, look, lua_rawlen(L, -2) + 2);
    look_over(L, data + 2, depth - 1, look);
    lua_pop(L, 1);                                                   /* data key */
  }
  bool sparse = look->ratio > 0 && largest / look->ratio > items && largest > look->safe;
  if (array && !sparse) count_bytes(L, look, (size_t)(largest - items) * NULL_BYTES);
  lua_pop(L, 1);                                                     /* - */
}

/* Pushes the value at `index` with plain tables for its tables. [-0, +1, v] */
static void push_plain(lua_State *L, int index) {
  bool marked;
  vm_check_stack(L, 8);
  if (!walk_table(L, index, &marked)) {                              /* [data] */
    lua_pushvalue(L, index);
    return;
  }
  int data = lua_gettop(L);
  lua_newtable(L);                                                   /* data plain */
  lua_pushnil(L);                                                    /* data plain key */
  while (lua_next(L, data)) {                                        /* data plain key value */
    lua_pushvalue(L, -2);                                            /* data plain key value key */
    push_plain(L, lua_gettop(L) - 1);                                /* data plain key value key plain */
    lua_rawset(L, data + 1);                                         /* data plain key value */
    lua_pop(L, 1);                                                   /* data plain key */
  }
  lua_remove(L, data);                                               /* plain */
}

/* Calls cjson's own function, upvalue 1, with what is on the stack. [-n, +n, v] */
static int call_cjson(lua_State *L) {
  struct vm *vm = vm_of(L);
  lua_pushvalue(L, lua_upvalueindex(1));                             /* ... function */
  lua_insert(L, 1);                                                  /* function ... */
  vm->granting = true;
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);      /* ... */
  vm->granting = false;
  if (status == LUA_ERRMEM) return lib_fail(L, ERR_MEMORY, "no memory for JSON");
  if (status != LUA_OK) return lua_error(L);
  vm_check_limits(L);
  return lua_gettop(L);
}

/* cjson.encode(value) -> text   [-0, +1, v] */
static int cjson_encode(lua_State *L) {
  struct look look = { .bytes_max = (size_t)vm_of(L)->config.limits->value_bytes };
  if (lua_gettop(L) == 1) {
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_call(L, 0, 3);                                               /* value convert ratio safe */
    look.ratio = lua_tointeger(L, -2);
    look.safe = lua_tointeger(L, -1);
    lua_settop(L, 1);                                                /* value */
    look_over(L, 1, RECURSION_MAX, &look);
    if (look.part) {
      push_plain(L, 1);                                              /* value plain */
      lua_replace(L, 1);                                             /* plain */
    }
  }
  return call_cjson(L);
}

/* cjson.decode(text) -> value   [-0, +1, v] */
static int cjson_decode(lua_State *L) {
  size_t limit = (size_t)vm_of(L)->config.limits->value_bytes;
  if (lua_type(L, 1) == LUA_TSTRING && lua_rawlen(L, 1) > limit) {
    return lib_fail(L, ERR_TOO_LARGE, "cjson.decode: more than %zu bytes " LIMIT_NAME(VALUE_BYTES), limit);
  }
  return call_cjson(L);
}

static int new_instance(lua_State *L);

/* Pushes an instance made by the `new` at `index`, with encode, decode and new of ours. [-0, +1, m] */
static void push_instance(lua_State *L, int index) {
  lua_pushvalue(L, index);                                           /* new */
  lua_call(L, 0, 1);                                                 /* module */
  lua_getfield(L, -1, "encode");
  lua_getfield(L, -2, "encode_sparse_array");
  lua_pushcclosure(L, cjson_encode, 2);
  lua_setfield(L, -2, "encode");                                     /* module */
  lua_getfield(L, -1, "decode");
  lua_pushcclosure(L, cjson_decode, 1);
  lua_setfield(L, -2, "decode");                                     /* module */
  lua_pushvalue(L, index);
  lua_pushcclosure(L, new_instance, 1);
  lua_setfield(L, -2, "new");                                        /* module */
}

/* cjson.new() -> another instance   [-0, +1, m] */
static int new_instance(lua_State *L) {
  push_instance(L, lua_upvalueindex(1));
  return 1;
}

void lib_cjson_build(lua_State *L) {
  lua_createtable(L, 2, 0);                                          /* both */
  luaL_requiref(L, "cjson", luaopen_cjson, 0);                       /* both module */
  lua_getfield(L, -1, "new");
  lua_rawseti(L, -3, 1);                                             /* both module */
  lua_pop(L, 1);                                                     /* both */
  luaL_requiref(L, "cjson.safe", luaopen_cjson_safe, 0);             /* both module */
  lua_getfield(L, -1, "new");
  lua_rawseti(L, -3, 2);                                             /* both module */
  lua_pop(L, 1);                                                     /* both */
  vm_set_ref(L, VM_CJSON);                                           /* - */
}

void lib_cjson_push(lua_State *L, bool safe) {
  vm_push_ref(L, VM_CJSON);                                          /* both */
  lua_rawgeti(L, -1, safe ? 2 : 1);                                  /* both new */
  push_instance(L, lua_gettop(L));                                   /* both new module */
  lua_replace(L, -3);                                                /* module new */
  lua_pop(L, 1);                                                     /* module */
}
