/* kv_range.c -- see kv_range.h. */
#include "kv/kv_range.h"

#include <lauxlib.h>
#include <string.h>

#include "kv/kv.h"
#include "marshal/lua_key.h"
#include "marshal/walk.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"
#include "vm/raise.h"

enum { LAST_ROOM = 64 };     /* bytes for the last key scanned, at first */

/* In this order: what reads or writes entries by their keys takes those from OPTION_FORMAT on, and no others
 * (kv_range_read_format). */
enum option { OPTION_PREFIX, OPTION_START, OPTION_START_AFTER, OPTION_STOP, OPTION_END, OPTION_REVERSE, OPTION_LIMIT,
              OPTION_FORMAT, OPTION_COUNT };

static const char *const option_names[OPTION_COUNT] = { "prefix", "start", "start_after", "stop", "end", "reverse", "limit",
                                                        "format" };

/* The option with the name at `index`, among those from `first` on. [-0, +0, v] */
static enum option check_option(lua_State *L, int index, enum option first) {
  if (lua_type(L, index) != LUA_TSTRING) {
    raise_misuse(L, "options: the name of an option is a string, not a %s", luaL_typename(L, index));
  }
  for (enum option option = first; option < OPTION_COUNT; option++) {
    if (vm_is_text(L, index, option_names[option])) return option;
  }
  raise_misuse(L, "options: unknown option \"%.64s\"", lua_tostring(L, index));
  return OPTION_COUNT;
}

/* Pushes one value for each option, nil if it is not given, and returns the index of the first. [-0, +OPTION_COUNT, v] */
static int push_options(lua_State *L, int index, enum option first) {
  bool marked;
  int place = lua_gettop(L) + 1;
  budget_check_stack(L, OPTION_COUNT + 8);
  lua_settop(L, place + OPTION_COUNT - 1);                           /* nil ... */
  if (lua_isnil(L, index)) return place;
  /* nil ... data */
  if (!walk_plain_table(L, index, &marked)) raise_misuse(L, "options: a table, not a %s", walk_typename(L, index));
  lua_pushnil(L);                                                    /* nil ... data name */
  while (lua_next(L, -2)) {                                          /* nil ... data name value */
    lua_replace(L, place + (int)check_option(L, -2, first));         /* value ... data name */
  }
  lua_pop(L, 1);                                                     /* value ... */
  return place;
}

static bool check_format(lua_State *L, int index) {
  if (lua_isnil(L, index)) return false;
  bool bytes = vm_is_text(L, index, "bytes");
  if (!bytes && !vm_is_text(L, index, "value")) raise_misuse(L, "options.format: \"value\" or \"bytes\"");
  return bytes;
}

bool kv_range_read_format(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return false;
  int place = push_options(L, index, OPTION_FORMAT);                 /* value ... */
  bool bytes = check_format(L, place + OPTION_FORMAT);
  lua_settop(L, place - 1);                                          /* - */
  return bytes;
}

static bool check_reverse(lua_State *L, int index) {
  if (!lua_isnil(L, index) && !lua_isboolean(L, index)) {
    raise_misuse(L, "options.reverse: true or false, not a %s", luaL_typename(L, index));
  }
  return lua_toboolean(L, index);
}

static size_t check_limit(lua_State *L, int index) {
  int whole = 0;
  if (lua_isnil(L, index)) return SIZE_MAX;
  if (lua_type(L, index) != LUA_TNUMBER) {
    raise_misuse(L, "options.limit: a positive integer, not a %s", luaL_typename(L, index));
  }
  lua_Integer limit = lua_tointegerx(L, index, &whole);
  if (!whole || limit < 1) raise_misuse(L, "options.limit: a positive integer, not %s", luaL_tolstring(L, index, NULL));
  return (size_t)limit;
}

/* Makes of a key the first bytes after all tuples that begin with its parts: no part begins with ff. */
static void end_of_prefix(struct buf *key) {
  buf_put_byte(key, 0xff);
}

/* Reads the record key of an option; false if it is not given. */
static bool read_key(lua_State *L, int place, enum option option, struct buf *key) {
  const struct argument argument = { .name = "options", .field = option_names[option] };
  if (lua_isnil(L, place + (int)option)) return false;
  buf_clear(key);
  kv_begin_key(L, key);
  lua_key_write(L, place + (int)option, key, &argument);
  return true;
}

static void copy_bound(struct buf *to, const struct buf *from) {
  buf_clear(to);
  buf_put(to, buf_slice(from));
}

/* The larger `from` and the smaller `to` win. */
static void raise_from(struct buf *from, const struct buf *other) {
  if (slice_compare(buf_slice(other), buf_slice(from)) > 0) copy_bound(from, other);
}

static void lower_to(struct buf *to, const struct buf *other) {
  if (slice_compare(buf_slice(other), buf_slice(to)) < 0) copy_bound(to, other);
}

/* Narrows the bounds by the options; each key of theirs goes through `key`. [-0, +0, v] */
static void read_bounds(lua_State *L, int place, struct buf *key, struct buf *from, struct buf *to) {
  if (read_key(L, place, OPTION_PREFIX, key)) {
    copy_bound(from, key);
    end_of_prefix(key);
    copy_bound(to, key);
  }
  bool start = read_key(L, place, OPTION_START, key);
  if (start) raise_from(from, key);
  if (read_key(L, place, OPTION_START_AFTER, key)) {
    if (start) raise_misuse(L, "options: start and start_after exclude each other");
    buf_put_byte(key, 0x00);                     /* the first bytes after those of the key itself */
    raise_from(from, key);
  }
  bool stop = read_key(L, place, OPTION_STOP, key);
  if (stop) lower_to(to, key);
  if (read_key(L, place, OPTION_END, key)) {
    if (stop) raise_misuse(L, "options: stop and end are the same; give one");
    lower_to(to, key);
  }
}

/* Pushes a range over all entries between two bounds. [-0, +1, m] */
static struct kv_range *push_range(lua_State *L, struct slice from, struct slice to) {
  struct kv_range *range = lua_newuserdatauv(L, sizeof *range + from.size + to.size, 1);   /* range */
  range->from = slice_of(range->bounds, from.size);
  range->to = slice_of(range->bounds + from.size, to.size);
  range->turn = 0;
  range->snapshot = 0;
  range->last_size = 0;
  range->last_room = 0;
  memcpy(range->bounds, from.data, from.size);
  memcpy(range->bounds + from.size, to.data, to.size);
  return range;
}

struct kv_range *kv_range_push(lua_State *L, int index) {
  struct vm *vm = vm_of(L);
  struct buf *from = &vm->key, *to = &vm->key_end, *key = vm_begin_value(vm, 0);
  bool none = lua_isnoneornil(L, index);
  int place = none ? 0 : push_options(L, index, OPTION_PREFIX);      /* value ... */
  buf_clear(from);
  buf_clear(to);
  kv_begin_key(L, from);
  kv_begin_key(L, to);
  end_of_prefix(to);
  if (!none) read_bounds(L, place, key, from, to);
  if (from->err != ERR_NONE || to->err != ERR_NONE || key->err != ERR_NONE) {
    raise_host(L, ERR_MEMORY, "no memory for the bounds of a range");
  }
  struct kv_range *range = push_range(L, buf_slice(from), buf_slice(to));   /* value ... range */
  range->reverse = !none && check_reverse(L, place + OPTION_REVERSE);
  range->left = none ? SIZE_MAX : check_limit(L, place + OPTION_LIMIT);
  range->bytes = !none && check_format(L, place + OPTION_FORMAT);
  if (!none) {
    lua_replace(L, place);                                           /* range ... */
    lua_settop(L, place);                                            /* range */
  }
  return range;
}

void kv_range_scan(const struct kv_range *range, const struct view *view, struct scan *scan) {
  struct slice from = range->from, to = range->to;
  if (range->last_size > 0 && range->reverse) to = slice_of(range->last, range->last_size - 1);
  if (range->last_size > 0 && !range->reverse) from = slice_of(range->last, range->last_size);
  scan_begin(scan, view, from, to, range->reverse);
}

void kv_range_pass(lua_State *L, int index, struct slice key) {
  struct kv_range *range = lua_touserdata(L, index);
  if (range->last_room < key.size + 1) {
    size_t room = key.size < LAST_ROOM / 2 ? LAST_ROOM : 2 * key.size;
    index = index > LUA_REGISTRYINDEX ? lua_absindex(L, index) : index;
    range->last = lua_newuserdatauv(L, room, 0);                     /* room */
    range->last_room = room;
    lua_setiuservalue(L, index, 1);                                  /* - */
  }
  memcpy(range->last, key.data, key.size);
  range->last[key.size] = 0;
  range->last_size = key.size + 1;
}

struct slice kv_range_passed_from(const struct kv_range *range) {
  return range->reverse ? slice_of(range->last, range->last_size - 1) : range->from;
}

struct slice kv_range_passed_to(const struct kv_range *range) {
  return range->reverse ? range->to : slice_of(range->last, range->last_size);
}
