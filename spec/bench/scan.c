/* scan.c -- what a scan costs at the least: a loop over records in LMDB that makes the Lua tables of kv:list.
 *
 *   scan FOLDER COUNT SECONDS
 *
 * Makes the records in the empty FOLDER: keys of 18 bytes (an actor's id, a space, a number), values of 39. Then scans
 * them again and again, each time into a new array of { key = { number }, value = text }. Prints one line: calls=N
 * p50_us=N. */
#include <lauxlib.h>
#include <lmdb.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY_BYTES = 18, CALLS_MAX = 100000, FIRST = 1000000 };

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int compare(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return (left > right) - (left < right);
}

static void check(int rc) {
  if (rc == MDB_SUCCESS) return;
  fprintf(stderr, "scan: %s\n", mdb_strerror(rc));
  exit(1);
}

static void put_u64(unsigned char *to, uint64_t number) {
  for (int i = 0; i < 8; i++) to[i] = (unsigned char)(number >> (56 - 8 * i));
}

static uint64_t get_u64(const unsigned char *from) {
  uint64_t number = 0;
  for (int i = 0; i < 8; i++) number = number << 8 | from[i];
  return number;
}

static MDB_env *make_records(const char *folder, uint64_t count, MDB_dbi *dbi) {
  MDB_env *env;
  MDB_txn *txn;
  check(mdb_env_create(&env));
  check(mdb_env_set_mapsize(env, (size_t)1 << 30));
  check(mdb_env_open(env, folder, MDB_NOTLS, 0600));
  check(mdb_txn_begin(env, NULL, 0, &txn));
  check(mdb_dbi_open(txn, NULL, 0, dbi));
  for (uint64_t i = FIRST; i < FIRST + count; i++) {
    unsigned char key[KEY_BYTES] = { 0, 0, 0, 0, 0, 0, 0, 1, 'k', 0x15 };
    char value[64];
    put_u64(key + 10, i);
    int length = snprintf(value, sizeof value, "value of entry %llu, version 0000000", (unsigned long long)i);
    check(mdb_put(txn, *dbi, &(MDB_val){ KEY_BYTES, key }, &(MDB_val){ (size_t)length, value }, MDB_APPEND));
  }
  check(mdb_txn_commit(txn));
  return env;
}

/* One scan, within a pcall: `L` may run out of memory.   [-0, +1] */
static int scan(lua_State *L) {
  MDB_cursor *cursor = lua_touserdata(L, 1);
  lua_newtable(L);                                            /* list */
  MDB_val key, value;
  lua_Integer n = 0;
  for (int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); rc == 0;
       rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
    lua_createtable(L, 0, 2);                                 /* list, entry */
    lua_createtable(L, 1, 0);                                 /* list, entry, key */
    lua_pushinteger(L, (lua_Integer)get_u64((const unsigned char *)key.mv_data + 10));
    lua_rawseti(L, -2, 1);
    lua_setfield(L, -2, "key");                               /* list, entry */
    lua_pushlstring(L, value.mv_data, value.mv_size);
    lua_setfield(L, -2, "value");
    lua_rawseti(L, -2, ++n);                                  /* list */
  }
  return 1;
}

int main(int count, char **arguments) {
  static uint32_t took[CALLS_MAX];
  if (count != 4) return fprintf(stderr, "usage: scan FOLDER COUNT SECONDS\n"), 2;
  uint64_t entries = strtoull(arguments[2], NULL, 10);
  MDB_dbi dbi;
  MDB_env *env = make_records(arguments[1], entries, &dbi);
  lua_State *L = luaL_newstate();
  size_t calls = 0;
  uint64_t end = now_us() + (uint64_t)(strtod(arguments[3], NULL) * 1e6);
  for (uint64_t begun = now_us(), done; begun < end && calls < CALLS_MAX; begun = done) {
    MDB_txn *txn;
    MDB_cursor *cursor;
    check(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    check(mdb_cursor_open(txn, dbi, &cursor));
    lua_pushcfunction(L, scan);
    lua_pushlightuserdata(L, cursor);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) return fprintf(stderr, "scan: %s\n", lua_tostring(L, -1)), 1;
    if (lua_rawlen(L, -1) != entries) return fprintf(stderr, "scan: not all entries\n"), 1;
    lua_pop(L, 1);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    done = now_us();
    took[calls++] = (uint32_t)(done - begun);
  }
  qsort(took, calls, sizeof *took, compare);
  printf("calls=%zu p50_us=%u\n", calls, calls ? took[calls / 2] : 0);
  lua_close(L);
  mdb_env_close(env);
  return 0;
}
