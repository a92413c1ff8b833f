/* lua_value.c -- see lua_value.h. */
#include "marshal/lua_value.h"

#include <lauxlib.h>

#include "base/recursion.h"
#include "codec/value.h"
#include "marshal/handle.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* -- writing: what walk() finds goes into a buffer -- */

static void on_null(void *context) {
  value_put_null(context);
}

static void on_boolean(void *context, bool truth) {
  value_put_boolean(context, truth);
}

static void on_integer(void *context, lua_Integer number) {
  value_put_integer(context, number);
}

static void on_float(void *context, lua_Number number) {
  value_put_float(context, number);
}

static bool on_string(void *context, struct slice text) {
  value_put_string(context, text);
  return true;
}

static void on_begin(void *context, bool array, uint32_t count) {
  if (array) {
    value_put_array(context, count);
  } else {
    value_put_map(context, count);
  }
}

static void on_nothing(void *context) {
  (void)context;
}

static void on_end(void *context, bool array) {
  (void)context;
  (void)array;
}

static void on_same(void *context, uint32_t table) {
  value_put_same(context, table);
}

static void on_node(void *context, uint64_t node_id) {
  value_put_node(context, node_id);
}

static void on_handle(void *context, struct slice class_name, struct slice key) {
  value_put_handle(context, class_name, key);
}

/* Writes a string, number or boolean; false, and nothing written, for anything else, and for a float that must be finite:
 * walk() looks at those. */
static bool write_scalar(lua_State *L, int index, struct buf *bytes, const struct walk_options *options) {
  size_t size;
  const char *text;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      text = lua_tolstring(L, index, &size);
      value_put_string(bytes, slice_of(text, size));
      return true;
    case LUA_TNUMBER:
      if (!lua_isinteger(L, index)) {
        if (options->finite) return false;
        value_put_float(bytes, lua_tonumber(L, index));
      } else {
        value_put_integer(bytes, lua_tointeger(L, index));
      }
      return true;
    case LUA_TBOOLEAN:
      value_put_boolean(bytes, lua_toboolean(L, index));
      return true;
    default:
      return false;
  }
}

enum err lua_value_write(lua_State *L, int index, struct buf *bytes, const struct walk_options *options,
                         struct failure *failure) {
  static const struct walk_writer writer = {
    on_null, on_boolean, on_integer, on_float, on_string, on_begin, on_nothing, on_nothing, on_end, on_same, on_node,
    on_handle,
  };
  failure_clear(failure);
  enum err err = write_scalar(L, index, bytes, options) ? bytes->err : walk(L, index, &writer, bytes, options, failure);
  if (bytes->err != ERR_NONE) {
    err = bytes->err == ERR_TOO_LARGE
            ? failure_set(failure, ERR_TOO_LARGE, "%s: larger than the limit of %zu bytes", options->root.name, bytes->size_max)
            : failure_set(failure, ERR_MEMORY, "no memory for the bytes of %s", options->root.name);
  }
  return err;
}

/* -- reading -- */

struct reading {
  lua_State *L;
  struct value_reader reader;
  struct lua_value_maker *maker;   /* NULL: plain tables */
  int tables;                  /* stack index of the tables read so far, or 0: none has come up again yet */
  uint32_t table_count;
  size_t depth;
  bool again;                  /* a table is in two places: read all of it again, this time remembering tables */
};

static int fail_broken(lua_State *L) {
  return raise_host(L, ERR_STORAGE, "a record holds bytes that are not a value");
}

/* Replaces the new table on top of the stack with its stand-in, and pushes the table behind that. [-0, +1, m] */
static void begin_table(struct reading *reading, bool array) {
  lua_State *L = reading->L;
  if (reading->maker != NULL) {
    reading->maker->begin(L, reading->maker, array);                 /* stand-in table */
    return;
  }
  if (array) walk_mark(L);
  lua_pushvalue(L, -1);                                              /* table table */
}

/* With `stand-in table key value` on top of the stack: table[key] = value. [-2, +0, m] */
static void set_field(struct reading *reading) {
  if (reading->maker != NULL) reading->maker->place(reading->L, reading->maker);
  lua_rawset(reading->L, -3);
}

static void remember_table(struct reading *reading, uint32_t number) {
  if (reading->tables == 0) return;
  lua_pushvalue(reading->L, -2);
  lua_rawseti(reading->L, reading->tables, (lua_Integer)number + 1);
}

static void read_value(struct reading *reading, enum value_type type);

static void read_array(struct reading *reading, uint32_t count) {
  lua_State *L = reading->L;
  lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
  begin_table(reading, true);                                        /* table data */
  remember_table(reading, reading->table_count++);
  for (uint32_t i = 1; i <= count && !reading->again; i++) {
    lua_pushinteger(L, i);
    read_value(reading, value_next(&reading->reader));               /* table data key value */
    set_field(reading);                                              /* table data */
  }
  lua_pop(L, 1);                                                     /* table */
}

static void read_map(struct reading *reading, uint32_t count) {
  lua_State *L = reading->L;
  struct value_reader ahead = reading->reader;
  int size = count < INT32_MAX ? (int)count : 0;
  bool sequence = count > 0 && value_next(&ahead) == VALUE_INTEGER && ahead.integer == 1;
  lua_createtable(L, sequence ? size : 0, sequence ? 0 : size);
  begin_table(reading, false);                                       /* table data */
  remember_table(reading, reading->table_count++);
  for (uint32_t i = 0; i < count && !reading->again; i++) {
    enum value_type type = value_next(&reading->reader);
    if (type != VALUE_STRING && type != VALUE_INTEGER && type != VALUE_FLOAT && type != VALUE_BOOLEAN) fail_broken(L);
    if (type == VALUE_FLOAT && reading->reader.number != reading->reader.number) fail_broken(L);
    read_value(reading, type);                                       /* table data key */
    read_value(reading, value_next(&reading->reader));               /* table data key value */
    set_field(reading);                                              /* table data */
  }
  lua_pop(L, 1);                                                     /* table */
}

static void read_same(struct reading *reading, uint32_t number) {
  lua_State *L = reading->L;
  if (reading->maker != NULL || number >= reading->table_count) fail_broken(L);
  if (reading->tables == 0) {
    reading->again = true;
    lua_pushnil(L);                                                  /* nil */
    return;
  }
  lua_rawgeti(L, reading->tables, (lua_Integer)number + 1);          /* table */
}

static void read_value(struct reading *reading, enum value_type type) {
  lua_State *L = reading->L;
  struct value_reader *reader = &reading->reader;
  budget_check_stack(L, 12);
  if (++reading->depth > RECURSION_MAX) fail_broken(L);
  switch (type) {
    case VALUE_NULL: lua_pushlightuserdata(L, NULL); break;
    case VALUE_BOOLEAN: lua_pushboolean(L, reader->truth); break;
    case VALUE_INTEGER: lua_pushinteger(L, reader->integer); break;
    case VALUE_FLOAT: lua_pushnumber(L, reader->number); break;
    case VALUE_STRING: lua_pushlstring(L, (const char *)reader->text.data, reader->text.size); break;
    case VALUE_ARRAY: read_array(reading, reader->count); break;
    case VALUE_MAP: read_map(reading, reader->count); break;
    case VALUE_NODE:
      if (reading->maker == NULL) fail_broken(L);
      reading->maker->push_node(L, reading->maker, reader->node);
      break;
    case VALUE_SAME: read_same(reading, reader->count); break;
    case VALUE_HANDLE: handle_push(L, reader->text, reader->key, false); break;
    case VALUE_END:
    case VALUE_BROKEN: fail_broken(L); break;
  }
  reading->depth--;
}

static void read_whole(lua_State *L, struct slice bytes, struct lua_value_maker *maker) {
  int top = lua_gettop(L);
  struct reading reading = { .L = L, .maker = maker };
  value_reader_init(&reading.reader, bytes);
  read_value(&reading, value_next(&reading.reader));                 /* value */
  if (reading.again) {
    lua_settop(L, top);                                              /* - */
    lua_newtable(L);                                                 /* tables */
    reading = (struct reading){ .L = L, .tables = top + 1 };
    value_reader_init(&reading.reader, bytes);
    read_value(&reading, value_next(&reading.reader));               /* tables value */
    lua_remove(L, top + 1);                                          /* value */
  }
  if (value_next(&reading.reader) != VALUE_END) fail_broken(L);
}

/* Pushes a value that is one scalar, as most in a kv are; false, and nothing pushed, for any other. */
static bool read_scalar(lua_State *L, struct slice bytes) {
  struct value_reader reader;
  value_reader_init(&reader, bytes);
  enum value_type type = value_next(&reader);
  if (reader.rest.size > 0) return false;
  switch (type) {
    case VALUE_STRING: lua_pushlstring(L, (const char *)reader.text.data, reader.text.size); return true;
    case VALUE_INTEGER: lua_pushinteger(L, reader.integer); return true;
    case VALUE_FLOAT: lua_pushnumber(L, reader.number); return true;
    case VALUE_BOOLEAN: lua_pushboolean(L, reader.truth); return true;
    default: return false;
  }
}

void lua_value_read(lua_State *L, struct slice bytes) {
  budget_check_stack(L, 4);
  if (!read_scalar(L, bytes)) read_whole(L, bytes, NULL);
}

void lua_value_read_by(lua_State *L, struct slice bytes, struct lua_value_maker *maker) {
  budget_check_stack(L, 4);
  read_whole(L, bytes, maker);
}
