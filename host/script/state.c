/* state.c -- see state.h. */
#include "script/state.h"

#include <lauxlib.h>
#include <math.h>

#include "base/check.h"
#include "script/journal.h"
#include "script/lib_error.h"
#include "script/lua_value.h"
#include "script/turn.h"
#include "script/walk.h"

enum { ROOT_FIELD = 1 };

/* -- paths, for messages -- */

/* Appends the path of the part at `part`, searched from `index` on; the parts that were searched are in the table at
 * `seen`, since in the middle of a turn
 * a part may be in many places. [-0, +0, m] */
static bool put_path_of(lua_State *L, int part, int index, int seen, size_t depth, struct buf *path) {
  if (lua_rawequal(L, part, index)) return true;
  if (!journal_is_part(L, index) || depth == 0) return false;
  luaL_checkstack(L, 8, NULL);
  lua_pushvalue(L, index);                                           /* part */
  if (lua_rawget(L, seen) != LUA_TNIL) {                             /* true */
    lua_pop(L, 1);                                                   /* - */
    return false;
  }
  lua_pop(L, 1);                                                     /* - */
  lua_pushvalue(L, index);
  lua_pushboolean(L, 1);
  lua_rawset(L, seen);                                               /* - */
  lua_getiuservalue(L, index, 1);                                    /* data */
  int data = lua_gettop(L);
  size_t size = path->size;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, data)) {                                        /* data key value */
    if (lua_type(L, -1) == LUA_TUSERDATA) {
      walk_put_step(L, data + 1, path);
      if (put_path_of(L, part, data + 2, seen, depth - 1, path)) {
        lua_settop(L, data - 1);                                     /* - */
        return true;
      }
      path->size = size;
    }
    lua_pop(L, 1);                                                   /* data key */
  }
  lua_settop(L, data - 1);                                           /* - */
  return false;
}

/* Raises an error about the field `key` of the part at `part`. */
static int fail_field(lua_State *L, int part, int key, const char *what) {
  struct vm *vm = vm_of(L);
  struct instance *instance = vm->turn->instance;
  struct buf *path = &vm->value;
  buf_clear(path);
  self_push_slot(L, instance, SELF_STATE);                           /* holder */
  int holder = lua_gettop(L);
  buf_put_text(path, "state");
  if (!lua_rawequal(L, part, holder)) {
    lua_getiuservalue(L, holder, 1);                                 /* holder data */
    lua_rawgeti(L, -1, ROOT_FIELD);                                  /* holder data root */
    lua_newtable(L);                                                 /* holder data root seen */
    if (!put_path_of(L, part, lua_gettop(L) - 1, lua_gettop(L), LIMIT_DEPTH_MAX, path)) {
      buf_clear(path);
      buf_put_text(path, "(a part that is not in the state)");
    }
    walk_put_step(L, key, path);
  }
  lua_settop(L, holder - 1);                                         /* - */
  return lib_misuse(L, "%.*s: %s", (int)path->size, (const char *)path->data, what);
}

/* -- writes -- */

static const char *key_problem(lua_State *L, int key) {
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

/* What keeps the value from being saved, as far as it is certain at a write; or NULL. */
static const char *value_problem(lua_State *L, int value) {
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
      if (!journal_is_part(L, value)) return "a userdata cannot be saved";
      journal_check_live(L, value);
      return NULL;
    case LUA_TTHREAD:
      return "a thread cannot be saved";
    default:
      return "a function cannot be saved";
  }
}

/* part[key] = value, for a part at 1; key and value at 2 and 3. */
static int part_newindex(lua_State *L) {
  struct tracked *part = journal_check_live(L, 1);
  const char *problem = key_problem(L, 2);
  if (problem == NULL) problem = value_problem(L, 3);
  if (problem == NULL && part->array && lua_type(L, 2) != LUA_TNUMBER) {
    problem = "a table marked as a sequence has no such key";
  }
  if (problem != NULL) return fail_field(L, 1, 2, problem);
  lua_settop(L, 3);
  if (journal_set(L, 1)) vm_of(L)->turn->instance->state_changed = true;
  return 0;
}

void state_assign(lua_State *L, struct instance *instance, int index) {
  if (!instance->has_state) lib_misuse(L, "this actor has no state: its class has no initialize_state");
  index = lua_absindex(L, index);
  self_push_slot(L, instance, SELF_STATE);                           /* holder */
  if (!lua_istable(L, index) && !journal_is_part(L, index)) {
    lib_misuse(L, "state: a state is a table, not a %s", luaL_typename(L, index));
  }
  const char *problem = value_problem(L, index);
  if (problem != NULL) lib_misuse(L, "state: %s", problem);
  lua_pushinteger(L, ROOT_FIELD);                                    /* holder key */
  lua_pushvalue(L, index);                                           /* holder key value */
  if (journal_set(L, lua_gettop(L) - 2)) instance->state_changed = true;
  lua_pop(L, 1);                                                     /* - */
}

/* -- reads -- */

/* part[key] for a part at 1. */
static int part_index(lua_State *L) {
  journal_push_data(L, 1);                                           /* part key data */
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);                                                 /* part key data value */
  return 1;
}

static int part_len(lua_State *L) {
  journal_push_data(L, 1);                                           /* ... data */
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
  return 1;
}

int state_next(lua_State *L) {
  lua_settop(L, 2);                                                  /* part key */
  journal_push_data(L, 1);                                           /* part key data */
  lua_insert(L, 2);                                                  /* part data key */
  if (lua_next(L, 2)) return 2;                                      /* part data key value */
  lua_pushnil(L);
  return 1;
}

static int part_pairs(lua_State *L) {
  journal_check_live(L, 1);
  vm_push_ref(L, VM_GLOBALS);
  lua_getfield(L, -1, "next");                                       /* part globals next: the script gets it, and may give it anything */
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

int state_rawget(lua_State *L) {
  return part_index(L);
}

int state_rawset(lua_State *L) {
  part_newindex(L);
  lua_settop(L, 1);
  return 1;
}

int state_rawlen(lua_State *L) {
  return part_len(L);
}

static int part_tostring(lua_State *L) {
  lua_pushliteral(L, "table");
  return 1;
}

void state_push(lua_State *L, struct instance *instance) {
  if (!instance->has_state) lib_misuse(L, "this actor has no state: its class has no initialize_state");
  self_push_slot(L, instance, SELF_STATE);                           /* holder */
  lua_getiuservalue(L, -1, 1);                                       /* holder data */
  if (lua_rawgeti(L, -1, ROOT_FIELD) == LUA_TNIL) {                  /* holder data root */
    lib_misuse(L, "the state is not there yet: initialize_state makes it");
  }
  lua_replace(L, -3);                                                /* root data */
  lua_pop(L, 1);                                                     /* root */
}

/* -- from and to bytes -- */

void state_read(lua_State *L, struct instance *instance, struct slice bytes) {
  self_push_slot(L, instance, SELF_STATE);                           /* holder */
  lua_getiuservalue(L, -1, 1);                                       /* holder data */
  lua_value_read(L, bytes, instance);                                /* holder data root */
  lua_rawseti(L, -2, ROOT_FIELD);                                    /* holder data */
  lua_pop(L, 2);                                                     /* - */
}

/* Where data[key] is to hold the plain table at `plain`: makes the part that stands for it and puts it there, empty.
 * Plain tables met so far
 * are in the table at `copies` with their parts, so that one stored twice stays one, which state_write() then refuses.
 * Pushes the part;
 * answers whether it is new. [-0, +1, m] */
static bool put_copy(lua_State *L, struct instance *instance, int data, int key, int plain, int copies) {
  luaL_checkstack(L, 12, NULL);
  lua_pushvalue(L, plain);
  bool made = lua_rawget(L, copies) == LUA_TNIL;                     /* copy|nil */
  if (made) {
    lua_pop(L, 1);                                                   /* - */
    lua_newtable(L);                                                 /* data */
    struct tracked *part = journal_track(L, instance, 1);            /* copy */
    vm_push_ref(L, VM_PART_META);
    lua_setmetatable(L, -2);                                         /* copy */
    if (lua_getmetatable(L, plain)) {                                /* copy mark */
      part->array = true;
      lua_pop(L, 1);                                                 /* copy */
    }
    lua_pushvalue(L, plain);
    lua_pushvalue(L, -2);
    lua_rawset(L, copies);                                           /* copy */
  }
  lua_pushvalue(L, key);
  lua_pushvalue(L, -2);
  lua_rawset(L, data);                                               /* copy */
  return made;
}

/* Fills the part at `part` from the plain table at `plain`, and so on for the plain tables in it. [-0, +0, v] */
static void fill_copy(lua_State *L, struct instance *instance, int part, int plain, int copies, size_t depth) {
  luaL_checkstack(L, 12, NULL);
  lua_getiuservalue(L, part, 1);                                     /* data */
  int data = lua_gettop(L), key = data + 1, value = data + 2;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, plain)) {                                       /* data key value */
    const char *problem = key_problem(L, key);
    if (problem == NULL) problem = value_problem(L, value);
    if (problem == NULL && depth == 0) problem = "tables are nested too deep, or within themselves (limit depth)";
    if (problem != NULL) fail_field(L, part, key, problem);
    if (!lua_istable(L, value)) {
      lua_pushvalue(L, key);
      lua_insert(L, value);                                          /* data key key value */
      lua_rawset(L, data);                                           /* data key */
    } else {
      if (put_copy(L, instance, data, key, value, copies)) {         /* data key value copy */
        fill_copy(L, instance, value + 1, value, copies, depth - 1);
      }
      lua_settop(L, key);                                            /* data key */
    }
  }
  lua_settop(L, data - 1);                                           /* - */
}

/* For one field written in this turn: where it holds a plain table, the copy goes in. */
static void settle_field(lua_State *L, void *context) {
  int copies = *(int *)context, tracked = lua_gettop(L) - 1, key = tracked + 1;
  struct vm *vm = vm_of(L);
  struct instance *instance = vm->turn->instance;
  self_push(L, instance);                                            /* tracked key self */
  bool is_self = lua_rawequal(L, -1, tracked);
  lua_pop(L, 1);                                                     /* tracked key */
  if (is_self) return;                                               /* fields of `self` are not saved */
  lua_getiuservalue(L, tracked, 1);                                  /* tracked key data */
  lua_pushvalue(L, key);                                             /* tracked key data key */
  if (lua_rawget(L, key + 1) == LUA_TTABLE) {                        /* tracked key data value */
    const char *problem = value_problem(L, key + 2);                 /* it may have got a metatable since it was stored */
    if (problem != NULL) fail_field(L, tracked, key, problem);
    if (put_copy(L, instance, key + 1, key, key + 2, copies)) {      /* tracked key data value copy */
      fill_copy(L, instance, key + 3, key + 2, copies, vm->config.limits->depth);
    }
  }
  lua_settop(L, key);                                                /* tracked key */
}

void state_write(lua_State *L, struct instance *instance, bool *changed) {
  struct vm *vm = vm_of(L);
  *changed = instance->state_changed;
  if (!*changed) return;
  int top = lua_gettop(L);
  luaL_checkstack(L, 8, NULL);
  lua_newtable(L);                                                   /* copies */
  int copies = top + 1;
  journal_each(L, instance, settle_field, &copies);
  state_push(L, instance);                                           /* copies root */
  struct walk_options options = { .root = "state", .depth_max = (size_t)vm->config.limits->depth, .finite = true,
                                  .unique = true };
  struct buf *bytes = vm_begin_value(vm, (size_t)vm->config.limits->commit_bytes);
  enum err err = lua_value_write(L, lua_gettop(L), bytes, &options, &vm->raised);
  if (err == ERR_TOO_LARGE) {
    lib_fail(L, err, "state: more than %zu bytes, the limit of one commit (limit commit-bytes)", bytes->size_max);
  }
  if (err != ERR_NONE && err != ERR_INTERNAL) lib_fail_with(L, &vm->raised);
  if (err != ERR_NONE) {
    struct slice text = buf_slice(&vm->raised.message);
    lib_misuse(L, "%.*s", (int)text.size, (const char *)text.data);
  }
  lua_settop(L, top);                                                /* - */
}

void state_build(lua_State *L) {
  static const luaL_Reg functions[] = {
    { "__index", part_index }, { "__newindex", part_newindex }, { "__len", part_len },
    { "__pairs", part_pairs }, { "__tostring", part_tostring }, { NULL, NULL },
  };
  lua_createtable(L, 0, 8);                                          /* meta */
  luaL_setfuncs(L, functions, 0);
  lua_pushliteral(L, "table");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_set_ref(L, VM_PART_META);                                       /* - */
}
