/* walk.c -- see walk.h. */
#include "marshal/walk.h"

#include <ctype.h>
#include <lauxlib.h>
#include <math.h>

#include "base/limits.h"
#include "codec/json_text.h"
#include "marshal/handle.h"
#include "marshal/tracked.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

/* A table that is being walked, and how far: `key` is the stack index of the current key, or 0 if `position` is that
 * key. */
struct frame {
  const struct frame *up;
  int key;
  lua_Integer position;
  bool array;
  size_t depth;
};

struct walker {
  lua_State *L;
  const struct walk_writer *writer;
  struct buf *context;
  const struct walk_options *options;
  struct failure *failure;
  int root;                 /* stack index of the whole value */
  int memo;                 /* stack index of the table of tables met: table -> number; a nil until the second one */
  uint32_t tables;
};

static const char not_sequence[] = "a table with numbers as keys that is not a sequence has no form in JSON";
static const char not_sequence_marked[] = "a table marked as a sequence has a key that is not of 1..n";

/* What the keys of a table are. */
struct shape {
  size_t count;
  bool sequence;            /* exactly 1..count */
};

void walk_build(lua_State *L) {
  lua_createtable(L, 0, 2);                                          /* meta */
  lua_pushliteral(L, "array");                                       /* meta name */
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushboolean(L, 0);                                             /* meta false */
  lua_setfield(L, -2, "__metatable");                                /* meta */
  vm_of(L)->array_mark = lua_topointer(L, -1);
  vm_set_ref(L, VM_ARRAY_META);                                      /* - */
}

void walk_mark(lua_State *L) {
  vm_push_ref(L, VM_ARRAY_META);                                     /* table meta */
  lua_setmetatable(L, -2);                                           /* table */
}

int walk_array(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);                                                 /* table */
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);                                                  /* table */
  if (lua_getmetatable(L, 1)) {                                      /* table meta */
    vm_push_ref(L, VM_ARRAY_META);                                   /* table meta mark */
    if (!lua_rawequal(L, -1, -2)) return raise_misuse(L, "array: a table with a metatable cannot be marked");
    lua_settop(L, 1);                                                /* table */
    return 1;
  }
  walk_mark(L);
  return 1;
}

static bool is_mark(lua_State *L, int index) {
  return lua_topointer(L, index) == vm_of(L)->array_mark;
}

bool walk_table(lua_State *L, int index, bool *marked) {
  if (lua_type(L, index) == LUA_TTABLE) {
    *marked = false;
    if (lua_getmetatable(L, index)) {                                /* meta */
      *marked = is_mark(L, -1);
      lua_pop(L, 1);                                                 /* - */
    }
    lua_pushvalue(L, index);                                         /* table */
    return true;
  }
  if (!tracked_is_part(L, index)) return false;
  *marked = tracked_push_data(L, index);                             /* data */
  return true;
}

bool walk_plain_table(lua_State *L, int index, bool *marked) {
  if (lua_type(L, index) == LUA_TTABLE && lua_getmetatable(L, index)) {            /* meta */
    bool mark = is_mark(L, -1);
    lua_pop(L, 1);                                                   /* - */
    if (!mark) return false;
  }
  return walk_table(L, index, marked);
}

bool walk_is_connection(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;                     /* meta */
  vm_push_ref(L, VM_CONNECTION_META);                                /* meta meta */
  bool is = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);                                                     /* - */
  return is;
}

const char *walk_typename(lua_State *L, int index) {
  if (lua_isnone(L, index)) return "nil";
  if (handle_is(L, index)) return "handle of an actor";
  return lua_type(L, index) == LUA_TTABLE ? "table with a metatable" : luaL_typename(L, index);
}

static bool is_identifier(struct slice text) {
  if (text.size == 0 || text.size > 64 || isdigit(text.data[0])) return false;
  for (size_t i = 0; i < text.size; i++) {
    if (!isalnum(text.data[i]) && text.data[i] != '_') return false;
  }
  return true;
}

void walk_put_step(lua_State *L, int index, struct buf *path) {
  if (lua_type(L, index) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    struct slice name = slice_of(text, size);
    if (is_identifier(name)) {
      buf_put_byte(path, '.');
      buf_put(path, name);
    } else {
      if (name.size > 64) name.size = 64;
      buf_put_byte(path, '[');
      json_put_text(path, name);
      buf_put_byte(path, ']');
    }
  } else if (lua_isinteger(L, index)) {
    buf_printf(path, "[%lld]", (long long)lua_tointeger(L, index));
  } else if (lua_type(L, index) == LUA_TNUMBER) {
    buf_printf(path, "[%.17g]", lua_tonumber(L, index));
  } else {
    buf_printf(path, "[%s]", lua_type(L, index) == LUA_TBOOLEAN ? lua_toboolean(L, index) ? "true" : "false"
                                                                : lua_typename(L, lua_type(L, index)));
  }
}

static void put_path(struct walker *walker, const struct frame *frame, struct buf *path) {
  if (frame == NULL) {
    raise_put_argument(&walker->options->root, path);
    return;
  }
  put_path(walker, frame->up, path);
  if (frame->key != 0) {
    walk_put_step(walker->L, frame->key, path);
  } else {
    buf_printf(path, "[%lld]", (long long)frame->position);
  }
}

/* Notes an error at the place that the walk has reached. */
static enum err fail_at(struct walker *walker, const struct frame *frame, const char *what) {
  struct buf *message = &walker->failure->message;
  if (walker->failure->err != ERR_NONE) return walker->failure->err;
  put_path(walker, frame, message);
  buf_printf(message, ": %s", what);
  walker->failure->err = ERR_INTERNAL;
  return ERR_INTERNAL;
}

static enum err fail_type(struct walker *walker, const struct frame *frame, const char *type) {
  char what[96];
  snprintf(what, sizeof what, "a %s cannot be saved or sent", type);
  return fail_at(walker, frame, what);
}

static struct shape shape_of(lua_State *L, int data) {
  struct shape shape = { 0 };
  lua_Integer largest = 0;
  bool integers = true;
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key value */
    lua_pop(L, 1);                                                   /* key */
    shape.count++;
    lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    if (key < 1) integers = false;
    if (key > largest) largest = key;
  }
  shape.sequence = integers && (lua_Unsigned)largest == shape.count;
  return shape;
}

bool walk_is_sequence(lua_State *L, int data, size_t *count) {
  struct shape shape = shape_of(L, data);
  *count = shape.count;
  return shape.sequence;
}

/* Whether the table at `table` was met before; then the writer is told so. Otherwise it is remembered. */
static bool was_met(struct walker *walker, int table) {
  lua_State *L = walker->L;
  uint32_t number = walker->tables++;
  if (!walker->options->shared) return false;
  if (number == 0) return false;               /* one table alone cannot be met twice */
  if (number == 1) {
    lua_newtable(L);                                                 /* memo */
    lua_pushvalue(L, walker->root);
    lua_pushinteger(L, 0);
    lua_rawset(L, -3);                                               /* memo */
    lua_replace(L, walker->memo);                                    /* - */
  }
  lua_pushvalue(L, table);                                           /* table */
  if (lua_rawget(L, walker->memo) == LUA_TNIL) {                     /* nil */
    lua_pop(L, 1);                                                   /* - */
    lua_pushvalue(L, table);
    lua_pushinteger(L, number);
    lua_rawset(L, walker->memo);                                     /* - */
    return false;
  }
  uint32_t first = (uint32_t)lua_tointeger(L, -1);                   /* number */
  lua_pop(L, 1);                                                     /* - */
  walker->tables--;
  walker->writer->on_same(walker->context, first);
  return true;
}

static enum err walk_value(struct walker *walker, int index, const struct frame *frame);

static enum err walk_key(struct walker *walker, const struct frame *frame) {
  lua_State *L = walker->L;
  const struct walk_writer *writer = walker->writer;
  int key = frame->key;
  writer->on_element(walker->context);
  if (lua_type(L, key) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring(L, key, &size);
    if (!writer->on_string(walker->context, slice_of(text, size))) return fail_at(walker, frame, "a key that is not UTF-8");
  } else if (lua_isinteger(L, key)) {
    writer->on_integer(walker->context, lua_tointeger(L, key));
  } else if (lua_type(L, key) == LUA_TNUMBER) {
    if (walker->options->finite && !isfinite(lua_tonumber(L, key))) return fail_at(walker, frame, "an infinite key");
    writer->on_float(walker->context, lua_tonumber(L, key));
  } else if (lua_type(L, key) == LUA_TBOOLEAN && walker->options->boolean_keys) {
    writer->on_boolean(walker->context, lua_toboolean(L, key));
  } else {
    char what[64];
    snprintf(what, sizeof what, "a key cannot be a %s", lua_typename(L, lua_type(L, key)));
    return fail_at(walker, frame->up, what);
  }
  writer->on_key_end(walker->context);
  return ERR_NONE;
}

/* Walks the values of a sequence of `count`, from position `first` on. */
static enum err walk_array_values(struct walker *walker, int data, lua_Integer first, size_t count, struct frame *frame) {
  lua_State *L = walker->L;
  for (lua_Integer i = first; i <= (lua_Integer)count; i++) {
    frame->position = i;
    walker->writer->on_element(walker->context);
    lua_rawgeti(L, data, i);                                         /* value */
    enum err err = walk_value(walker, lua_gettop(L), frame);
    lua_pop(L, 1);                                                   /* - */
    if (err != ERR_NONE) return err;
  }
  return ERR_NONE;
}

static enum err walk_pairs(struct walker *walker, int data, struct frame *frame) {
  lua_State *L = walker->L;
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key value */
    frame->key = lua_gettop(L) - 1;
    enum err err = walk_key(walker, frame);
    if (err == ERR_NONE) err = walk_value(walker, frame->key + 1, frame);
    if (err != ERR_NONE) return err;
    lua_pop(L, 1);                                                   /* key */
  }
  return ERR_NONE;
}

/* Walks a table for a writer that needs the count first. Only a marked table is an array. */
static enum err walk_counted(struct walker *walker, int data, struct frame *frame) {
  bool array = frame->array;
  struct shape shape = shape_of(walker->L, data);
  if (shape.count > UINT32_MAX) return fail_at(walker, frame->up, "a table of more than 2^32 entries");
  if (array && !shape.sequence) return fail_at(walker, frame->up, not_sequence_marked);
  walker->writer->on_begin(walker->context, array, (uint32_t)shape.count);
  return array ? walk_array_values(walker, data, 1, shape.count, frame) : walk_pairs(walker, data, frame);
}

/* Walks an array whose first key and value are on the stack. Keys usually come in order, and one pass is enough. At the
 * first that does not, the whole table is checked, and the rest is walked by position. */
static enum err walk_in_order(struct walker *walker, int data, bool marked, struct frame *frame) {
  lua_State *L = walker->L;
  int value = lua_gettop(L);
  frame->position = 0;
  do {                                                               /* key value */
    if (!lua_isinteger(L, value - 1) || lua_tointeger(L, value - 1) != frame->position + 1) {
      lua_pop(L, 2);                                                 /* - */
      struct shape shape = shape_of(L, data);
      if (!shape.sequence) return fail_at(walker, frame->up, marked ? not_sequence_marked : not_sequence);
      return walk_array_values(walker, data, frame->position + 1, shape.count, frame);
    }
    frame->position++;
    walker->writer->on_element(walker->context);
    enum err err = walk_value(walker, value, frame);
    if (err != ERR_NONE) return err;
    lua_pop(L, 1);                                                   /* key */
  } while (lua_next(L, data));
  return ERR_NONE;
}

/* Walks a table whose first key tells whether it is an array or an object. */
static enum err walk_by_first_key(struct walker *walker, int data, bool marked, struct frame *frame) {
  lua_State *L = walker->L;
  lua_pushnil(L);                                                    /* nil */
  bool any = lua_next(L, data);                                      /* key value, or nothing */
  frame->array = marked || (any && lua_type(L, -2) != LUA_TSTRING);
  walker->writer->on_begin(walker->context, frame->array, 0);
  if (!any) return ERR_NONE;
  if (frame->array) return walk_in_order(walker, data, marked, frame);
  do {                                                               /* key value */
    frame->key = lua_gettop(L) - 1;
    if (lua_type(L, frame->key) != LUA_TSTRING) return fail_at(walker, frame->up, not_sequence);
    enum err err = walk_key(walker, frame);
    if (err == ERR_NONE) err = walk_value(walker, frame->key + 1, frame);
    if (err != ERR_NONE) return err;
    lua_pop(L, 1);                                                   /* key */
  } while (lua_next(L, data));
  return ERR_NONE;
}

/* Walks the content of a table, which `data` holds. */
static enum err walk_content(struct walker *walker, int data, bool marked, const struct frame *up) {
  const struct walk_options *options = walker->options;
  struct frame frame = { .up = up, .array = marked, .depth = up == NULL ? 1 : up->depth + 1 };
  if (frame.depth > options->depth_max) {
    char what[96];
    snprintf(what, sizeof what, "tables are nested more than %zu deep, or within themselves " LIMIT_NAME(DEPTH),
             options->depth_max);
    return fail_at(walker, up, what);
  }
  enum err err = options->sequences ? walk_by_first_key(walker, data, marked, &frame)
                                    : walk_counted(walker, data, &frame);
  if (err == ERR_NONE) walker->writer->on_end(walker->context, frame.array);
  return err;
}

static enum err walk_plain(struct walker *walker, int index, const struct frame *frame) {
  lua_State *L = walker->L;
  bool marked = false;
  if (lua_getmetatable(L, index)) {                                  /* meta */
    marked = is_mark(L, -1);
    lua_pop(L, 1);                                                   /* - */
    if (!marked && !walker->options->raw_metatables) {
      return fail_at(walker, frame, "a table with a metatable cannot be saved");
    }
  }
  return walk_content(walker, index, marked, frame);
}

static enum err walk_part(struct walker *walker, int index, const struct frame *frame) {
  lua_State *L = walker->L;
  const struct walk_options *options = walker->options;
  if (!tracked_is_part(L, index)) {
    return fail_type(walker, frame, walk_is_connection(L, index) ? "connection" : "userdata");
  }
  uint64_t node_id = frame != NULL && options->node_of != NULL ? options->node_of(L, index) : 0;
  if (node_id != 0) {
    walker->writer->on_node(walker->context, node_id);
    return ERR_NONE;
  }
  bool marked = tracked_push_data(L, index);                         /* data */
  enum err err = walk_content(walker, lua_gettop(L), marked, frame);
  if (err == ERR_NONE) lua_pop(L, 1);                                /* - */
  return err;
}

static enum err walk_tables(struct walker *walker, int index, bool plain, const struct frame *frame) {
  budget_check_stack(walker->L, 12);
  if (was_met(walker, index)) return ERR_NONE;
  budget_check(walker->L);                  /* a table in many places is walked once for each */
  return plain ? walk_plain(walker, index, frame) : walk_part(walker, index, frame);
}

static enum err walk_number(struct walker *walker, int index, const struct frame *frame) {
  lua_State *L = walker->L;
  if (lua_isinteger(L, index)) {
    walker->writer->on_integer(walker->context, lua_tointeger(L, index));
    return ERR_NONE;
  }
  lua_Number number = lua_tonumber(L, index);
  if (walker->options->finite && !isfinite(number)) {
    return fail_at(walker, frame, isnan(number) ? "NaN has no form here" : "an infinite number has no form here");
  }
  walker->writer->on_float(walker->context, number);
  return ERR_NONE;
}

static enum err walk_handle(struct walker *walker, int index, const struct frame *frame) {
  const struct handle *handle = lua_touserdata(walker->L, index);
  if (walker->writer->on_handle == NULL) return fail_at(walker, frame, "the handle of an actor has no form in JSON");
  walker->writer->on_handle(walker->context, handle_class(handle), handle_key(handle));
  return ERR_NONE;
}

static enum err walk_value(struct walker *walker, int index, const struct frame *frame) {
  lua_State *L = walker->L;
  const struct walk_writer *writer = walker->writer;
  if (walker->context->err != ERR_NONE) return walker->context->err;
  switch (lua_type(L, index)) {
    case LUA_TNIL:
      writer->on_null(walker->context);
      return ERR_NONE;
    case LUA_TBOOLEAN:
      writer->on_boolean(walker->context, lua_toboolean(L, index));
      return ERR_NONE;
    case LUA_TNUMBER:
      return walk_number(walker, index, frame);
    case LUA_TSTRING: {
      size_t size;
      const char *text = lua_tolstring(L, index, &size);
      if (writer->on_string(walker->context, slice_of(text, size))) return ERR_NONE;
      return fail_at(walker, frame, "a string that is not UTF-8");
    }
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, index) != NULL) break;
      writer->on_null(walker->context);
      return ERR_NONE;
    case LUA_TTABLE:
      return walk_tables(walker, index, true, frame);
    case LUA_TUSERDATA:
      if (handle_is(L, index)) return walk_handle(walker, index, frame);
      return walk_tables(walker, index, false, frame);
    default:
      break;
  }
  return fail_type(walker, frame, luaL_typename(L, index));
}

enum err walk(lua_State *L, int index, const struct walk_writer *writer, struct buf *bytes,
              const struct walk_options *options, struct failure *failure) {
  budget_check_stack(L, 12);
  int top = lua_gettop(L);
  struct walker walker = { .L = L, .writer = writer, .context = bytes, .options = options, .failure = failure,
                           .root = lua_absindex(L, index), .memo = top + 1 };
  lua_pushnil(L);                                                    /* memo */
  enum err err = walk_value(&walker, walker.root, NULL);
  lua_settop(L, top);                                                /* - */
  return err;
}
