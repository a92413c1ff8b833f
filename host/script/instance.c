/* instance.c -- see instance.h and self.h: the actor as scripts see it, `self`. */
#include "script/instance.h"

#include <lauxlib.h>
#include <string.h>

#include "base/mem.h"
#include "kv/kv.h"
#include "marshal/lua_key.h"
#include "schedule/lib_schedule.h"
#include "script/classes.h"
#include "script/lib_connection.h"
#include "state/journal.h"
#include "state/self.h"
#include "state/state.h"
#include "vm/raise.h"
#include "vm/vm.h"

/* -- self, the userdata -- */

void instance_push_kv(lua_State *L, const struct instance *instance) {
  self_push_slot(L, instance, SELF_KV);                              /* kv|nil */
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);                                                     /* - */
  kv_push_new(L);                                                    /* kv */
  lua_pushvalue(L, -1);
  self_set_slot(L, instance, SELF_KV);                               /* kv */
}

void instance_push_schedule(lua_State *L, const struct instance *instance) {
  self_push_slot(L, instance, SELF_SCHEDULE);                        /* schedule|nil */
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);                                                     /* - */
  lib_schedule_push_new(L);                                          /* schedule */
  lua_pushvalue(L, -1);
  self_set_slot(L, instance, SELF_SCHEDULE);                         /* schedule */
}

static const char *why_not(lua_State *L, struct slice name) {
  if (classes_is_hook(name)) return "a hook, which only the host calls";
  if (slice_begins(name, slice_text("__"))) return "a metamethod";
  vm_push_ref(L, VM_ACTOR_CLASS);                                    /* name actor */
  lua_pushvalue(L, -2);
  bool is_own = lua_gettable(L, -2) == LUA_TFUNCTION;                /* name actor value */
  lua_pop(L, 2);                                                     /* name */
  return is_own ? "a method of Actor itself" : NULL;
}

int instance_check_method(lua_State *L) {
  enum { SHOWN_MAX = 128 };
  struct slice name = vm_string_at(L, -1);
  self_push_slot(L, self_current(L), SELF_CLASS);                    /* name class */
  bool found = classes_push_target(L, -1, name);                     /* name class [function] */
  lua_pop(L, found ? 2 : 1);                                         /* name */
  if (found) return 0;
  int shown = name.size < SHOWN_MAX ? (int)name.size : SHOWN_MAX;
  const char *why = why_not(L, name);
  if (why != NULL) {
    return raise_host(L, ERR_METHOD_NOT_FOUND, "method: \"%.*s\" is %s", shown, (const char *)name.data, why);
  }
  self_push_slot(L, self_current(L), SELF_CLASS);                    /* name class */
  lua_getfield(L, -1, "name");                                       /* name class class_name */
  return raise_host(L, ERR_METHOD_NOT_FOUND, "method: the class \"%.128s\" has no method \"%.*s\"", lua_tostring(L, -1), shown,
                    (const char *)name.data);
}

/* self.name -> the host's field, or what a method set, or a method   [-0, +1, v] */
static int self_index(lua_State *L) {
  tracked_check_owner(L, 1);
  struct instance *instance = self_current(L);
  switch (self_field_of(L, 2)) {
    case SELF_FIELD_STATE: state_push(L, instance); return 1;
    case SELF_FIELD_KV: instance_push_kv(L, instance); return 1;
    case SELF_FIELD_KEY: lua_key_read(L, instance->key); return 1;
    case SELF_FIELD_CLASS: lua_getiuservalue(L, 1, SELF_CLASS); return 1;
    case SELF_FIELD_LOG: vm_push_ref(L, VM_LOG); return 1;
    case SELF_FIELD_SCHEDULE: instance_push_schedule(L, instance); return 1;
    case SELF_FIELD_CONNECTIONS: lib_connection_push_all(L); return 1;
    case SELF_FIELD_NONE: break;
  }
  if (lua_getiuservalue(L, 1, SELF_FIELDS) == LUA_TTABLE) {          /* self key fields */
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) return 1;                     /* self key fields value */
  }
  lua_getiuservalue(L, 1, SELF_CLASS);                               /* ... class */
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);                                               /* ... class value */
  return 1;
}

/* Most actors set no fields, so the table for them is made with the first one. [-0, +0, m] */
static void need_fields(lua_State *L, int self) {
  bool has = lua_getiuservalue(L, self, SELF_FIELDS) == LUA_TTABLE;  /* fields|nil */
  lua_pop(L, 1);                                                     /* - */
  if (has) return;
  lua_createtable(L, 0, 1);                                          /* fields */
  lua_setiuservalue(L, self, SELF_FIELDS);                           /* - */
}

/* self.name = value: kept in memory; self.state = t replaces the state   [-0, +0, v] */
static int self_newindex(lua_State *L) {
  tracked_check_owner(L, 1);
  enum self_field field = self_field_of(L, 2);
  if (field == SELF_FIELD_STATE) {
    state_assign(L, self_current(L), 3);
    return 0;
  }
  if (field != SELF_FIELD_NONE) return raise_misuse(L, "self.%s is the host's and cannot be set", lua_tostring(L, 2));
  if (lua_isnil(L, 2)) return raise_misuse(L, "self: a name is nil");
  if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2)) return raise_misuse(L, "self: a name is NaN");
  lua_settop(L, 3);
  need_fields(L, 1);
  journal_set(L, 1);
  return 0;
}

/* for name, value in pairs(self): the fields that methods have set */
static int self_pairs(lua_State *L) {
  tracked_check_owner(L, 1);
  vm_push_ref(L, VM_GLOBALS);
  lua_getfield(L, -1, "next");                                       /* ... next */
  need_fields(L, 1);
  lua_getiuservalue(L, 1, SELF_FIELDS);                              /* ... next fields */
  lua_newtable(L);                                                   /* ... next fields copy */
  int fields = lua_gettop(L) - 1;
  lua_pushnil(L);
  while (lua_next(L, fields)) {                                      /* ... copy key value */
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, fields + 1);                                       /* ... copy key */
  }
  lua_remove(L, fields);                                             /* ... next copy */
  lua_pushnil(L);
  return 3;
}

static int self_tostring(lua_State *L) {
  lua_getiuservalue(L, 1, SELF_CLASS);
  lua_getfield(L, -1, "name");
  return 1;
}

void instance_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "__index", self_index }, { "__newindex", self_newindex }, { "__pairs", self_pairs },
                                        { "__tostring", self_tostring }, { NULL, NULL } };
  lua_createtable(L, 0, 6);                                          /* meta */
  luaL_setfuncs(L, functions, 0);
  lua_pushliteral(L, "actor");
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_set_ref(L, VM_SELF_META);                                       /* - */
}

/* -- the instance -- */

struct opening {
  struct instance *instance;
  struct slice class_name;
  bool found;
};

/* Builds `self`. */
static int open_self(lua_State *L) {
  struct opening *opening = lua_touserdata(L, 1);
  struct instance *instance = opening->instance;
  if (!classes_push(L, opening->class_name)) return 0;               /* opening class */
  opening->found = true;
  if (classes_push_hook(L, 2, "initialize_state")) {                 /* opening class function */
    instance->has_state = true;
    lua_pop(L, 1);                                                   /* opening class */
  }
  lua_pushnil(L);                                                    /* opening class nil: no fields */
  tracked_new(L, instance->serial, SELF_SLOT_COUNT);                       /* opening class self */
  vm_push_ref(L, VM_SELF_META);
  lua_setmetatable(L, -2);                                           /* opening class self */
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, SELF_CLASS);                              /* opening class self */
  instance->self_ref = luaL_ref(L, LUA_REGISTRYINDEX);               /* opening class */
  return 0;
}

enum err instance_open(struct vm *vm, struct slice class_name, struct slice key, uint64_t actor_id,
                       struct instance **instance, struct failure *failure) {
  struct instance *made = mem_try_zero(sizeof *made);
  if (made == NULL) return failure_set(failure, ERR_MEMORY, "no memory for an actor");
  *made = (struct instance){
    .vm = vm, .self_ref = LUA_NOREF, .serial = ++vm->serial, .actor_id = actor_id, .key = key,
  };
  vm->instances++;
  struct opening opening = { .instance = made, .class_name = class_name };
  if (vm_enter(vm, open_self, &opening, failure) && !opening.found) {
    failure_set(failure, ERR_CLASS_NOT_FOUND, "there is no class \"%.*s\"",
                class_name.size > 128 ? 128 : (int)class_name.size, (const char *)class_name.data);
  }
  if (failure->err != ERR_NONE) {
    instance_close(made);
    return failure->err;
  }
  *instance = made;
  return ERR_NONE;
}

void instance_close(struct instance *instance) {
  if (instance == NULL) return;
  luaL_unref(instance->vm->L, LUA_REGISTRYINDEX, instance->self_ref);
  instance->vm->instances--;
  mem_free(instance);
}

struct vm *instance_vm(const struct instance *instance) {
  return instance->vm;
}

bool instance_is_loaded(const struct instance *instance) {
  return instance->loaded;
}

bool instance_is_broken(const struct instance *instance) {
  return instance->broken;
}
