/* lib_log.c -- see lib_log.h. */
#include "script/lib_log.h"

#include <lauxlib.h>

#include "marshal/lua_json.h"
#include "marshal/walk.h"
#include "script/lib_base.h"
#include "state/self.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum { FIELDS_MAX = 32, FIELD_TEXT_MAX = 1024 };

static struct slice slice_at(lua_State *L, int index) {
  size_t size = 0;
  const char *text = lua_tolstring(L, index, &size);
  if (text == NULL) return slice_of("", 0);
  if (size > LOGGER_LINE_MAX) size = LOGGER_LINE_MAX;
  return slice_of(text, size);
}

/* Pushes the text of a field's value: strings as they are, others as JSON. [-0, +1, v] */
static void push_text(lua_State *L, int value) {
  struct vm *vm = vm_of(L);
  if (lua_type(L, value) == LUA_TSTRING) {
    lua_pushvalue(L, value);
    return;
  }
  struct walk_options options = { .root.name = "field", .depth_max = (size_t)vm->config.limits->depth, .raw_metatables = true,
                                  .sequences = true };
  struct buf *text = vm_begin_value(vm, FIELD_TEXT_MAX);
  enum err err = lua_json_show(L, value, text, &options, &vm->raised);
  if (err == ERR_NONE || err == ERR_TOO_LARGE) {
    lua_pushlstring(L, (const char *)text->data, text->size);
  } else {
    lua_pushcfunction(L, lib_base_tostring);
    lua_pushvalue(L, value);
    lua_call(L, 1, 1);
  }
}

/* Adds the actor that speaks: class, and key, whose text goes into `key`. */
static size_t put_speaker(lua_State *L, struct log_field *fields, struct buf *key) {
  const struct instance *instance = vm_of(L)->now.instance;
  if (instance == NULL) return 0;
  self_push_slot(L, instance, SELF_CLASS);                           /* class */
  lua_getfield(L, -1, "name");                                       /* class name */
  fields[0] = (struct log_field){ "class", slice_at(L, -1) };
  buf_clear(key);
  key_print(key, instance->key);
  fields[1] = (struct log_field){ "key", buf_slice(key) };
  return 2;
}

/* log:level(message [, fields]) */
static int write_line(lua_State *L, enum log_level level) {
  struct vm *vm = vm_of(L);
  const char *names[FIELDS_MAX];
  struct log_field fields[FIELDS_MAX];
  luaL_checktype(L, 2, LUA_TSTRING);
  lua_settop(L, 3);                                                  /* log message fields */
  budget_check_stack(L, 2 * FIELDS_MAX + 16);
  size_t count = 2;
  if (!lua_isnil(L, 3)) {
    bool marked;
    /* data */
    if (!walk_table(L, 3, &marked)) return raise_misuse(L, "log: fields are a table, not a %s", luaL_typename(L, 3));
    int data = lua_gettop(L);
    lua_pushnil(L);                                                  /* data ... key */
    while (count < FIELDS_MAX && lua_next(L, data)) {                /* data ... key value */
      if (lua_type(L, -2) != LUA_TSTRING) return raise_misuse(L, "log: names of fields are strings");
      push_text(L, lua_gettop(L));                                   /* ... key value text */
      names[count] = lua_tostring(L, -3);
      fields[count] = (struct log_field){ names[count], slice_at(L, -1) };
      count++;
      lua_replace(L, -2);                                            /* ... key text */
      /* ... key text key: the texts stay until the line is written */
      lua_pushvalue(L, -2);
    }
  }
  size_t speaker = put_speaker(L, fields, &vm->key);
  size_t first = 2 - speaker;
  for (size_t i = 0; i < speaker && first != 0; i++) fields[first + i] = fields[i];
  logger_event(vm->config.logger, level, slice_at(L, 2), fields + first, count - first);
  return 0;
}

/* log:debug(message [, fields])   [-0, +0, v] */
static int log_debug(lua_State *L) {
  return write_line(L, LOG_DEBUG);
}

/* log:info(message [, fields])   [-0, +0, v] */
static int log_info(lua_State *L) {
  return write_line(L, LOG_INFO);
}

/* log:warn(message [, fields])   [-0, +0, v] */
static int log_warn(lua_State *L) {
  return write_line(L, LOG_WARN);
}

/* log:error(message [, fields])   [-0, +0, v] */
static int log_error(lua_State *L) {
  return write_line(L, LOG_ERROR);
}

int lib_log_print(lua_State *L) {
  int count = lua_gettop(L);
  luaL_Buffer text;
  struct log_field fields[2];
  luaL_buffinit(L, &text);
  for (int i = 1; i <= count; i++) {
    if (i > 1) luaL_addchar(&text, '\t');
    lua_pushcfunction(L, lib_base_tostring);
    lua_pushvalue(L, i);
    lua_call(L, 1, 1);
    luaL_addvalue(&text);
  }
  luaL_pushresult(&text);                                            /* ... text */
  int line = lua_gettop(L);
  size_t speaker = put_speaker(L, fields, &vm_of(L)->key);
  logger_event(vm_of(L)->config.logger, LOG_INFO, slice_at(L, line), fields, speaker);
  return 0;
}

void lib_log_build(lua_State *L) {
  static const luaL_Reg functions[] = { { "debug", log_debug }, { "info", log_info }, { "warn", log_warn },
                                        { "error", log_error }, { NULL, NULL } };
  lua_newuserdatauv(L, 0, 0);                                        /* log */
  lua_createtable(L, 0, 3);                                          /* log meta */
  lua_pushliteral(L, "log");
  lua_setfield(L, -2, "__name");                                     /* log meta */
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");                                /* log meta */
  luaL_newlib(L, functions);                                         /* log meta methods */
  lua_setfield(L, -2, "__index");                                    /* log meta */
  lua_setmetatable(L, -2);                                           /* log */
  vm_set_ref(L, VM_LOG);                                             /* - */
}
