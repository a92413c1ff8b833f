/* lua_json.c -- see lua_json.h. */
#include "marshal/lua_json.h"

#include <lauxlib.h>
#include <math.h>

#include "base/check.h"
#include "codec/json.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* -- writing -- */

static void on_null(void *context) {
  buf_put_text(context, "null");
}

static void on_boolean(void *context, bool truth) {
  buf_put_text(context, truth ? "true" : "false");
}

static void on_integer(void *context, lua_Integer number) {
  json_put_integer(context, number);
}

static void on_float(void *context, lua_Number number) {
  json_put_float(context, number);
}

static void show_float(void *context, lua_Number number) {
  if (isfinite(number)) {
    json_put_float(context, number);
  } else {
    json_put_not_finite(context, number);
  }
}

static bool on_string(void *context, struct slice text) {
  return json_put_string(context, text);
}

static bool show_string(void *context, struct slice text) {
  json_put_text(context, text);
  return true;
}

static void show_handle(void *context, struct slice class_name, struct slice key) {
  struct buf address = { 0 };
  key_print_address(&address, class_name, key);
  json_put_text(context, buf_slice(&address));
  buf_done(&address);
}

static void on_begin(void *context, bool array, uint32_t count) {
  (void)count;
  buf_put_byte(context, array ? '[' : '{');
}

/* Writes a comma unless this is the first: only then is the last byte an opening bracket, that of this array or object. */
static void on_element(void *context) {
  struct buf *text = context;
  if (text->size == 0) return;
  uint8_t last = text->data[text->size - 1];
  if (last != '[' && last != '{') buf_put_byte(text, ',');
}

static void on_key_end(void *context) {
  buf_put_byte(context, ':');
}

static void on_end(void *context, bool array) {
  buf_put_byte(context, array ? ']' : '}');
}

static enum err write(lua_State *L, int index, const struct walk_writer *writer, struct buf *text,
                      const struct walk_options *options, struct failure *failure) {
  failure_clear(failure);
  enum err err = walk(L, index, writer, text, options, failure);
  if (text->err != ERR_NONE) {
    err = text->err == ERR_TOO_LARGE
            ? failure_set(failure, ERR_TOO_LARGE, "%s: larger than the limit of %zu bytes", options->root.name, text->size_max)
            : failure_set(failure, ERR_MEMORY, "no memory for the JSON of %s", options->root.name);
  }
  return err;
}

enum err lua_json_write(lua_State *L, int index, struct buf *text, const struct walk_options *options,
                        struct failure *failure) {
  static const struct walk_writer writer = {
    on_null, on_boolean, on_integer, on_float, on_string, on_begin, on_element, on_key_end, on_end, NULL, NULL, NULL,
  };
  return write(L, index, &writer, text, options, failure);
}

enum err lua_json_show(lua_State *L, int index, struct buf *text, const struct walk_options *options,
                       struct failure *failure) {
  static const struct walk_writer writer = {
    on_null, on_boolean, on_integer, show_float, show_string, on_begin, on_element, on_key_end, on_end, NULL, NULL,
    show_handle,
  };
  return write(L, index, &writer, text, options, failure);
}

/* -- reading: the parser's events build the value on the Lua stack -- */

struct level {
  bool array;
  lua_Integer count;
};

struct building {
  lua_State *L;
  size_t depth;                          /* arrays and objects that are open; on the stack: their tables, and waiting keys */
  struct level levels[LUA_JSON_DEPTH_MAX];
};

/* Puts the value on top of the stack into the innermost open table. Without one, the value is the whole, and stays. */
static bool place(struct building *building) {
  if (building->depth == 0) return true;
  lua_State *L = building->L;
  struct level *level = &building->levels[building->depth - 1];
  if (level->array) {
    lua_rawseti(L, -2, ++level->count);                              /* table */
  } else {
    lua_rawset(L, -3);                                               /* table (key and value are gone) */
  }
  return true;
}

static bool read_null(void *context) {
  struct building *building = context;
  lua_pushlightuserdata(building->L, NULL);
  return place(building);
}

static bool read_boolean(void *context, bool truth) {
  struct building *building = context;
  lua_pushboolean(building->L, truth);
  return place(building);
}

static bool read_integer(void *context, int64_t number) {
  struct building *building = context;
  lua_pushinteger(building->L, number);
  return place(building);
}

static bool read_float(void *context, double number) {
  struct building *building = context;
  lua_pushnumber(building->L, number);
  return place(building);
}

static bool read_string(void *context, struct slice text) {
  struct building *building = context;
  lua_pushlstring(building->L, (const char *)text.data, text.size);
  return place(building);
}

static bool read_key(void *context, struct slice text) {
  struct building *building = context;
  lua_pushlstring(building->L, (const char *)text.data, text.size);
  return true;
}

static bool begin(struct building *building, bool array) {
  CHECK(building->depth < LUA_JSON_DEPTH_MAX);
  budget_check_stack(building->L, 8);
  bool arguments = array && building->depth == 0;                    /* usually those of a call: a few */
  lua_createtable(building->L, arguments ? 4 : 0, 0);                /* +1 table */
  building->levels[building->depth++] = (struct level){ .array = array };
  return true;
}

static bool read_array_begin(void *context) {
  return begin(context, true);
}

static bool read_object_begin(void *context) {
  return begin(context, false);
}

static bool read_array_end(void *context) {
  struct building *building = context;
  walk_mark(building->L);
  building->depth--;
  return place(building);
}

static bool read_object_end(void *context) {
  struct building *building = context;
  building->depth--;
  return place(building);
}

enum err lua_json_try_read(lua_State *L, struct slice text, size_t depth_max, struct failure *failure) {
  static const struct json_events events = {
    read_null, read_boolean, read_integer, read_float, read_string, read_key,
    read_array_begin, read_array_end, read_object_begin, read_object_end,
  };
  struct vm *vm = vm_of(L);
  struct building building;                    /* its levels are not cleared: most texts use few */
  int top = lua_gettop(L);
  building.L = L;
  building.depth = 0;
  budget_check_stack(L, 8);
  failure_clear(failure);
  if (vm->parser == NULL) vm->parser = json_parser_try_new(&events, NULL, depth_max);
  if (vm->parser == NULL) return failure_set(failure, ERR_MEMORY, "no memory to read JSON");
  json_parser_again(vm->parser, &building);                          /* the VM owns it: an error below skips this frame */
  json_parser_set_depth(vm->parser, depth_max < LUA_JSON_DEPTH_MAX ? depth_max : LUA_JSON_DEPTH_MAX);
  enum err err = json_parse(vm->parser, text, failure);
  json_parser_again(vm->parser, NULL);
  if (err != ERR_NONE) lua_settop(L, top);
  return err;
}

void lua_json_read(lua_State *L, struct slice text) {
  struct vm *vm = vm_of(L);
  size_t depth_max = (size_t)vm->config.limits->depth;
  if (lua_json_try_read(L, text, depth_max, &vm->raised) != ERR_NONE) raise_failure(L, &vm->raised);
}

/* -- the module -- */

/* json.encode(value) -> text; raises with the path of a value that JSON cannot express   [-0, +1, v] */
static int json_encode(lua_State *L) {
  struct vm *vm = vm_of(L);
  luaL_checkany(L, 1);
  struct walk_options options = { .root.name = "value", .depth_max = (size_t)vm->config.limits->depth, .raw_metatables = true,
                                  .finite = true, .sequences = true };
  struct buf *text = vm_begin_value(vm, (size_t)vm->config.limits->call_bytes);
  enum err err = lua_json_write(L, 1, text, &options, &vm->raised);
  if (err == ERR_INTERNAL) return raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  if (err != ERR_NONE) return raise_failure(L, &vm->raised);
  lua_pushlstring(L, (const char *)text->data, text->size);
  return 1;
}

/* json.decode(text) -> value; raises invalid_request with the place   [-0, +1, v] */
static int json_decode(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  lua_json_read(L, slice_of(text, size));
  return 1;
}

int lua_json_open(lua_State *L) {
  static const luaL_Reg functions[] = { { "encode", json_encode }, { "decode", json_decode }, { NULL, NULL } };
  luaL_newlib(L, functions);                                         /* module */
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");                                       /* module */
  return 1;
}
