/* state.c -- see state.h. */
#include "script/state.h"

#include <lauxlib.h>

#include "codec/value.h"
#include "script/journal.h"
#include "script/lib_error.h"
#include "script/lua_key.h"
#include "script/lua_value.h"
#include "script/part.h"
#include "script/turn.h"
#include "script/walk.h"

/* -- writes -- */

/* part[key] = value, for a part at 1; key and value at 2 and 3. */
static int part_newindex(lua_State *L) {
  struct tracked *part = journal_check_live(L, 1);
  const char *problem = part_key_problem(L, 2);
  if (problem == NULL) problem = part_value_problem(L, 3);
  if (problem == NULL && part->array && lua_type(L, 2) != LUA_TNUMBER) {
    problem = "a table marked as a sequence has no such key";
  }
  if (problem != NULL) return part_fail(L, 1, 2, problem);
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
  const char *problem = part_value_problem(L, index);
  if (problem != NULL) lib_misuse(L, "state: %s", problem);
  lua_pushinteger(L, STATE_ROOT_FIELD);                                    /* holder key */
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
  if (lua_rawgeti(L, -1, STATE_ROOT_FIELD) == LUA_TNIL) {                  /* holder data root */
    lib_misuse(L, "the state is not there yet: initialize_state makes it");
  }
  lua_replace(L, -3);                                                /* root data */
  lua_pop(L, 1);                                                     /* root */
}

/* -- reading in -- */

/* Pushes the node with this id, made empty where it was not met before; the nodes so far are in the table at `nodes`.
 * [-0, +1, m] */
static void push_node(lua_State *L, struct instance *instance, int nodes, uint64_t node_id) {
  if (lua_rawgeti(L, nodes, (lua_Integer)node_id) != LUA_TNIL) return;               /* node */
  lua_pop(L, 1);                                                     /* - */
  lua_newtable(L);                                                   /* data */
  struct part *part = part_new(L, instance);                         /* node */
  part->node_id = node_id;
  part->detached = false;
  if (node_id > instance->node_id) instance->node_id = node_id;
  lua_pushvalue(L, -1);
  lua_rawseti(L, nodes, (lua_Integer)node_id);                       /* node */
}

/* Reads the record of a node itself into the part on top of the stack. [-0, +0, v] */
static void read_header(lua_State *L, struct instance *instance, int nodes, struct slice value) {
  int node = lua_gettop(L);
  struct part *part = lua_touserdata(L, node);
  struct lua_value_parts parts = { .instance = instance, .nodes = nodes, .push_node = push_node };
  lua_value_read_parts(L, value, &parts);                            /* node header: itself a part */
  lua_getiuservalue(L, -1, PART_DATA);                               /* node header data */
  lua_rawgeti(L, -1, 1);                                             /* node header data array */
  part->tracked.array = lua_toboolean(L, -1);
  lua_rawgeti(L, -2, 2);                                             /* node header data array fields */
  if (part_is(L, -1)) {
    lua_getiuservalue(L, -1, PART_DATA);                             /* ... fields data */
    lua_getiuservalue(L, node, PART_DATA);                           /* ... fields data data */
    lua_pushnil(L);
    while (lua_next(L, -3)) {                                        /* ... data data key value */
      int key = lua_gettop(L) - 1;
      if (part_is(L, key + 1)) part_set_home(L, key + 1, node, key);
      lua_pushvalue(L, key);
      lua_pushvalue(L, key + 1);
      lua_rawset(L, key - 1);                                        /* ... data data key value */
      lua_settop(L, key);                                            /* ... data data key */
    }
  }
  lua_settop(L, node);                                               /* node */
}

/* Reads one record of the state. [-0, +0, v] */
static void read_record(lua_State *L, struct instance *instance, int nodes, struct slice key, struct slice value) {
  int node = lua_gettop(L) + 1;
  struct lua_value_parts parts = { .instance = instance, .nodes = nodes, .push_node = push_node };
  uint64_t node_id = read_u64(key.data);
  struct slice name = slice_after(key, 8);
  if (node_id == 0) {
    self_push_slot(L, instance, SELF_STATE);                         /* node */
  } else {
    push_node(L, instance, nodes, node_id);                          /* node */
  }
  if (name.size == 0) {
    read_header(L, instance, nodes, value);
  } else {
    lua_getiuservalue(L, node, PART_DATA);                           /* node data */
    lua_key_read_part(L, name);                                      /* node data name */
    lua_value_read_parts(L, value, &parts);                          /* node data name value */
    if (part_is(L, node + 3)) part_set_home(L, node + 3, node, node + 2);
    lua_rawset(L, node + 1);                                         /* node data */
  }
  lua_settop(L, node - 1);                                           /* - */
}

/* Each node must have been met in some place; one that was not is damage, or a record left behind. */
static void check_nodes(lua_State *L, int nodes) {
  lua_pushnil(L);                                                    /* id */
  while (lua_next(L, nodes)) {                                       /* id node */
    if (lua_getiuservalue(L, -1, PART_PARENT) == LUA_TNIL) lib_fail(L, ERR_STORAGE, "the state of this actor is damaged");
    lua_pop(L, 2);                                                   /* id */
  }
}

/* The version that the record behind those of the state holds. */
static lua_Integer read_version(lua_State *L, struct slice key, struct slice value) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  bool is_integer = record_space(key) == SPACE_VERSION && value_next(&reader) == VALUE_INTEGER;
  if (!is_integer) lib_fail(L, ERR_STORAGE, "the version of this actor's state is damaged");
  return reader.integer;
}

lua_Integer state_read(lua_State *L, struct instance *instance) {
  struct vm *vm = vm_of(L);
  struct scan scan;
  struct slice key, value;
  enum err err;
  lua_Integer version = 1;
  vm_check_stack(L, 16);
  buf_clear(&vm->key);
  buf_clear(&vm->key_end);
  self_begin_key(instance, SPACE_STATE, &vm->key);
  self_begin_key(instance, SPACE_VERSION + 1, &vm->key_end);
  if (vm->key.err != ERR_NONE || vm->key_end.err != ERR_NONE) lib_fail(L, ERR_MEMORY, "no memory to read a state");
  lua_newtable(L);                                                   /* nodes */
  int nodes = lua_gettop(L);
  scan_begin(&scan, &vm->turn->view, buf_slice(&vm->key), buf_slice(&vm->key_end), false);
  while ((err = scan_next(&scan, &key, &value)) == ERR_NONE && record_space(key) == SPACE_STATE) {
    if (key.size < RECORD_KEY_HEAD + sizeof(uint64_t)) lib_fail(L, ERR_STORAGE, "the state of this actor is damaged");
    read_record(L, instance, nodes, slice_after(key, RECORD_KEY_HEAD), value);
  }
  if (err == ERR_NONE) version = read_version(L, key, value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) lib_fail(L, ERR_STORAGE, "the state of this actor cannot be read");
  check_nodes(L, nodes);
  lua_pop(L, 1);                                                     /* - */
  return version;
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
