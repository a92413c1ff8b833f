/* state.c -- see state.h. */
#include "state/state.h"

#include <lauxlib.h>

#include "codec/value.h"
#include "ledger/view.h"
#include "marshal/handle.h"
#include "marshal/lua_key.h"
#include "marshal/lua_value.h"
#include "state/holder.h"
#include "state/journal.h"
#include "state/part.h"
#include "state/part_path.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* -- writes -- */

/* part[key] = value, for a part at 1; key and value at 2 and 3. */
static int part_newindex(lua_State *L) {
  struct tracked *part = tracked_check_owner(L, 1);
  const char *problem = part_key_problem(L, 2);
  if (problem == NULL) problem = part_value_problem(L, 3);
  if (problem == NULL && part->array && lua_type(L, 2) != LUA_TNUMBER) {
    problem = "a table marked as a sequence has no such key";
  }
  if (problem != NULL) return part_path_raise(L, 1, 2, problem);
  lua_settop(L, 3);
  handle_strip(L, 3);
  if (journal_set(L, 1)) vm_of(L)->now.instance->state_changed = true;
  return 0;
}

void state_assign(lua_State *L, struct instance *instance, int index) {
  if (!instance->has_state) raise_misuse(L, "this actor has no state: its class has no initialize_state");
  index = lua_absindex(L, index);
  holder_push(L, instance);                                          /* holder */
  if (!lua_istable(L, index) && !tracked_is_part(L, index)) {
    raise_misuse(L, "state: a state is a table, not a %s", luaL_typename(L, index));
  }
  const char *problem = part_value_problem(L, index);
  if (problem != NULL) raise_misuse(L, "state: %s", problem);
  lua_pushinteger(L, STATE_ROOT_FIELD);                                    /* holder key */
  lua_pushvalue(L, index);                                           /* holder key value */
  if (journal_set(L, lua_gettop(L) - 2)) instance->state_changed = true;
  lua_pop(L, 1);                                                     /* - */
}

/* -- reads -- */

/* part[key] for a part at 1. */
static int part_index(lua_State *L) {
  tracked_push_data(L, 1);                                           /* part key data */
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);                                                 /* part key data value */
  return 1;
}

static int part_len(lua_State *L) {
  tracked_push_data(L, 1);                                           /* ... data */
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1));
  return 1;
}

int state_next(lua_State *L) {
  lua_settop(L, 2);                                                  /* part key */
  tracked_push_data(L, 1);                                           /* part key data */
  lua_insert(L, 2);                                                  /* part data key */
  if (lua_next(L, 2)) return 2;                                      /* part data key value */
  lua_pushnil(L);
  return 1;
}

static int part_pairs(lua_State *L) {
  tracked_check_owner(L, 1);
  vm_push_ref(L, VM_GLOBALS);
  /* part globals next: a global, since the script gets it and may pass it anything */
  lua_getfield(L, -1, "next");
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
  if (!instance->has_state) raise_misuse(L, "this actor has no state: its class has no initialize_state");
  holder_push_root(L, instance);                                     /* root|nil */
  if (lua_isnil(L, -1)) raise_misuse(L, "the state is not there yet: initialize_state makes it");
}

/* -- reading in -- */

/* A state that is being read. It outlives pauses, on the stack of its turn. */
struct reading {
  struct lua_value_maker maker;      /* comes first: its functions get only that */
  struct instance *instance;
  size_t loose;                      /* nodes that were met, but that no field has named so far */
  int nodes;                         /* stack index of READING_NODES in this stay */
};

/* The user values of a reading. */
enum {
  READING_NODES = 1,                 /* the nodes so far, by id */
  READING_FROM,                      /* the record key where it goes on */
  READING_SLOT_COUNT = READING_FROM
};

/* Pushes the node with this id. If it was not met before, makes it, empty and loose. [-0, +1, m] */
static void push_node(lua_State *L, struct reading *reading, uint64_t node_id) {
  struct instance *instance = reading->instance;
  if (lua_rawgeti(L, reading->nodes, (lua_Integer)node_id) != LUA_TNIL) return;      /* node */
  lua_pop(L, 1);                                                     /* - */
  lua_newtable(L);                                                   /* data */
  struct part *part = part_new(L, instance);                         /* node */
  part->node_id = node_id;
  reading->loose++;
  if (node_id > instance->node_id) instance->node_id = node_id;
  lua_pushvalue(L, -1);
  lua_rawseti(L, reading->nodes, (lua_Integer)node_id);              /* node */
}

static struct reading *reading_of(struct lua_value_maker *maker) {
  return (struct reading *)(void *)maker;
}

/* Makes each table that is read a part of the state. */
static void begin_part(lua_State *L, struct lua_value_maker *maker, bool array) {
  struct part *part = part_new(L, reading_of(maker)->instance);      /* part */
  part->tracked.array = array;
  part->detached = false;
  lua_getiuservalue(L, -1, PART_DATA);                               /* part data */
}

/* Makes the place of a part within a value its home. */
static void place_part(lua_State *L, struct lua_value_maker *maker) {
  int value = lua_gettop(L);
  (void)maker;
  if (part_is(L, value)) part_set_home(L, value, value - 3, value - 1);
}

/* As push_node(), for a field that names the node: it is loose no more. */
static void push_named_node(lua_State *L, struct lua_value_maker *maker, uint64_t node_id) {
  struct reading *reading = reading_of(maker);
  push_node(L, reading, node_id);                                    /* node */
  struct part *part = lua_touserdata(L, -1);
  if (part->detached) reading->loose--;
  part->detached = false;
}

/* Reads the record of a node itself into the part on top of the stack. [-0, +0, v] */
static void read_header(lua_State *L, struct reading *reading, struct slice value) {
  int node = lua_gettop(L);
  struct part *part = lua_touserdata(L, node);
  lua_value_read_by(L, value, &reading->maker);                   /* node header: itself a part */
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
static void read_record(lua_State *L, struct reading *reading, struct slice key, struct slice value) {
  int node = lua_gettop(L) + 1;
  if (key.size < sizeof(uint64_t)) raise_host(L, ERR_STORAGE, "the state of this actor is damaged");
  uint64_t node_id = read_u64(key.data);
  struct slice name = slice_after(key, sizeof node_id);
  if (node_id == 0) {
    holder_push(L, reading->instance);                         /* node */
  } else {
    push_node(L, reading, node_id);                                  /* node */
  }
  if (name.size == 0) {
    read_header(L, reading, value);
  } else {
    lua_getiuservalue(L, node, PART_DATA);                           /* node data */
    lua_key_read_part(L, name);                                      /* node data name */
    lua_value_read_by(L, value, &reading->maker);                 /* node data name value */
    if (part_is(L, node + 3)) part_set_home(L, node + 3, node, node + 2);
    lua_rawset(L, node + 1);                                         /* node data */
  }
  lua_settop(L, node - 1);                                           /* - */
}

static lua_Integer read_version(lua_State *L, struct slice value) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_INTEGER) raise_host(L, ERR_STORAGE, "the version of this actor's state is damaged");
  return reader.integer;
}

lua_Integer state_read_version(lua_State *L, struct instance *instance) {
  struct vm *vm = vm_of(L);
  struct slice value;
  buf_clear(&vm->key);
  self_begin_key(instance, SPACE_VERSION, &vm->key);
  enum err err = vm->key.err != ERR_NONE ? ERR_MEMORY : view_get(vm->now.view, buf_slice(&vm->key), &value);
  if (err == ERR_NOT_FOUND) return 1;
  if (err == ERR_MEMORY) raise_host(L, err, "no memory to read a version");
  if (err != ERR_NONE) raise_host(L, err, "the version of this actor's state cannot be read");
  return read_version(L, value);
}

/* A state without a root was never made; or the record of the root is damaged, and so was not found where it should be. */
static void check_absence(lua_State *L, struct instance *instance) {
  struct vm *vm = vm_of(L);
  struct slice value;
  buf_clear(&vm->key);
  lua_pushinteger(L, STATE_ROOT_FIELD);                              /* name */
  part_put_record_key(L, instance, 0, lua_gettop(L), &vm->key);
  lua_pop(L, 1);                                                     /* - */
  if (vm->key.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory to read a state");
  if (view_get(vm->now.view, buf_slice(&vm->key), &value) == ERR_NOT_FOUND) return;
  raise_host(L, ERR_STORAGE, "the state of this actor is damaged");
}

bool state_is_there(lua_State *L, struct instance *instance) {
  holder_push_root(L, instance);                                     /* root|nil */
  bool is_there = !lua_isnil(L, -1);
  lua_pop(L, 1);                                                     /* - */
  return is_there;
}

void state_begin_read(lua_State *L, struct instance *instance) {
  struct vm *vm = vm_of(L);
  buf_clear(&vm->key);
  self_begin_key(instance, SPACE_STATE, &vm->key);
  if (vm->key.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory to read a state");
  struct reading *reading = lua_newuserdatauv(L, sizeof *reading, READING_SLOT_COUNT);   /* reading */
  *reading = (struct reading){
    .maker = { .begin = begin_part, .place = place_part, .push_node = push_named_node }, .instance = instance,
  };
  lua_newtable(L);
  lua_setiuservalue(L, -2, READING_NODES);                           /* reading */
  lua_pushlstring(L, (const char *)vm->key.data, vm->key.size);
  lua_setiuservalue(L, -2, READING_FROM);                            /* reading */
}

/* Notes that the reading at `index` goes on behind this record. [-0, +0, v] */
static void keep_place(lua_State *L, int index, struct slice key) {
  lua_pushlstring(L, (const char *)key.data, key.size);              /* key */
  lua_pushlstring(L, "", 1);                                         /* key nul */
  lua_concat(L, 2);                                                  /* from */
  lua_setiuservalue(L, index, READING_FROM);                         /* - */
}

bool state_read(lua_State *L, lua_Integer *version) {
  struct vm *vm = vm_of(L);
  int top = lua_gettop(L);
  struct reading *reading = lua_touserdata(L, top);
  struct instance *instance = reading->instance;
  struct scan scan;
  struct slice key, value;
  enum err err;
  size_t size;
  budget_check_stack(L, 16);
  buf_clear(&vm->key_end);
  self_begin_key(instance, SPACE_VERSION + 1, &vm->key_end);
  if (vm->key_end.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory to read a state");
  lua_getiuservalue(L, top, READING_NODES);                          /* reading nodes */
  reading->nodes = top + 1;
  lua_getiuservalue(L, top, READING_FROM);                           /* reading nodes from */
  const char *from = lua_tolstring(L, -1, &size);
  scan_begin(&scan, vm->now.view, slice_of(from, size), buf_slice(&vm->key_end), false);
  while ((err = scan_next(&scan, &key, &value)) == ERR_NONE && record_key_space(key) == SPACE_STATE) {
    read_record(L, reading, slice_after(key, RECORD_KEY_HEAD), value);
    budget_check_for(L, value.size);
    if (!budget_is_due(L)) continue;
    keep_place(L, top, key);
    lua_settop(L, top);                                              /* reading */
    return false;
  }
  if (err != ERR_NONE && err != ERR_NOT_FOUND) raise_host(L, ERR_STORAGE, "the state of this actor cannot be read");
  *version = err == ERR_NONE ? read_version(L, value) : 1;
  if (reading->loose > 0) raise_host(L, ERR_STORAGE, "the state of this actor is damaged");
  if (!state_is_there(L, instance)) check_absence(L, instance);
  lua_settop(L, top - 1);                                            /* - */
  return true;
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
