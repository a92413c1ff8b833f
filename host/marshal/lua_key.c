/* lua_key.c -- see lua_key.h. */
#include "marshal/lua_key.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "codec/key.h"
#include "marshal/walk.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

enum { KEY_TRIED_MAX = 1024 * 1024 };   /* a key beyond this is refused at once, not first written to its end */

/* A key that is being written. */
struct writing {
  lua_State *L;
  struct buf *key;
  size_t begin;                     /* where in the buffer */
  const struct argument *argument;
};

static void write_part(struct writing *w, int index, size_t depth);

static void write_one(struct writing *w, int index, size_t depth) {
  write_part(w, index, depth);
  if (w->key->size - w->begin <= KEY_TRIED_MAX) return;
  raise_about(w->L, ERR_KEY, w->argument, "more than %d bytes encoded " LIMIT_NAME(KEY_BYTES), KEY_TRIED_MAX);
}

/* A sequence usually yields its keys in order: then one pass both finds that it is a sequence and writes it. If it does
 * not, write_sequence() checks first and writes then. Both count the parts. */
static bool write_in_order(struct writing *w, int data, size_t depth, lua_Integer *count) {
  lua_State *L = w->L;
  *count = 0;
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key part */
    if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) != *count + 1) {
      lua_pop(L, 2);                                                 /* - */
      return false;
    }
    ++*count;
    write_one(w, lua_gettop(L), depth);
    lua_pop(L, 1);                                                   /* key */
  }
  return true;
}

static lua_Integer write_sequence(struct writing *w, int data, size_t depth) {
  lua_State *L = w->L;
  lua_Integer count = (lua_Integer)lua_rawlen(L, data), keys = 0;
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key part */
    lua_pop(L, 1);                                                   /* key */
    keys++;
  }
  if (keys != count) raise_about(L, ERR_KEY, w->argument, "a tuple is a sequence of parts, without gaps or names");
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, data, i);                                         /* part */
    write_one(w, lua_gettop(L), depth);
    lua_pop(L, 1);                                                   /* - */
  }
  return count;
}

/* Writes the parts of the tuple whose data is on top of the stack, and returns how many. */
static lua_Integer write_parts(struct writing *w, size_t depth) {
  size_t before = w->key->size;
  lua_Integer count;
  int data = lua_gettop(w->L);
  budget_check_stack(w->L, 8);
  if (write_in_order(w, data, depth, &count)) return count;
  w->key->size = before;
  return write_sequence(w, data, depth);
}

static int fail_part(struct writing *w, int index) {
  lua_State *L = w->L;
  if (lua_isnoneornil(L, index)) return raise_about(L, ERR_KEY, w->argument, "nil cannot be a key or a part of one");
  if (lua_islightuserdata(L, index)) return raise_about(L, ERR_KEY, w->argument, "null cannot be part of a key");
  return raise_about(L, ERR_KEY, w->argument, "a %s cannot be part of a key", walk_typename(L, index));
}

static void write_string(lua_State *L, int index, struct buf *key) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  key_put_string(key, slice_of(text, size));
}

static void write_part(struct writing *w, int index, size_t depth) {
  lua_State *L = w->L;
  bool marked;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      write_string(L, index, w->key);
      return;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        key_put_integer(w->key, lua_tointeger(L, index));
      } else if (!key_put_float(w->key, lua_tonumber(L, index))) {
        raise_about(L, ERR_KEY, w->argument, "NaN cannot be a key");
      }
      return;
    case LUA_TBOOLEAN:
      key_put_boolean(w->key, lua_toboolean(L, index));
      return;
    default:
      if (!walk_plain_table(L, index, &marked)) {                    /* data */
        fail_part(w, index);
        return;
      }
      if (depth == KEY_DEPTH_MAX) raise_about(L, ERR_KEY, w->argument, "tuples are nested more than %d deep", KEY_DEPTH_MAX);
      key_tuple_begin(w->key);
      write_parts(w, depth + 1);
      key_tuple_end(w->key);
      lua_pop(L, 1);                                                 /* - */
  }
}

void lua_key_write(lua_State *L, int index, struct buf *key, const struct argument *argument) {
  size_t begin = key->size, limit = (size_t)vm_of(L)->config.limits->key_bytes;
  bool marked;
  if (lua_type(L, index) == LUA_TSTRING) {
    write_string(L, index, key);
  } else {
    struct writing w = { .L = L, .key = key, .begin = begin, .argument = argument };
    if (walk_plain_table(L, index, &marked)) {                       /* data */
      if (write_parts(&w, 1) == 0) raise_about(L, ERR_KEY, argument, "an empty tuple cannot be a key");
      lua_pop(L, 1);                                                 /* - */
    } else {
      write_part(&w, index, 1);
    }
  }
  if (key->err != ERR_NONE) raise_about(L, ERR_MEMORY, argument, "no memory for a key");
  size_t size = key->size - begin;
  if (size <= limit) return;
  raise_about(L, ERR_KEY, argument, "%zu bytes encoded; the limit of a key is %zu " LIMIT_NAME(KEY_BYTES), size, limit);
}

/* -- reading -- */

static int fail_broken(lua_State *L) {
  return raise_host(L, ERR_STORAGE, "a record has bytes as its key that are not a key");
}

void lua_key_read(lua_State *L, struct slice key) {
  struct vm *vm = vm_of(L);
  struct key_reader *reader = &vm->key_reader;
  lua_Integer counts[KEY_DEPTH_MAX + 1];
  size_t depth = 0;
  counts[0] = 0;
  budget_check_stack(L, KEY_DEPTH_MAX + 8);
  key_reader_again(reader, key);
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
        if (reader->unescaped.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for a key");
        fail_broken(L);
        break;
    }
    lua_rawseti(L, -2, ++counts[depth]);                             /* ... tuple */
  }
}

void lua_key_read_part(lua_State *L, struct slice key) {
  lua_key_read(L, key);                                              /* tuple */
  lua_rawgeti(L, -1, 1);                                             /* tuple part */
  lua_replace(L, -2);                                                /* part */
}
