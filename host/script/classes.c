/* classes.c -- see classes.h. */
#include "script/classes.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "marshal/caught.h"
#include "script/class.h"
#include "script/modules.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

static const char *const hooks[] = {
  "initialize_state", "on_start", "on_stop", "on_destroy", "migrate_state", "inspect_state",
  "on_before_connect", "on_connect", "on_disconnect",
};

/* -- classes -- */

/* Pushes the `name` that the class at `index` has as its own field. [-0, +1, m] */
static const char *push_name(lua_State *L, int index) {
  class_push_fields(L, index);                                       /* fields */
  lua_pushliteral(L, "name");
  lua_rawget(L, -2);                                                 /* fields name */
  lua_replace(L, -2);                                                /* name */
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

static bool is_actor(lua_State *L, int index) {
  vm_push_ref(L, VM_ACTOR_CLASS);                                    /* actor */
  bool is = lua_rawequal(L, index, -1);
  lua_pop(L, 1);                                                     /* - */
  return is;
}

/* Registers the class on top of the stack, which a file returned. [-1, +0, v] */
static void register_class(lua_State *L, const char *path) {
  if (!class_is(L, -1) || is_actor(L, lua_gettop(L))) {
    luaL_error(L, "%s: returns no class; a class file ends with `return` of what Actor:extend(name) gave", path);
  }
  const char *name = push_name(L, -1);                               /* class name */
  if (name == NULL) luaL_error(L, "%s: the class has no name", path);
  vm_push_ref(L, VM_CLASS_FILES);                                    /* class name files */
  if (lua_getfield(L, -1, name) != LUA_TNIL) {                       /* class name files file */
    luaL_error(L, "%s: the class \"%s\" is defined in %s already", path, name, lua_tostring(L, -1));
  }
  lua_pop(L, 1);                                                     /* class name files */
  lua_pushstring(L, path);
  lua_setfield(L, -2, name);                                         /* class name files */
  vm_push_ref(L, VM_CLASSES);                                        /* class name files classes */
  lua_pushvalue(L, -4);
  lua_setfield(L, -2, name);                                         /* class name files classes */
  lua_pop(L, 4);                                                     /* - */
}

/* Loads the class file of this name (without its ending), unless another file has already required it. [-0, +0, v] */
static void load_class(lua_State *L, const char *name) {
  vm_push_ref(L, VM_MODULES);                                        /* modules */
  lua_pushfstring(L, "%s/%s.lua", vm_of(L)->config.actors_path, name);                     /* modules path */
  const char *path = lua_tostring(L, -1);
  if (lua_getfield(L, -2, name) == LUA_TNIL) modules_load(L, name, path);         /* modules path [nil] module */
  register_class(L, path);
  lua_settop(L, 1);
}

/* Inserts the string on top of the stack into the sorted sequence below it. [-1, +0, m] */
static void insert_sorted(lua_State *L) {
  lua_Integer at = (lua_Integer)lua_rawlen(L, -2) + 1;
  for (; at > 1; at--) {
    lua_rawgeti(L, -2, at - 1);                                      /* names name other */
    if (lua_compare(L, -1, -2, LUA_OPLE)) {
      lua_pop(L, 1);                                                 /* names name */
      break;
    }
    lua_rawseti(L, -3, at);                                          /* names name */
  }
  lua_rawseti(L, -2, at);                                            /* names */
}

/* Appends the names of the class files of a folder, without their ending, and with a NUL behind each. */
static int read_file_names(const char *folder, struct buf *names) {
  DIR *entries = opendir(folder);
  if (entries == NULL) return errno;
  const struct dirent *entry;
  while ((entry = readdir(entries)) != NULL) {
    size_t size = strlen(entry->d_name);
    if (entry->d_name[0] == '.' || size <= 4 || strcmp(entry->d_name + size - 4, ".lua") != 0) continue;
    buf_put(names, slice_of(entry->d_name, size - 4));
    buf_put_byte(names, 0);
  }
  closedir(entries);
  return names->err == ERR_NONE ? 0 : ENOMEM;
}

/* Pushes a sorted sequence of the names of the class files, without their ending. [-0, +1, v] */
static void push_file_names(lua_State *L) {
  struct vm *vm = vm_of(L);
  struct buf *names = &vm->key;
  buf_clear(names);
  int error = read_file_names(vm->config.actors_path, names);
  if (error != 0) luaL_error(L, "%s: %s", vm->config.actors_path, strerror(error));
  lua_newtable(L);                                                   /* names */
  for (size_t at = 0; at < names->size; at += strlen((const char *)names->data + at) + 1) {
    lua_pushstring(L, (const char *)names->data + at);
    insert_sorted(L);                                                /* names */
  }
}

/* Keeps the sorted names of all classes, as text for people. [-0, +0, m] */
static void keep_names(lua_State *L) {
  struct buf *text = vm_begin_value(vm_of(L), 0);
  lua_newtable(L);                                                   /* names */
  vm_push_ref(L, VM_CLASSES);                                        /* names classes */
  lua_pushnil(L);                                                    /* names classes key */
  while (lua_next(L, -2)) {                                          /* names classes key class */
    lua_pop(L, 1);                                                   /* names classes key */
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    insert_sorted(L);
    lua_pop(L, 1);                                                   /* names classes key */
  }
  lua_pop(L, 1);                                                     /* names */
  for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, -1); i++) {
    lua_rawgeti(L, -1, i);                                           /* names name */
    if (i > 1) buf_put_text(text, ", ");
    buf_put_text(text, lua_tostring(L, -1));
    lua_pop(L, 1);                                                   /* names */
  }
  if (text->err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for the names of the classes");
  lua_pushlstring(L, (const char *)text->data, text->size);
  vm_set_ref(L, VM_CLASS_NAMES);                                     /* names */
  lua_pop(L, 1);                                                     /* - */
}

static int load_one(lua_State *L) {
  const char *name = lua_tostring(L, 1);
  lua_settop(L, 0);
  lua_pushstring(L, name);                                           /* name: kept alive */
  load_class(L, name);
  return 0;
}

/* An error of a class file begins with the folder and the file. An error without a place, such as that of a limit, and one
 * in another file get both in front. */
static void name_file(const char *folder, const char *name, struct failure *failure) {
  const struct buf *message = &failure->message;
  size_t size = strlen(name);
  if (memmem(message->data, message->size, folder, strlen(folder)) != NULL) return;
  bool named = message->size > size + 5 && memcmp(message->data, name, size) == 0 &&
               memcmp(message->data + size, ".lua:", 5) == 0;
  struct failure reason = { 0 };
  failure_move(&reason, failure);
  failure_set(failure, reason.err, "%s/%s%s%.*s", folder, named ? "" : name, named ? "" : ".lua: ", (int)reason.message.size,
              (const char *)reason.message.data);
  failure_done(&reason);
}

void classes_load(lua_State *L, struct failure *failure) {
  push_file_names(L);                                                /* names */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= count && failure->err == ERR_NONE; i++) {
    lua_pushcfunction(L, load_one);                                  /* names function */
    lua_rawgeti(L, -2, i);                                           /* names function name */
    int status = lua_pcall(L, 1, 0, 0);                              /* names [error] */
    if (status == LUA_OK) continue;
    caught_describe(L, status, failure);
    lua_pop(L, 1);                                                   /* names */
    lua_rawgeti(L, -1, i);                                           /* names name */
    name_file(vm_of(L)->config.actors_path, lua_tostring(L, -1), failure);
    lua_pop(L, 1);                                                   /* names */
  }
  lua_pop(L, 1);                                                     /* - */
  if (failure->err != ERR_NONE) return;
  if (count == 0) {
    failure_set(failure, ERR_REQUEST, "%s: no class in this folder; a class is a file *.lua in it",
                vm_of(L)->config.actors_path);
    return;
  }
  keep_names(L);
}

bool classes_push(lua_State *L, struct slice name) {
  budget_check_stack(L, 4);
  vm_push_ref(L, VM_CLASSES);                                        /* classes */
  lua_pushlstring(L, (const char *)name.data, name.size);
  bool found = lua_rawget(L, -2) != LUA_TNIL;                        /* classes class|nil */
  lua_replace(L, -2);                                                /* class|nil */
  if (!found) lua_pop(L, 1);                                         /* - */
  return found;
}

void classes_need(lua_State *L, struct slice name) {
  enum { SHOWN_MAX = 128 };
  if (classes_push(L, name)) return;                                 /* class */
  raise_host(L, ERR_CLASS_NOT_FOUND, "there is no class \"%.*s\"", name.size > SHOWN_MAX ? SHOWN_MAX : (int)name.size,
             (const char *)name.data);
}

bool classes_is_hook(struct slice name) {
  for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
    if (slice_equal(name, slice_text(hooks[i]))) return true;
  }
  return false;
}

/* Pushes the function that the class or a parent has by this name. */
static bool push_function(lua_State *L, int index, struct slice name) {
  if (!class_push_own(L, index, name)) return false;                 /* value */
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);                                                     /* - */
  return false;
}

bool classes_push_target(lua_State *L, int index, struct slice name) {
  bool is_metamethod = slice_begins(name, slice_text("__"));
  return name.size > 0 && !is_metamethod && !classes_is_hook(name) && push_function(L, index, name);
}

bool classes_push_method(lua_State *L, int index, struct slice name) {
  return name.size > 0 && name.data[0] != '_' && classes_push_target(L, index, name);
}

bool classes_push_hook(lua_State *L, int index, const char *name) {
  return push_function(L, index, slice_text(name));
}

bool classes_have_hook(lua_State *L, const char *name) {
  budget_check_stack(L, 8);
  int top = lua_gettop(L);
  bool found = false;
  vm_push_ref(L, VM_CLASSES);                                        /* classes */
  lua_pushnil(L);                                                    /* classes key */
  while (!found && lua_next(L, top + 1)) {                           /* classes key class */
    found = classes_push_hook(L, -1, name);
    lua_settop(L, top + 2);                                          /* classes key */
  }
  lua_settop(L, top);                                                /* - */
  return found;
}
