/* part.c -- see part.h. The notes of a turn are one sequence in a slot of `self`, five values a note: part, parent or false,
 * key or false, node id, detached. */
#include "state/part.h"

#include <lauxlib.h>
#include <math.h>

#include "codec/key.h"
#include "marshal/handle.h"
#include "marshal/walk.h"
#include "vm/budget.h"

enum { NOTE_SIZE = 5 };

struct part *part_new(lua_State *L, const struct instance *instance) {
  budget_check_stack(L, 4);
  struct part *part = lua_newuserdatauv(L, sizeof *part, PART_SLOT_COUNT);   /* data part */
  *part = (struct part){ .tracked = { .owner = instance->serial }, .detached = true };
  lua_insert(L, -2);                                                 /* part data */
  lua_setiuservalue(L, -2, PART_DATA);                               /* part */
  vm_push_ref(L, VM_PART_META);
  lua_setmetatable(L, -2);                                           /* part */
  return part;
}

bool part_is(lua_State *L, int index) {
  return tracked_is_part(L, index);
}

void part_set_home(lua_State *L, int index, int owner, int key) {
  lua_pushvalue(L, owner);
  lua_setiuservalue(L, index, PART_PARENT);
  lua_pushvalue(L, key);
  lua_setiuservalue(L, index, PART_KEY);
}

/* -- notes -- */

/* Pushes a user value, or false if it is nil. */
static void push_or_false(lua_State *L, int index, int slot) {
  if (lua_getiuservalue(L, index, slot) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_pushboolean(L, 0);
}

void part_note(lua_State *L, struct instance *instance, int index) {
  const struct part *part = lua_touserdata(L, index);
  budget_check_stack(L, 8);
  index = lua_absindex(L, index);
  self_push_slot(L, instance, SELF_NOTES);                           /* notes|nil */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);                                                 /* notes */
    lua_pushvalue(L, -1);
    self_set_slot(L, instance, SELF_NOTES);                          /* notes */
  }
  lua_Integer at = (lua_Integer)instance->part_note_count * NOTE_SIZE;
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, at + 1);
  push_or_false(L, index, PART_PARENT);
  lua_rawseti(L, -2, at + 2);
  push_or_false(L, index, PART_KEY);
  lua_rawseti(L, -2, at + 3);
  lua_pushinteger(L, (lua_Integer)part->node_id);
  lua_rawseti(L, -2, at + 4);
  lua_pushboolean(L, part->detached);
  lua_rawseti(L, -2, at + 5);
  lua_pop(L, 1);                                                     /* - */
  instance->part_note_count++;
}

/* Sets a user value from one note; false stands for nil. */
static void put_back_slot(lua_State *L, int notes, lua_Integer at, int index, int slot) {
  if (lua_rawgeti(L, notes, at) == LUA_TBOOLEAN) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_setiuservalue(L, index, slot);
}

void part_undo(lua_State *L, struct instance *instance) {
  budget_check_stack(L, 8);
  self_push_slot(L, instance, SELF_NOTES);                           /* notes|nil */
  int notes = lua_gettop(L);
  for (lua_Integer at = (lua_Integer)instance->part_note_count * NOTE_SIZE - NOTE_SIZE; at >= 0; at -= NOTE_SIZE) {
    lua_rawgeti(L, notes, at + 1);                                   /* notes part */
    struct part *part = lua_touserdata(L, -1);
    put_back_slot(L, notes, at + 2, notes + 1, PART_PARENT);
    put_back_slot(L, notes, at + 3, notes + 1, PART_KEY);
    lua_rawgeti(L, notes, at + 4);
    lua_rawgeti(L, notes, at + 5);                                   /* notes part node_id detached */
    part->node_id = (uint64_t)lua_tointeger(L, -2);
    part->detached = lua_toboolean(L, -1);
    lua_settop(L, notes);                                            /* notes */
  }
  lua_pop(L, 1);                                                     /* - */
  part_forget(L, instance);
}

void part_forget(lua_State *L, struct instance *instance) {
  if (instance->part_note_count == 0) return;
  instance->part_note_count = 0;
  budget_check_stack(L, 4);
  lua_pushnil(L);
  self_set_slot(L, instance, SELF_NOTES);                            /* - */
}

/* -- records -- */

bool part_is_long_key(lua_State *L, int key) {
  return lua_type(L, key) == LUA_TSTRING && lua_rawlen(L, key) > STATE_NAME_BYTES_MAX;
}

void part_put_record_key(lua_State *L, const struct instance *instance, uint64_t node_id, int key, struct buf *bytes) {
  self_begin_key(instance, SPACE_STATE, bytes);
  buf_put_u64(bytes, node_id);
  if (key == 0) return;
  if (lua_isinteger(L, key)) {
    key_put_integer(bytes, lua_tointeger(L, key));
  } else if (lua_type(L, key) == LUA_TNUMBER) {
    key_put_float(bytes, lua_tonumber(L, key));
  } else {
    size_t size;
    const char *text = lua_tolstring(L, key, &size);
    key_put_string(bytes, slice_of(text, size));
  }
}

/* -- what may be in a state -- */

const char *part_key_problem(lua_State *L, int key) {
  if (lua_type(L, key) == LUA_TSTRING) return NULL;
  if (lua_type(L, key) != LUA_TNUMBER) return "a key of a state is a string or a number";
  if (lua_isinteger(L, key)) return NULL;
  return isfinite(lua_tonumber(L, key)) ? NULL : "a key of a state cannot be NaN or infinite";
}

static bool has_foreign_meta(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;                     /* meta */
  vm_push_ref(L, VM_ARRAY_META);                                     /* meta mark */
  bool mark = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);                                                     /* - */
  return !mark;
}

const char *part_value_problem(lua_State *L, int value) {
  switch (lua_type(L, value)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TSTRING:
      return NULL;
    case LUA_TNUMBER:
      if (lua_isinteger(L, value) || isfinite(lua_tonumber(L, value))) return NULL;
      return isnan(lua_tonumber(L, value)) ? "NaN cannot be saved" : "an infinite number cannot be saved";
    case LUA_TLIGHTUSERDATA:
      return lua_touserdata(L, value) == NULL ? NULL : "a light userdata cannot be saved";
    case LUA_TTABLE:
      return has_foreign_meta(L, value) ? "a table with a metatable cannot be saved" : NULL;
    case LUA_TUSERDATA:
      if (handle_is(L, value)) return NULL;
      if (walk_is_connection(L, value)) return "a connection cannot be saved";
      if (!part_is(L, value)) return "a userdata cannot be saved";
      tracked_check_owner(L, value);
      return NULL;
    case LUA_TTHREAD:
      return "a thread cannot be saved";
    default:
      return "a function cannot be saved";
  }
}
