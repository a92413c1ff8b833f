/* store_reader.c -- reads records, and scans them, long keys and short ones in one order. */
#include <sys/mman.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/store_env.h"

_Static_assert((STORE_KEY_FIT - 1) + (STORE_KEY_LEVELS_MAX - 1) * (STORE_KEY_FIT - STORE_KEY_HEAD_MAX) >= STORE_KEY_MAX,
               "the longest key needs more levels");
_Static_assert(STORE_SHORT_MAX == STORE_KEY_FIT - 1, "a short key fits behind its head");

enum err store_get_pointer(const struct store *store, MDB_txn *txn, const struct store_key *where, struct slice key,
                           uint64_t *id) {
  MDB_val at = store_key_val(where), stored;
  int rc = mdb_get(txn, store->dbi, &at, &stored);
  if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
  if (rc != 0) return store_failed(store, ERR_STORAGE, "to read", rc);
  return store_key_open_pointer(val_slice(at), val_slice(stored), id) ? ERR_NONE : store_damaged(store, key);
}

static int reader_open(struct store_reader *reader) {
  int rc = mdb_txn_begin(reader->store->env, NULL, MDB_RDONLY, &reader->txn);
  if (rc != 0) return rc;
  for (size_t i = 0; i < STORE_KEY_LEVELS_MAX && rc == 0; i++) {
    rc = mdb_cursor_open(reader->txn, reader->store->dbi, &reader->levels[i].cursor);
  }
  if (rc == 0) rc = mdb_cursor_open(reader->txn, reader->store->dbi, &reader->single);
  mdb_txn_reset(reader->txn);
  return rc;
}

enum err store_reader_open(struct store *store, struct store_reader **reader, struct failure *failure) {
  *reader = NULL;
  struct store_reader *made = mem_zero(sizeof *made);
  made->store = store;
  made->levels[0].head_size = store_key_put_head(made->levels[0].head, 0);
  atomic_fetch_add(&store->readers, 1);
  int rc = reader_open(made);
  if (rc != 0) {
    store_reader_close(made);
    return failure_set(failure, store_err(rc), "the store %s takes no reader: %s", store->path, mdb_strerror(rc));
  }
  *reader = made;
  return ERR_NONE;
}

void store_reader_close(struct store_reader *reader) {
  if (reader == NULL) return;
  for (size_t i = 0; i < STORE_KEY_LEVELS_MAX; i++) {
    if (reader->levels[i].cursor != NULL) mdb_cursor_close(reader->levels[i].cursor);
  }
  if (reader->single != NULL) mdb_cursor_close(reader->single);
  if (reader->txn != NULL) mdb_txn_abort(reader->txn);
  atomic_fetch_sub(&reader->store->readers, 1);
  mem_free(reader);
}

void store_reader_reset(struct store_reader *reader) {
  if (reader->live) mdb_txn_reset(reader->txn);
  reader->live = false;
  reader->placed = false;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

enum err store_reader_begin(struct store_reader *reader) {
  if (reader->live) return ERR_NONE;
  int rc = mdb_txn_renew(reader->txn);
  if (rc != 0) return store_failed(reader->store, ERR_STORAGE, "to take a snapshot", rc);
  reader->live = true;
  CHECK_THAT(mdb_cursor_renew(reader->txn, reader->levels[0].cursor), ==, 0);
  CHECK_THAT(mdb_cursor_renew(reader->txn, reader->single), ==, 0);
  return ERR_NONE;
}

/* Finds where a key belongs. ERR_NOT_FOUND: nowhere, since no pointer leads there. */
static enum err reader_find(struct store_reader *reader, struct slice key, struct store_key *where) {
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  enum err err = store_reader_begin(reader);
  store_key_put(where, 0, key);
  while (err == ERR_NONE && where->cut) {
    uint64_t id;
    err = store_get_pointer(reader->store, reader->txn, where, key, &id);
    if (err == ERR_NONE) store_key_put(where, id, where->rest);
  }
  return err;
}

enum err store_get(struct store_reader *reader, struct slice key, struct slice *value) {
  struct store_key where;
  enum err err = reader_find(reader, key, &where);
  if (err == ERR_NOT_FOUND) return store_confirm_absence(reader, &where, key);
  if (err != ERR_NONE) return err;
  MDB_val at = store_key_val(&where), stored;
  int rc = mdb_get(reader->txn, reader->store->dbi, &at, &stored);
  if (rc == MDB_NOTFOUND) return store_confirm_absence(reader, &where, key);
  if (rc != 0) return store_failed(reader->store, ERR_STORAGE, "to read", rc);
  return store_key_open(val_slice(stored), key, value) ? ERR_NONE : store_damaged(reader->store, key);
}

enum err store_reach(struct store_reader *reader, struct slice key) {
  struct store_key where;
  enum err err = reader_find(reader, key, &where);
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Steps down into the continuation that a pointer names. False if that is deeper than any key is long. */
static bool reader_descend(struct store_reader *reader, struct slice part, uint64_t id) {
  if (reader->depth + 1 == STORE_KEY_LEVELS_MAX) return false;
  const struct level *upper = &reader->levels[reader->depth];
  memcpy(reader->key + upper->above, part.data, part.size);
  struct level *lower = &reader->levels[++reader->depth];
  lower->above = upper->above + part.size;
  lower->head_size = store_key_put_head(lower->head, id);
  if (!reader->writes) CHECK_THAT(mdb_cursor_renew(reader->txn, lower->cursor), ==, 0);
  return true;
}

/* After MDB_SET_RANGE has looked for the first LMDB key behind the wanted one: goes to the one before it. */
static int cursor_back(MDB_cursor *cursor, int rc, MDB_val *at, MDB_val *stored) {
  if (rc == MDB_NOTFOUND) return mdb_cursor_get(cursor, at, stored, MDB_LAST);
  return rc != 0 ? rc : mdb_cursor_get(cursor, at, stored, MDB_PREV);
}

/* Puts the cursor of a level that was just entered at its first record, or in reverse at its last. */
static int reader_enter(const struct store_reader *reader, uint64_t id, MDB_val *at, MDB_val *stored) {
  uint8_t head[STORE_KEY_HEAD_MAX];
  MDB_cursor *cursor = reader->levels[reader->depth].cursor;
  *at = val_of(head, store_key_put_head(head, reader->reverse ? id + 1 : id));
  int rc = mdb_cursor_get(cursor, at, stored, MDB_SET_RANGE);
  return reader->reverse ? cursor_back(cursor, rc, at, stored) : rc;
}

/* The system reads no page before it is asked for (store_env.c). A scan that goes from page to page in the order of the file
 * asks for the pages ahead: otherwise it would wait for the disk at each. */
static void look_ahead(struct store_reader *reader) {
  enum { PAGE = 4096, NEAR = 16 * PAGE, WINDOW = 64 * PAGE, SURE = 3 };
  uintptr_t page = (uintptr_t)reader->stored.mv_data & ~(uintptr_t)(PAGE - 1), last = reader->page;
  if (page == last || reader->writes || page < WINDOW) return;
  bool forward = page > last;
  uintptr_t step = forward ? page - last : last - page;
  reader->page = page;
  reader->steps = step <= NEAR && forward == reader->forward ? reader->steps + 1 : 0;
  reader->forward = forward;
  if (reader->steps < SURE) reader->ahead = page;
  bool is_far = forward ? reader->ahead > page + WINDOW / 2 : reader->ahead < page - WINDOW / 2;
  if (reader->steps < SURE || is_far) return;
  (void)madvise((void *)(forward ? page : page - WINDOW), WINDOW, MADV_WILLNEED);    /* if refused, it is slower */
  reader->ahead = forward ? page + WINDOW : page - WINDOW;
}

/* Gives the key of the record at `at`, put together with the part that the levels above hold. */
static enum err reader_give(struct store_reader *reader, MDB_val at, MDB_val stored, struct slice *found) {
  const struct level *level = &reader->levels[reader->depth];
  struct slice key = slice_after(val_slice(at), level->head_size);
  if (reader->depth > 0) {
    memcpy(reader->key + level->above, key.data, key.size);
    key = slice_of(reader->key, level->above + key.size);
  }
  reader->broken = false;
  reader->stored = stored;
  reader->found = *found = key;
  look_ahead(reader);
  return ERR_NONE;
}

/* Behind a damaged pointer, only the beginning of keys is known: gives the first key that could be there. */
static enum err reader_give_broken(struct store_reader *reader, struct slice part, struct slice *found) {
  size_t above = reader->levels[reader->depth].above;
  memcpy(reader->key + above, part.data, part.size);
  reader->key[above + part.size] = 0;
  reader->broken = true;
  reader->found = *found = slice_of(reader->key, above + part.size + 1);
  return ERR_NONE;
}

/* Carries a step of the cursor through to a record: down at a pointer, up at the end of a continuation. */
static enum err reader_carry(struct store_reader *reader, int rc, MDB_val at, MDB_val stored, struct slice *found) {
  for (;;) {
    const struct level *level = &reader->levels[reader->depth];
    if (rc != 0 && rc != MDB_NOTFOUND) return store_failed(reader->store, ERR_STORAGE, "to read", rc);
    bool inside = rc == 0 && slice_begins(val_slice(at), slice_of(level->head, level->head_size));
    if (inside && at.mv_size <= STORE_KEY_FIT) return reader_give(reader, at, stored, found);
    if (inside) {
      uint64_t id;
      struct slice part = slice_of((uint8_t *)at.mv_data + level->head_size, STORE_KEY_FIT - level->head_size);
      if (!store_key_open_pointer(val_slice(at), val_slice(stored), &id) || !reader_descend(reader, part, id)) {
        return reader_give_broken(reader, part, found);
      }
      rc = reader_enter(reader, id, &at, &stored);
    } else if (reader->depth > 0) {
      reader->depth--;
      MDB_cursor *cursor = reader->levels[reader->depth].cursor;
      rc = mdb_cursor_get(cursor, &at, &stored, reader->reverse ? MDB_PREV : MDB_NEXT);
    } else {
      reader->ended = true;
      return ERR_NOT_FOUND;
    }
  }
}

enum err store_seek(struct store_reader *reader, struct slice key, bool reverse, struct slice *found) {
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  enum err err = store_reader_begin(reader);
  if (err != ERR_NONE) return err;
  reader->placed = true;
  reader->ended = false;
  reader->reverse = reverse;
  reader->depth = 0;
  struct store_key where;
  store_key_put(&where, 0, key);
  for (;;) {
    const struct level *level = &reader->levels[reader->depth];
    MDB_val at = store_key_val(&where), stored;
    int rc = mdb_cursor_get(level->cursor, &at, &stored, MDB_SET_RANGE);
    bool exact = rc == 0 && slice_equal(val_slice(at), slice_of(where.bytes, where.size));
    if (!exact || !where.cut) {
      if (reverse && !exact) rc = cursor_back(level->cursor, rc, &at, &stored);
      return reader_carry(reader, rc, at, stored, found);
    }
    uint64_t id;
    struct slice part = slice_of(where.bytes + level->head_size, STORE_KEY_FIT - level->head_size);
    if (!store_key_open_pointer(val_slice(at), val_slice(stored), &id) || !reader_descend(reader, part, id)) {
      return reader_give_broken(reader, part, found);
    }
    store_key_put(&where, id, where.rest);
  }
}

enum err store_next(struct store_reader *reader, struct slice *found) {
  CHECK(reader->placed);
  if (reader->ended) return ERR_NOT_FOUND;
  MDB_val at, stored;
  MDB_cursor *cursor = reader->levels[reader->depth].cursor;
  int rc = mdb_cursor_get(cursor, &at, &stored, reader->reverse ? MDB_PREV : MDB_NEXT);
  return reader_carry(reader, rc, at, stored, found);
}

enum err store_astray(const struct store_reader *reader, struct slice key) {
  return store_damaged(reader->store, key);
}

enum err store_value(const struct store_reader *reader, struct slice *value) {
  CHECK(reader->live && reader->placed && !reader->ended);
  if (!reader->broken && store_key_open(val_slice(reader->stored), reader->found, value)) return ERR_NONE;
  return store_damaged(reader->store, reader->found);
}

static uint64_t pages_of(MDB_stat stat) {
  return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* The file consists of two pages of LMDB's own, those of its two trees, and the free ones. */
uint64_t store_unused_bytes(struct store_reader *reader) {
  enum { FREE_TREE = 0, META_PAGES = 2 };
  MDB_envinfo info;
  MDB_stat records, free_pages;
  if (store_reader_begin(reader) != ERR_NONE) return 0;
  int rc = mdb_env_info(reader->store->env, &info);
  if (rc == 0) rc = mdb_stat(reader->txn, reader->store->dbi, &records);
  if (rc == 0) rc = mdb_stat(reader->txn, FREE_TREE, &free_pages);
  if (rc != 0) return 0;
  uint64_t all = (uint64_t)info.me_last_pgno + 1, used = META_PAGES + pages_of(records) + pages_of(free_pages);
  return all > used ? (all - used) * records.ms_psize : 0;
}

int store_reader_begin_in_batch(struct store_reader *reader, struct store *store) {
  *reader = (struct store_reader){ .store = store, .txn = store->txn, .live = true, .writes = true };
  reader->levels[0].head_size = store_key_put_head(reader->levels[0].head, 0);
  int rc = 0;
  for (size_t i = 0; i < STORE_KEY_LEVELS_MAX && rc == 0; i++) {
    rc = mdb_cursor_open(store->txn, store->dbi, &reader->levels[i].cursor);
  }
  return rc;
}

void store_reader_end_in_batch(struct store_reader *reader) {
  for (size_t i = 0; i < STORE_KEY_LEVELS_MAX; i++) {
    if (reader->levels[i].cursor != NULL) mdb_cursor_close(reader->levels[i].cursor);
  }
}
