/* fit.c -- see fit.h. */
#include "marshal/fit.h"

#include <lauxlib.h>
#include <math.h>

#include "base/utf8.h"
#include "marshal/walk.h"
#include "vm/budget.h"

/* Whether a value other than a table has a form in JSON. */
static bool is_fit(lua_State *L, int index) {
  size_t size;
  const char *text;
  switch (lua_type(L, index)) {
    case LUA_TBOOLEAN: return true;
    case LUA_TNUMBER: return isfinite(lua_tonumber(L, index));
    case LUA_TSTRING:
      text = lua_tolstring(L, index, &size);
      return utf8_is_valid(slice_of(text, size));
    case LUA_TLIGHTUSERDATA: return lua_touserdata(L, index) == NULL;
    default: return false;
  }
}

static void push_fit(lua_State *L, int index, int memo, size_t depth);

/* Copies the values 1 to `count` of `data` into the copy on top of the stack. */
static void copy_sequence(lua_State *L, int data, size_t count, int memo, size_t depth) {
  for (size_t i = 1; i <= count; i++) {                              /* copy */
    lua_rawgeti(L, data, (lua_Integer)i);
    push_fit(L, data + 2, memo, depth);                              /* copy value fit */
    if (lua_isnil(L, -1)) lua_pushlightuserdata(L, NULL);
    lua_rawseti(L, data + 1, (lua_Integer)i);
    lua_settop(L, data + 1);                                         /* copy */
  }
  walk_mark(L);
}

/* Copies the named fields of `data` into the copy on top of the stack. */
static void copy_fields(lua_State *L, int data, int memo, size_t depth) {
  lua_pushnil(L);                                                    /* copy key */
  while (lua_next(L, data)) {                                        /* copy key value */
    if (lua_type(L, data + 2) == LUA_TSTRING && is_fit(L, data + 2)) {
      lua_pushvalue(L, data + 2);
      push_fit(L, data + 3, memo, depth);                            /* copy key value key fit */
      lua_rawset(L, data + 1);
    }
    lua_settop(L, data + 2);                                         /* copy key */
  }
}

/* Whether the table at `index` was met before. From now on the table at `memo` knows it. */
static bool was_met(lua_State *L, int index, int memo) {
  lua_pushvalue(L, index);
  bool met = lua_rawget(L, memo) != LUA_TNIL;                        /* met */
  lua_pop(L, 1);                                                     /* - */
  lua_pushvalue(L, index);
  lua_pushboolean(L, true);
  lua_rawset(L, memo);                                               /* - */
  return met;
}

/* [-0, +1, v] */
static void push_fit(lua_State *L, int index, int memo, size_t depth) {
  bool marked;
  size_t count;
  budget_check_stack(L, 16);
  budget_check(L);
  if (is_fit(L, index)) {
    lua_pushvalue(L, index);
    return;
  }
  if (depth == 0 || !walk_table(L, index, &marked)) {
    lua_pushnil(L);
    return;
  }
  int data = lua_gettop(L);                                          /* data */
  if (was_met(L, index, memo)) {
    lua_pushnil(L);                                                  /* data nil */
  } else {
    bool sequence = walk_is_sequence(L, data, &count) && (marked || count > 0);
    lua_newtable(L);                                                 /* data copy */
    if (sequence) {
      copy_sequence(L, data, count, memo, depth - 1);
    } else {
      copy_fields(L, data, memo, depth - 1);
    }
  }
  lua_replace(L, data);                                              /* copy|nil */
}

void fit_push(lua_State *L, int index, size_t depth_max) {
  index = lua_absindex(L, index);
  lua_newtable(L);                                                   /* memo */
  int memo = lua_gettop(L);
  push_fit(L, index, memo, depth_max);                               /* memo fit */
  lua_replace(L, memo);                                              /* fit */
}
