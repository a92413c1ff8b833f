/* kv_range.c -- see kv_range.h. */
#include "script/kv_range.h"

#include <lauxlib.h>
#include <string.h>

#include "script/lib_error.h"
#include "script/lua_key.h"
#include "script/walk.h"

enum option { OPTION_PREFIX, OPTION_START, OPTION_START_AFTER, OPTION_STOP, OPTION_END, OPTION_REVERSE, OPTION_LIMIT,
              OPTION_FORMAT, OPTION_COUNT };

static const char *const option_names[OPTION_COUNT] = { "prefix", "start", "start_after", "stop", "end", "reverse", "limit",
                                                        "format" };

static void check_names(lua_State *L, int data) {
  lua_pushnil(L);                                                    /* key */
  while (lua_next(L, data)) {                                        /* key value */
    lua_pop(L, 1);                                                   /* key */
    bool known = false;
    for (int i = 0; i < OPTION_COUNT && lua_type(L, -1) == LUA_TSTRING; i++) {
      if (strcmp(lua_tostring(L, -1), option_names[i]) == 0) known = true;
    }
    if (known) continue;
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
    lib_misuse(L, "options: unknown option \"%.64s\"", name);
  }
}

/* Pushes an option and answers whether it is there. [-0, +1, m] */
static bool push_option(lua_State *L, int data, enum option option) {
  lua_pushstring(L, option_names[option]);
  return lua_rawget(L, data) != LUA_TNIL;
}

/* A buffer that holds the record key of an option, or false. */
static bool read_key(lua_State *L, int data, enum option option, const struct instance *instance, struct buf *key) {
  bool given = push_option(L, data, option);                         /* value */
  if (given) {
    char what[32];
    snprintf(what, sizeof what, "options.%s", option_names[option]);
    buf_clear(key);
    self_begin_key(instance, 'k', key);
    lua_key_write_unlimited(L, -1, key, what);
  }
  lua_pop(L, 1);                                                     /* - */
  return given;
}

/* The first key after all extensions of a key: every tuple that begins with its parts. ff begins no part. */
static void end_of_prefix(struct buf *key) {
  buf_put_byte(key, 0xff);
}

/* Bounds live in a pair of buffers; the larger `from` and the smaller `to` win. `other` is taken over when it wins. */
static void raise_bound(struct buf *from, struct buf *other) {
  if (slice_compare(buf_slice(other), buf_slice(from)) <= 0) return;
  struct buf kept = *from;
  *from = *other;
  *other = kept;
}

static void lower_bound(struct buf *to, struct buf *other) {
  if (slice_compare(buf_slice(other), buf_slice(to)) >= 0) return;
  struct buf kept = *to;
  *to = *other;
  *other = kept;
}

static void read_bounds(lua_State *L, int data, const struct instance *instance, struct buf *from, struct buf *to) {
  struct buf *key = &vm_of(L)->value;
  if (read_key(L, data, OPTION_PREFIX, instance, key)) {
    buf_clear(from);
    buf_put(from, buf_slice(key));
    end_of_prefix(key);
    lower_bound(to, key);
  }
  bool start = read_key(L, data, OPTION_START, instance, key);
  if (start) raise_bound(from, key);
  if (read_key(L, data, OPTION_START_AFTER, instance, key)) {
    if (start) lib_misuse(L, "options: start and start_after exclude each other");
    buf_put_byte(key, 0x00);                     /* the first bytes after those of the key itself */
    raise_bound(from, key);
  }
  bool stop = read_key(L, data, OPTION_STOP, instance, key);
  if (stop) lower_bound(to, key);
  if (read_key(L, data, OPTION_END, instance, key)) {
    if (stop) lib_misuse(L, "options: stop and end are the same; give one");
    lower_bound(to, key);
  }
}

static void read_others(lua_State *L, int data, struct kv_range *range) {
  if (push_option(L, data, OPTION_REVERSE)) {                        /* value */
    if (!lua_isboolean(L, -1)) lib_misuse(L, "options.reverse: true or false, not a %s", luaL_typename(L, -1));
    range->reverse = lua_toboolean(L, -1);
  }
  if (push_option(L, data, OPTION_LIMIT)) {                          /* value value */
    int whole = 0;
    lua_Integer limit = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &whole) : 0;
    if (!whole || limit < 1) lib_misuse(L, "options.limit: a positive integer");
    range->limit = (size_t)limit;
  }
  if (push_option(L, data, OPTION_FORMAT)) {                         /* value value value */
    const char *format = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    range->bytes = strcmp(format, "bytes") == 0;
    if (!range->bytes && strcmp(format, "value") != 0) lib_misuse(L, "options.format: \"value\" or \"bytes\"");
  }
  lua_pop(L, 3);                                                     /* - */
}

void kv_range_read(lua_State *L, int index, const struct instance *instance, struct kv_range *range) {
  struct vm *vm = vm_of(L);
  struct buf *from = &vm->key, *to = &vm->key_end;
  *range = (struct kv_range){ .limit = SIZE_MAX };
  vm_begin_value(vm, 0);
  buf_clear(from);
  buf_clear(to);
  self_begin_key(instance, 'k', from);
  self_begin_key(instance, 'k', to);
  end_of_prefix(to);
  if (!lua_isnoneornil(L, index)) {
    bool marked;
    luaL_checkstack(L, 8, NULL);
    if (!walk_table(L, index, &marked)) lib_misuse(L, "options: a table, not a %s", luaL_typename(L, index));
    int data = lua_gettop(L);                                        /* data */
    check_names(L, data);
    read_bounds(L, data, instance, from, to);
    read_others(L, data, range);
    lua_pop(L, 1);                                                   /* - */
  }
  if (from->err != ERR_NONE || to->err != ERR_NONE || vm->value.err != ERR_NONE) {
    lib_fail(L, ERR_MEMORY, "no memory for the bounds of a range");
  }
  range->from = buf_slice(from);
  range->to = buf_slice(to);
}
