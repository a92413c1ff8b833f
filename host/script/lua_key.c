/* lua_key.c -- see lua_key.h. */
#include "script/lua_key.h"

#include <lauxlib.h>

#include "codec/key.h"
#include "script/lib_error.h"
#include "script/lua_vm.h"
#include "script/walk.h"

enum { KEY_TRIED_MAX = 1024 * 1024 };   /* a key that has become longer is not written to its end, only to be refused */

static void write_part(lua_State *L, int index, struct buf *key, const char *what, size_t depth);

/* The parts of the sequence at `index`. */
static size_t write_parts(lua_State *L, int index, struct buf *key, const char *what, size_t depth) {
  bool marked;
  luaL_checkstack(L, 8, NULL);
  walk_table(L, index, &marked);                                     /* data */
  int data = lua_gettop(L);
  size_t count = lua_rawlen(L, data), keys = 0;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, data)) {                                        /* data key value */
    lua_pop(L, 1);                                                   /* data key */
    keys++;
  }
  if (keys != count) lib_fail(L, ERR_KEY, "%s: a tuple is a sequence of parts, without gaps or names", what);
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, data, (lua_Integer)i);                            /* data part */
    write_part(L, data + 1, key, what, depth);
    if (key->size > KEY_TRIED_MAX) lib_fail(L, ERR_KEY, "%s: more than %d bytes encoded (limit key-bytes)", what, KEY_TRIED_MAX);
    lua_pop(L, 1);                                                   /* data */
  }
  lua_pop(L, 1);                                                     /* - */
  return count;
}

static void write_part(lua_State *L, int index, struct buf *key, const char *what, size_t depth) {
  switch (lua_type(L, index)) {
    case LUA_TSTRING: {
      size_t size;
      const char *text = lua_tolstring(L, index, &size);
      key_put_string(key, slice_of(text, size));
      return;
    }
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        key_put_integer(key, lua_tointeger(L, index));
      } else if (!key_put_float(key, lua_tonumber(L, index))) {
        lib_fail(L, ERR_KEY, "%s: NaN is no key", what);
      }
      return;
    case LUA_TBOOLEAN:
      key_put_boolean(key, lua_toboolean(L, index));
      return;
    case LUA_TTABLE:
    case LUA_TUSERDATA: {
      bool marked;
      if (!walk_table(L, index, &marked)) break;                     /* data */
      lua_pop(L, 1);                                                 /* - */
      if (depth == KEY_DEPTH_MAX) lib_fail(L, ERR_KEY, "%s: tuples are nested more than %d deep", what, KEY_DEPTH_MAX);
      key_tuple_begin(key);
      write_parts(L, index, key, what, depth + 1);
      key_tuple_end(key);
      return;
    }
    default:
      break;
  }
  const char *type = lua_islightuserdata(L, index) ? "null" : luaL_typename(L, index);
  lib_fail(L, ERR_KEY, "%s: a %s is no part of a key", what, type);
}

void lua_key_write_unlimited(lua_State *L, int index, struct buf *key, const char *what) {
  bool marked;
  index = lua_absindex(L, index);
  if (walk_table(L, index, &marked)) {                               /* data */
    lua_pop(L, 1);                                                   /* - */
    if (write_parts(L, index, key, what, 1) == 0) lib_fail(L, ERR_KEY, "%s: an empty tuple is no key", what);
  } else {
    write_part(L, index, key, what, 1);
  }
  if (key->err != ERR_NONE) lib_fail(L, ERR_MEMORY, "%s: no memory for a key", what);
}

void lua_key_write(lua_State *L, int index, struct buf *key, const char *what) {
  size_t before = key->size;
  lua_key_write_unlimited(L, index, key, what);
  size_t size = key->size - before, limit = (size_t)vm_of(L)->config.limits->key_bytes;
  if (size > limit) {
    lib_fail(L, ERR_KEY, "%s: %zu bytes encoded; the limit of a key is %zu (limit key-bytes)", what, size, limit);
  }
}

/* -- reading -- */

static int fail_broken(lua_State *L) {
  return lib_fail(L, ERR_STORAGE, "a record has a key that is no key");
}

void lua_key_read(lua_State *L, struct slice key) {
  struct vm *vm = vm_of(L);
  struct key_reader *reader = &vm->key_reader;
  lua_Integer counts[KEY_DEPTH_MAX + 1] = { 0 };
  size_t depth = 0;
  luaL_checkstack(L, KEY_DEPTH_MAX + 8, NULL);
  key_reader_done(reader);
  key_reader_init(reader, key);
  lua_createtable(L, 2, 0);                                          /* tuple */
  for (;;) {
    switch (key_next(reader)) {
      case KEY_STRING: lua_pushlstring(L, (const char *)reader->text.data, reader->text.size); break;
      case KEY_INTEGER: lua_pushinteger(L, reader->integer); break;
      case KEY_FLOAT: lua_pushnumber(L, reader->number); break;
      case KEY_BOOLEAN: lua_pushboolean(L, reader->truth); break;
      case KEY_TUPLE:
        if (depth == KEY_DEPTH_MAX) fail_broken(L);
        counts[++depth] = 0;
        lua_createtable(L, 2, 0);                                    /* ... tuple */
        continue;
      case KEY_END:
        walk_mark(L);
        if (depth == 0) return;                                      /* tuple */
        depth--;
        break;
      case KEY_BROKEN:
        if (reader->text.err != ERR_NONE) lib_fail(L, ERR_MEMORY, "no memory for a key");
        fail_broken(L);
        break;
    }
    lua_rawseti(L, -2, ++counts[depth]);                             /* ... tuple */
  }
}

void lua_key_read_part(lua_State *L, struct slice key) {
  lua_key_read(L, key);                                              /* tuple */
  lua_rawgeti(L, -1, 1);                                             /* tuple part */
  lua_remove(L, -2);                                                 /* part */
}
