/* class.c -- see class.h. */
#include "script/class.h"

#include <lauxlib.h>

#include "state/self.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

enum { CLASS_FIELDS = 1, CLASS_PARENT, CLASS_SLOT_COUNT = CLASS_PARENT };

struct class {
  uint64_t load;            /* the number of the load that made it; 0: none did */
};

bool class_is(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index)) return false;      /* meta */
  lua_pushliteral(L, "__newindex");
  lua_rawget(L, -2);                                                 /* meta function */
  bool is = lua_tocfunction(L, -1) == class_newindex;
  lua_pop(L, 2);                                                     /* - */
  return is;
}

void class_push_fields(lua_State *L, int index) {
  lua_getiuservalue(L, index, CLASS_FIELDS);                         /* fields */
}

/* The name of the class at `index`; it is pushed, which keeps it alive. [-0, +1, m] */
static const char *push_name(lua_State *L, int index) {
  luaL_getmetafield(L, index, "__name");                             /* name */
  return lua_tostring(L, -1);
}

/* Whether the name at 2 is the host's, so that a script's method of this name would never be found: a field of `self`, or
 * one that every class has. [-0, +0, m] */
static bool is_taken(lua_State *L) {
  if (self_field_of(L, 2) != SELF_FIELD_NONE || vm_is_text(L, 2, "super")) return true;
  vm_push_ref(L, VM_ACTOR_CLASS);                                    /* actor */
  class_push_fields(L, -1);                                          /* actor fields */
  lua_pushvalue(L, 2);
  bool taken = lua_rawget(L, -2) != LUA_TNIL;                        /* actor fields value */
  lua_pop(L, 3);                                                     /* - */
  return taken;
}

int class_newindex(lua_State *L) {
  const struct class *class = lua_touserdata(L, 1);
  bool open = class->load != 0 && class->load == vm_of(L)->load;
  lua_settop(L, 3);                                                  /* class key value */
  const char *field = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  if (!open) {
    return raise_misuse(L, "class \"%s\" cannot be written to (\"%.64s\"): only the file that makes it can, while it loads",
                      push_name(L, 1), field);
  }
  if (lua_isfunction(L, 3) && is_taken(L)) {
    return raise_misuse(L, "class \"%s\": a method cannot be named \"%s\", which is the host's", push_name(L, 1), field);
  }
  class_push_fields(L, 1);                                           /* class key value fields */
  lua_insert(L, 2);                                                  /* class fields key value */
  lua_rawset(L, 2);                                                  /* class fields */
  return 0;
}

static int fields_next(lua_State *L) {
  lua_settop(L, 2);
  if (lua_next(L, lua_upvalueindex(1))) return 2;
  lua_pushnil(L);
  return 1;
}

/* for name, value in pairs(class): its own fields   [-0, +3, m] */
static int class_pairs(lua_State *L) {
  class_push_fields(L, 1);                                           /* class fields */
  lua_pushcclosure(L, fields_next, 1);                               /* class next */
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* Pushes the metatable of the class whose fields and name are on top of the stack. The fields of its children get the same
 * metatable, so that a lookup there goes on here. [-0, +1, m] */
static void push_meta(lua_State *L) {
  lua_createtable(L, 0, 5);                                          /* fields name meta */
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");                                    /* fields name meta */
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__name");                                     /* fields name meta */
  lua_pushcfunction(L, class_newindex);
  lua_setfield(L, -2, "__newindex");                                 /* fields name meta */
  lua_pushcfunction(L, class_pairs);
  lua_setfield(L, -2, "__pairs");                                    /* fields name meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* fields name meta */
}

void class_wrap(lua_State *L) {
  budget_check_stack(L, 8);
  struct class *class = lua_newuserdatauv(L, sizeof *class, CLASS_SLOT_COUNT);   /* fields class */
  class->load = vm_of(L)->load;
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, CLASS_FIELDS);                            /* fields class */
  lua_insert(L, -2);                                                 /* class fields */
  lua_getfield(L, -1, "name");                                       /* class fields name */
  push_meta(L);                                                      /* class fields name meta */
  lua_setmetatable(L, -4);                                           /* class fields name */
  lua_pop(L, 2);                                                     /* class */
}

int class_extend(lua_State *L) {
  if (!class_is(L, 1)) return raise_misuse(L, "call extend with a colon: Actor:extend(name)");
  if (vm_of(L)->load == 0) return raise_misuse(L, "extend: a class is made while a file loads, not in a call");
  lua_settop(L, 2);                                                  /* parent name */
  lua_createtable(L, 0, 4);                                          /* parent name fields */
  lua_pushvalue(L, 2);
  lua_setfield(L, 3, "name");                                        /* parent name fields */
  lua_pushvalue(L, 1);
  lua_setfield(L, 3, "super");                                       /* parent name fields */
  lua_getmetatable(L, 1);
  lua_setmetatable(L, 3);                                            /* parent name fields */
  class_wrap(L);                                                     /* parent name class */
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, CLASS_PARENT);                            /* parent name class */
  return 1;
}

bool class_push_own(lua_State *L, int index, struct slice name) {
  budget_check_stack(L, 8);
  index = lua_absindex(L, index);
  lua_pushlstring(L, (const char *)name.data, name.size);            /* name */
  int key = lua_gettop(L), class = key + 1, actor = key + 2;
  lua_pushvalue(L, index);
  vm_push_ref(L, VM_ACTOR_CLASS);                                    /* name class actor */
  while (!lua_rawequal(L, class, actor)) {
    class_push_fields(L, class);
    lua_pushvalue(L, key);
    if (lua_rawget(L, -2) != LUA_TNIL) {                             /* name class actor fields value */
      lua_replace(L, key);
      lua_settop(L, key);                                            /* value */
      return true;
    }
    lua_settop(L, actor);
    lua_getiuservalue(L, class, CLASS_PARENT);
    lua_replace(L, class);                                           /* name parent actor */
  }
  lua_settop(L, key - 1);                                            /* - */
  return false;
}
