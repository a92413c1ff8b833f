/* kv_batch.c -- see kv_batch.h: get_batch, put_batch and delete_batch.
 *
 * Everything to be written is first made into bytes: a run of key size u32, value size u32, key, value. Writing begins only
 * when nothing in the run can be refused any more. */
#include "kv/kv_batch.h"

#include <lauxlib.h>
#include <string.h>

#include "base/limits.h"
#include "kv/kv.h"
#include "kv/kv_range.h"
#include "marshal/lua_key.h"
#include "marshal/walk.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

enum { SIZES = 8 };

/* Pushes the data of the sequence at `index` and returns its length. [-0, +1, v] */
static lua_Integer check_sequence(lua_State *L, int index, const char *name, const char *of) {
  bool marked;
  budget_check_stack(L, 12);
  if (!walk_plain_table(L, index, &marked)) {                        /* data */
    raise_misuse(L, "%s: an array of %s, not a %s", name, of, walk_typename(L, index));
  }
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1), keys = 0;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, -2)) {                                          /* data key value */
    lua_pop(L, 1);                                                   /* data key */
    keys++;
  }
  if (keys != count) raise_misuse(L, "%s: an array of %s, without gaps or names", name, of);
  return count;
}

/* -- get_batch -- */

enum { AT_KEYS = 2, AT_BYTES, AT_RESULT };

/* The keys as bytes: during a pause the script's tables may change. */
struct keys {
  lua_Integer count;
  size_t at;                  /* where the next one begins in the run */
  uint8_t run[];              /* for each its size, u32, and its record key */
};

/* Replaces the sequence at AT_KEYS with its `count` keys as bytes. [-0, +0, v] */
static void read_keys(lua_State *L, lua_Integer count) {
  struct vm *vm = vm_of(L);
  struct buf *run = vm_begin_value(vm, (size_t)vm->config.limits->call_bytes);
  for (lua_Integer i = 1; i <= count; i++) {
    const struct argument argument = { .name = "keys", .position = i };
    size_t at = run->size;
    buf_put_u32(run, 0);
    kv_begin_key(L, run);
    lua_rawgeti(L, AT_KEYS, i);                                      /* ... key */
    lua_key_write(L, -1, run, &argument);
    lua_pop(L, 1);                                                   /* ... */
    write_u32(run->data + at, (uint32_t)(run->size - at - 4));
    budget_check(L);
  }
  struct keys *keys = lua_newuserdatauv(L, sizeof *keys + run->size, 0);   /* ... keys */
  *keys = (struct keys){ .count = count };
  if (run->size > 0) memcpy(keys->run, run->data, run->size);
  lua_replace(L, AT_KEYS);                                           /* ... */
}

static int get_on(lua_State *L, int status, lua_KContext place) {
  struct keys *keys = lua_touserdata(L, AT_KEYS);
  bool bytes = lua_toboolean(L, AT_BYTES);
  (void)status;
  while (place < keys->count) {
    struct slice key = slice_of(keys->run + keys->at + 4, read_u32(keys->run + keys->at)), value;
    keys->at += 4 + key.size;
    place++;
    enum err err = view_get(kv_view(L), key, &value);
    if (err != ERR_NONE && err != ERR_NOT_FOUND) return kv_fail_storage(L);
    if (err == ERR_NONE) {
      kv_push_value(L, value, bytes);                                /* ... value */
      lua_rawseti(L, AT_RESULT, place);                              /* ... */
    }
    budget_check(L);
    if (place < keys->count && budget_is_due(L)) return budget_pause(L, place, get_on);
  }
  return 1;
}

/* kv:get_batch(keys [, opts]) -> t; t[i] is the value of keys[i], t.n is #keys   [-0, +1, v] */
int kv_batch_get(lua_State *L) {
  kv_check(L);
  lua_settop(L, 3);                                                  /* kv keys options */
  lua_Integer count = check_sequence(L, 2, "keys", "keys");          /* kv keys options data */
  lua_replace(L, AT_KEYS);                                           /* kv keys options */
  lua_pushboolean(L, kv_range_read_format(L, 3));
  lua_replace(L, AT_BYTES);                                          /* kv keys bytes */
  read_keys(L, count);
  lua_createtable(L, count < INT32_MAX ? (int)count : 0, 1);         /* kv keys bytes result */
  lua_pushinteger(L, count);
  lua_setfield(L, AT_RESULT, "n");                                   /* kv keys bytes result */
  return get_on(L, LUA_OK, 0);
}

/* -- the run -- */

/* Takes one pair off the run; `rest` moves behind it. False at the end. */
static bool take(struct slice *rest, struct slice *key, struct slice *value) {
  if (rest->size == 0) return false;
  size_t key_size = read_u32(rest->data), value_size = read_u32(rest->data + 4);
  *key = slice_of(rest->data + SIZES, key_size);
  *value = slice_of(key->data + key_size, value_size);
  *rest = slice_after(*rest, SIZES + key_size + value_size);
  return true;
}

/* Appends the key on top of the stack to the run; returns where its sizes go. [-0, +0, v] */
static size_t begin_one(lua_State *L, const struct argument *argument, struct buf *run) {
  size_t at = run->size;
  buf_put_u64(run, 0);
  kv_begin_key(L, run);
  lua_key_write(L, -1, run, argument);
  return at;
}

/* Writes the sizes of what was appended since `at`. Refuses a run, now of `count` pairs, that is already over the limit. */
static void end_one(lua_State *L, struct buf *run, size_t at, size_t key_end, lua_Integer count) {
  size_t bytes = run->size - (size_t)count * SIZES, limit = (size_t)vm_of(L)->config.limits->commit_bytes;
  write_u32(run->data + at, (uint32_t)(key_end - at - SIZES));
  write_u32(run->data + at + 4, (uint32_t)(run->size - key_end));
  if (bytes > limit) {
    raise_host(L, ERR_TOO_LARGE, "more than %zu bytes in one batch, the limit of a commit " LIMIT_NAME(COMMIT_BYTES), limit);
  }
  budget_check(L);
}

/* The size of the commit with the run written, each key counted once. [-0, +0, v] */
static size_t exact_bytes(lua_State *L, struct slice rest, bool deletes) {
  const struct view *view = kv_view(L);
  struct slice key, value, found;
  size_t bytes = drafts_bytes(view->drafts);
  lua_newtable(L);                                                   /* sizes */
  while (take(&rest, &key, &value)) {
    if (deletes && view_get(view, key, &found) != ERR_NONE) continue;
    lua_pushlstring(L, (const char *)key.data, key.size);            /* sizes key */
    lua_pushvalue(L, -1);
    bool again = lua_rawget(L, -3) != LUA_TNIL;                      /* sizes key size */
    bytes += key.size + value.size;
    bytes -= again ? (size_t)lua_tointeger(L, -1) : drafts_bytes_of(view->drafts, key);
    lua_pop(L, 1);                                                   /* sizes key */
    lua_pushinteger(L, (lua_Integer)(key.size + value.size));
    lua_rawset(L, -3);                                               /* sizes */
  }
  lua_pop(L, 1);                                                     /* - */
  return bytes;
}

/* Raises if the turn has no room for the run of `count` pairs. [-0, +0, v] */
static void check_room(lua_State *L, struct slice run, lua_Integer count, bool deletes) {
  size_t bytes = drafts_bytes(kv_view(L)->drafts) + run.size - (size_t)count * SIZES;
  if (bytes > vm_of(L)->config.limits->commit_bytes) raise_over_commit(L, exact_bytes(L, run, deletes));
}

/* -- put_batch -- */

/* Pushes key and value of the entry on top of the stack. [-0, +2, v] */
static void push_entry(lua_State *L, lua_Integer place) {
  struct argument argument = { .name = "entries", .position = place };
  bool marked;
  int at = lua_gettop(L) + 1;
  lua_settop(L, at + 1);                                             /* entry nil nil */
  if (!walk_plain_table(L, at - 1, &marked)) {                       /* entry nil nil data */
    raise_about(L, ERR_INTERNAL, &argument, "a table { key = k, value = v }, not a %s", walk_typename(L, at - 1));
  }
  lua_pushnil(L);                                                    /* entry nil nil data name */
  while (lua_next(L, -2)) {                                          /* entry nil nil data name value */
    bool key = vm_is_text(L, -2, "key");
    if (!key && !vm_is_text(L, -2, "value")) {
      const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
      raise_about(L, ERR_INTERNAL, &argument, "unknown field \"%.64s\"; an entry has key and value", name);
    }
    lua_replace(L, key ? at : at + 1);                               /* entry key value data name */
  }
  lua_pop(L, 1);                                                     /* entry key value */
}

static void prepare_put(lua_State *L, lua_Integer place, bool bytes, struct buf *run) {
  const struct argument key = { .name = "entries", .position = place, .field = "key" };
  const struct argument value = { .name = "entries", .position = place, .field = "value" };
  lua_rawgeti(L, -1, place);                                         /* entry */
  push_entry(L, place);                                              /* entry key value */
  lua_insert(L, -2);                                                 /* entry value key */
  size_t at = begin_one(L, &key, run);
  size_t key_end = run->size;
  kv_write_value(L, lua_gettop(L) - 1, bytes, &value, run);
  end_one(L, run, at, key_end, place);
  lua_pop(L, 3);                                                     /* - */
}

/* kv:put_batch(entries [, opts])   [-0, +0, v] */
int kv_batch_put(lua_State *L) {
  struct drafts *drafts;
  struct slice rest, key, value;
  kv_check(L);
  lua_settop(L, 3);                                                  /* kv entries options */
  bool bytes = kv_range_read_format(L, 3);
  lua_Integer count = check_sequence(L, 2, "entries", "entries");    /* kv entries options data */
  struct buf *run = vm_begin_value(vm_of(L), 0);
  for (lua_Integer i = 1; i <= count; i++) prepare_put(L, i, bytes, run);
  check_room(L, buf_slice(run), count, false);
  rest = buf_slice(run);
  while (take(&rest, &key, &value)) {
    if (view_reach(kv_view(L), key) != ERR_NONE) return kv_fail_storage(L);
  }
  drafts = kv_view(L)->drafts;
  rest = buf_slice(run);
  while (take(&rest, &key, &value)) {
    if (!drafts_try_put(drafts, key, value)) return budget_stop(L, ERR_MEMORY);
  }
  return 0;
}

/* -- delete_batch -- */

/* Deletes a key, and returns whether it was there. A failure in the middle of a batch stops the call, which is undone. */
static bool delete_one(lua_State *L, struct slice key) {
  const struct view *view = kv_view(L);
  struct slice value;
  enum err err = view_get(view, key, &value);
  if (err == ERR_NOT_FOUND) return false;
  if (err != ERR_NONE) budget_stop(L, ERR_STORAGE);
  if (!drafts_try_delete(view->drafts, key)) budget_stop(L, ERR_MEMORY);
  return true;
}

/* kv:delete_batch(keys) -> how many were there   [-0, +1, v] */
int kv_batch_delete(lua_State *L) {
  kv_check(L);
  struct slice rest, key, value;
  lua_Integer deleted = 0;
  lua_settop(L, 2);                                                  /* kv keys */
  lua_Integer count = check_sequence(L, 2, "keys", "keys");          /* kv keys data */
  struct buf *run = vm_begin_value(vm_of(L), 0);
  for (lua_Integer i = 1; i <= count; i++) {
    const struct argument argument = { .name = "keys", .position = i };
    lua_rawgeti(L, 3, i);                                            /* kv keys data key */
    size_t at = begin_one(L, &argument, run);
    end_one(L, run, at, run->size, i);
    lua_pop(L, 1);                                                   /* kv keys data */
  }
  check_room(L, buf_slice(run), count, true);
  rest = buf_slice(run);
  while (take(&rest, &key, &value)) deleted += delete_one(L, key);
  lua_pushinteger(L, deleted);                                       /* kv keys data deleted */
  return 1;
}
