/* lib_cjson.c -- see lib_cjson.h.
 *
 * lua-cjson writes numbers with 14 digits at most, reads all of them as floats, and does not know the marks of arrays. It
 * counts lengths in int, goes as deep as it is told to, and takes its memory from the C heap, out of reach of a call's limits.
 * So it only keeps the settings, and this file gives them their meaning: values are written here, by lua-cjson's rules and
 * with its error messages. Texts go to the host's reader (lua_json.h). A text which that reader refuses goes to lua-cjson,
 * which accepts it, such as `[NaN]`, or says why not. The numbers in the result are made exact; if that is no longer
 * possible, the text is refused. */
#include "script/lib_cjson.h"

#include <lauxlib.h>
#include <math.h>

#include "base/limits.h"
#include "codec/json_text.h"
#include "marshal/lua_json.h"
#include "marshal/walk.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

int luaopen_cjson(lua_State *L);

enum {
  DEPTH_MAX = LUA_JSON_DEPTH_MAX,   /* lua-cjson's default, and the most that can be set */
  DIGITS_MAX = 14,                  /* lua-cjson's default, and the most that it accepts; here it means: all that a float has */
  LAX_BYTES_MAX = 1024 * 1024       /* of a text that is not JSON: its memory is not counted while lua-cjson reads it */
};

/* -- tables -- */

/* The largest key of a table whose keys are all integers from 1 on, and how many keys there are; 0 for an empty table, -1
 * for one with other keys. [-0, +0, -] */
static lua_Integer array_length(lua_State *L, int data, lua_Integer *count) {
  lua_Integer largest = 0;
  *count = 0;
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key value */
    lua_pop(L, 1);                                                   /* key */
    lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    if (key < 1) {
      lua_pop(L, 1);                                                 /* - */
      return -1;
    }
    if (key > largest) largest = key;
    ++*count;
  }
  return largest;
}

/* -- writing -- */

struct writing {
  lua_State *L;
  struct buf *text;
  int depth_max;
  int digits;                /* of floats; 0: not looked up yet */
};

/* Pushes the value of one of lua-cjson's settings. Upvalue 1 is lua-cjson's own table. [-0, +results, v] */
static void push_setting(lua_State *L, const char *name, int results) {
  lua_getfield(L, lua_upvalueindex(1), name);
  lua_call(L, 0, results);
}

static int integer_setting(lua_State *L, const char *name) {
  push_setting(L, name, 1);                                          /* setting */
  int setting = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);                                                     /* - */
  return setting;
}

static void refuse(lua_State *L, int type, const char *reason) {
  raise_misuse(L, "Cannot serialise %s: %s", lua_typename(L, type), reason);
}

static void put_not_finite(struct writing *writing, lua_Number number) {
  lua_State *L = writing->L;
  push_setting(L, "encode_invalid_numbers", 1);                      /* setting */
  if (!lua_toboolean(L, -1)) refuse(L, LUA_TNUMBER, "must not be NaN or Inf");
  bool null = lua_type(L, -1) == LUA_TSTRING;
  lua_pop(L, 1);                                                     /* - */
  if (null) {
    buf_put_text(writing->text, "null");
  } else {
    json_put_not_finite(writing->text, number);
  }
}

static void put_number(struct writing *writing, int index) {
  lua_State *L = writing->L;
  if (lua_isinteger(L, index)) {
    json_put_integer(writing->text, lua_tointeger(L, index));
    return;
  }
  lua_Number number = lua_tonumber(L, index);
  if (!isfinite(number)) {
    put_not_finite(writing, number);
    return;
  }
  if (writing->digits == 0) writing->digits = integer_setting(L, "encode_number_precision");
  if (writing->digits >= DIGITS_MAX) {
    json_put_float(writing->text, number);
  } else {
    json_put_rounded(writing->text, number, writing->digits);
  }
}

static void put_string(struct writing *writing, int index) {
  size_t size;
  const char *text = lua_tolstring(writing->L, index, &size);
  json_put_bytes(writing->text, slice_of(text, size));
}

static void put_value(struct writing *writing, int index, int depth);

/* Between two values: keeps to the limits of size and time. */
static bool goes_on(struct writing *writing, bool first) {
  budget_check(writing->L);
  if (!first) buf_put_byte(writing->text, ',');
  return writing->text->err == ERR_NONE;
}

static void put_array(struct writing *writing, int data, lua_Integer length, int depth) {
  lua_State *L = writing->L;
  buf_put_byte(writing->text, '[');
  for (lua_Integer i = 1; i <= length && goes_on(writing, i == 1); i++) {
    lua_rawgeti(L, data, i);                                         /* value */
    put_value(writing, data + 1, depth);
    lua_pop(L, 1);                                                   /* - */
  }
  buf_put_byte(writing->text, ']');
}

static void put_object(struct writing *writing, int data, int depth) {
  lua_State *L = writing->L;
  bool first = true;
  buf_put_byte(writing->text, '{');
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data) && goes_on(writing, first)) {             /* key value */
    first = false;
    int type = lua_type(L, data + 1);
    if (type == LUA_TSTRING) {
      put_string(writing, data + 1);
    } else if (type == LUA_TNUMBER) {
      buf_put_byte(writing->text, '"');
      put_number(writing, data + 1);
      buf_put_byte(writing->text, '"');
    } else {
      refuse(L, type, "table key must be a number or string");
    }
    buf_put_byte(writing->text, ':');
    put_value(writing, data + 2, depth);
    lua_pop(L, 1);                                                   /* key */
  }
  lua_settop(L, data);                                               /* - */
  buf_put_byte(writing->text, '}');
}

/* Whether an array is so sparse that it is written as an object. Raises if the settings do not allow that. */
static bool is_sparse(struct writing *writing, lua_Integer length, lua_Integer count) {
  lua_State *L = writing->L;
  if (length == count) return false;
  push_setting(L, "encode_sparse_array", 3);                         /* convert ratio safe */
  lua_Integer ratio = lua_tointeger(L, -2), safe = lua_tointeger(L, -1);
  bool convert = lua_toboolean(L, -3);
  lua_pop(L, 3);                                                     /* - */
  if (ratio <= 0 || length <= safe || (length - 1) / ratio < count) return false;        /* length <= ratio * count */
  if (!convert) refuse(L, LUA_TTABLE, "excessively sparse array");
  return true;
}

/* Writes the table whose content is at `data`, the top of the stack. */
static void put_table(struct writing *writing, int data, bool marked, int depth) {
  lua_State *L = writing->L;
  if (depth > writing->depth_max) raise_misuse(L, "Cannot serialise, excessive nesting (%d)", depth);
  lua_Integer count, length = array_length(L, data, &count);
  if (marked && length < 0) refuse(L, LUA_TTABLE, "marked as a sequence, with a key that is not one of 1..n");
  if (length > 0 ? !is_sparse(writing, length, count) : marked) {
    put_array(writing, data, length, depth);
  } else {
    put_object(writing, data, depth);
  }
}

static void put_value(struct writing *writing, int index, int depth) {
  lua_State *L = writing->L;
  bool marked;
  switch (lua_type(L, index)) {
    case LUA_TNIL: buf_put_text(writing->text, "null"); return;
    case LUA_TBOOLEAN: buf_put_text(writing->text, lua_toboolean(L, index) ? "true" : "false"); return;
    case LUA_TNUMBER: put_number(writing, index); return;
    case LUA_TSTRING: put_string(writing, index); return;
    default: break;
  }
  if (lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL) {
    buf_put_text(writing->text, "null");
    return;
  }
  budget_check_stack(L, 12);
  if (!walk_table(L, index, &marked)) refuse(L, lua_type(L, index), "type not supported");
  put_table(writing, lua_gettop(L), marked, depth + 1);              /* data */
  lua_pop(L, 1);                                                     /* - */
}

/* encode(value) -> text   [-0, +1, v] */
static int cjson_encode(lua_State *L) {
  struct vm *vm = vm_of(L);
  size_t limit = (size_t)vm->config.limits->value_bytes;
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  struct writing writing = { .L = L, .depth_max = integer_setting(L, "encode_max_depth") };
  writing.text = vm_begin_value(vm, limit);
  put_value(&writing, 1, 0);
  if (writing.text->err == ERR_TOO_LARGE) {
    return raise_host(L, ERR_TOO_LARGE, "cjson.encode: more than %zu bytes " LIMIT_NAME(VALUE_BYTES), limit);
  }
  if (writing.text->err != ERR_NONE) return raise_host(L, ERR_MEMORY, "no memory for JSON");
  lua_pushlstring(L, (const char *)writing.text->data, writing.text->size);
  return 1;
}

/* -- reading -- */

/* Replaces the number on top of the stack with what it was in its text: lua-cjson reads `5` as 5.0. Refuses a number that
 * may have lost digits. [-0, +0, v] */
static void make_number_exact(lua_State *L) {
  static const lua_Number exact_below = 9007199254740992.0;          /* 2^53 */
  lua_Number number = lua_tonumber(L, -1);
  if (!isfinite(number) || trunc(number) != number) return;
  if (fabs(number) >= exact_below) raise_misuse(L, "a number of 2^53 or more in a text that is not JSON would lose digits");
  lua_pop(L, 1);
  lua_pushinteger(L, (lua_Integer)number);
}

/* The same for all numbers in the value on top of the stack; also marks its arrays. lua-cjson has bounded its depth.
 * [-0, +0, v] */
static void make_exact(lua_State *L) {
  if (lua_type(L, -1) == LUA_TNUMBER) make_number_exact(L);
  if (lua_type(L, -1) != LUA_TTABLE) return;
  lua_Integer count;
  int table = lua_gettop(L);
  budget_check_stack(L, 12);
  budget_check(L);
  if (array_length(L, table, &count) > 0) walk_mark(L);
  lua_pushnil(L);                                                    /* table key */
  while (lua_next(L, table)) {                                       /* table key value */
    make_exact(L);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);                                               /* table key key value */
    lua_rawset(L, table);                                            /* table key */
  }
}

/* Reads the text at 1 by lua-cjson's own rules. lua-cjson leaks memory if Lua raises in the middle of it. So it runs with
 * memory granted, and what it took is counted afterwards. [-0, +1, v] */
static void push_lax(lua_State *L) {
  struct vm *vm = vm_of(L);
  lua_getfield(L, lua_upvalueindex(1), "decode");
  lua_pushvalue(L, 1);                                               /* decode text */
  vm->granting = true;
  int status = lua_pcall(L, 1, 1, 0);                                /* value|message */
  vm->granting = false;
  if (status == LUA_ERRMEM) raise_host(L, ERR_MEMORY, "no memory for JSON");
  if (status != LUA_OK) raise_misuse(L, "%s", lua_tostring(L, -1));
  make_exact(L);
}

/* decode(text) -> value   [-0, +1, v] */
static int cjson_decode(lua_State *L) {
  struct vm *vm = vm_of(L);
  size_t limit = (size_t)vm->config.limits->value_bytes, size;
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  const char *text = luaL_checklstring(L, 1, &size);
  if (size > limit) return raise_host(L, ERR_TOO_LARGE, "cjson.decode: more than %zu bytes " LIMIT_NAME(VALUE_BYTES), limit);
  size_t depth_max = (size_t)integer_setting(L, "decode_max_depth");
  enum err err = lua_json_try_read(L, slice_of(text, size), depth_max, &vm->raised);
  if (err == ERR_NONE) return 1;
  if (err == ERR_MEMORY) return raise_failure(L, &vm->raised);
  if (size > LAX_BYTES_MAX) return raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  push_lax(L);
  return 1;
}

/* -- the module -- */

/* encode_max_depth([depth]), decode_max_depth([depth]) -> depth. Upvalue 1 is lua-cjson's own.   [-0, +1, v] */
static int set_depth(lua_State *L) {
  luaL_argcheck(L, lua_gettop(L) <= 1, 2, "found too many arguments");
  if (!lua_isnoneornil(L, 1)) {
    lua_Integer depth = luaL_checkinteger(L, 1);
    const char *range = lua_pushfstring(L, "expected integer between 1 and %d", DEPTH_MAX);
    luaL_argcheck(L, depth >= 1 && depth <= DEPTH_MAX, 1, range);
  }
  lua_settop(L, 1);                                                  /* depth */
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);                                                  /* function depth */
  lua_call(L, 1, 1);                                                 /* depth */
  return 1;
}

/* encode and decode of cjson.safe: nil and the message if upvalue 1 raises.   [-0, +(1|2), v] */
static int call_safely(lua_State *L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);                                                  /* function argument */
  int status = lua_pcall(L, 1, 1, 0);                                /* result|error */
  budget_check_stopped(L);
  if (status == LUA_OK) return 1;
  lua_pushnil(L);
  luaL_tolstring(L, 1, NULL);                                        /* error nil message */
  return 2;
}

/* Sets a function in the module at `module`; the value on top of the stack becomes its upvalue. [-1, +0, m] */
static void set_function(lua_State *L, int module, const char *name, lua_CFunction function, bool safe) {
  lua_pushcclosure(L, function, 1);
  if (safe) lua_pushcclosure(L, call_safely, 1);
  lua_setfield(L, module, name);
}

/* new() -> another instance   [-0, +1, m] */
static int new_instance(lua_State *L) {
  lib_cjson_push(L, lua_toboolean(L, lua_upvalueindex(1)));
  return 1;
}

void lib_cjson_build(lua_State *L) {
  luaL_requiref(L, "cjson", luaopen_cjson, 0);                       /* module */
  lua_getfield(L, -1, "new");                                        /* module new */
  vm_set_ref(L, VM_CJSON);                                           /* module */
  lua_pop(L, 1);                                                     /* - */
}

void lib_cjson_push(lua_State *L, bool safe) {
  static const char *const depths[] = { "encode_max_depth", "decode_max_depth" };
  int module = lua_gettop(L) + 1, own = module + 1;
  budget_check_stack(L, 8);
  lua_newtable(L);                                                   /* module */
  vm_push_ref(L, VM_CJSON);
  lua_call(L, 0, 1);                                                 /* module own */
  lua_pushnil(L);                                                    /* module own key */
  while (lua_next(L, own)) {                                         /* module own key value */
    lua_pushvalue(L, -2);
    lua_insert(L, -2);                                               /* module own key key value */
    lua_rawset(L, module);                                           /* module own key */
  }
  lua_pushvalue(L, own);
  set_function(L, module, "encode", cjson_encode, safe);             /* module own */
  lua_pushvalue(L, own);
  set_function(L, module, "decode", cjson_decode, safe);             /* module own */
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
    lua_getfield(L, own, depths[i]);
    set_function(L, module, depths[i], set_depth, false);            /* module own */
  }
  lua_pushboolean(L, safe);
  set_function(L, module, "new", new_instance, false);               /* module own */
  lua_settop(L, module);                                             /* module */
}
