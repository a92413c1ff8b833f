/* store_batch.c -- writes records, long keys and short ones; a batch of them at a time. */
#include <errno.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/store_env.h"

static int record_put(struct store *store, MDB_val at, struct slice key, struct slice value, unsigned flags) {
  MDB_val room = val_of(NULL, STORE_KEY_CRC_SIZE + value.size);
  int rc = mdb_put(store->txn, store->dbi, &at, &room, MDB_RESERVE | flags);
  if (rc == 0) store_key_seal(room.mv_data, key, value);
  return rc;
}

/* Notes an error within a batch: whatever it was, nothing of the batch is on disk once it is aborted. */
static enum err batch_failed(struct store *store, int rc) {
  store->batch_failed = true;
  return store_failed(store, ERR_STORAGE, "to write", rc);
}

enum err store_begin(struct store *store) {
  CHECK(store->txn == NULL);
  if (store->lost) return ERR_FATAL;
  store->batch_failed = false;
  /* Otherwise a reader whose process was killed would keep its pages from ever being reused. */
  int dead;
  (void)mdb_reader_check(store->env, &dead);
  int rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
  if (rc == 0) return ERR_NONE;
  store->txn = NULL;
  store->lost = rc == MDB_PANIC;
  store->lost_rc = rc;
  return store_failed(store, store->lost ? ERR_FATAL : ERR_STORAGE, "to begin a batch", rc);
}

/* Finds the first LMDB key that begins with some bytes or comes after them; with NULL, the last key of all. */
static int batch_find(struct store *store, const uint8_t *from, size_t size, MDB_val *at) {
  MDB_cursor *cursor;
  int rc = mdb_cursor_open(store->txn, store->dbi, &cursor);
  if (rc != 0) return rc;
  MDB_val stored;
  *at = val_of(from, size);
  rc = mdb_cursor_get(cursor, at, &stored, from == NULL ? MDB_LAST : MDB_SET_RANGE);
  mdb_cursor_close(cursor);
  return rc;
}

/* Makes a pointer. The id of a new continuation is one more than the highest in use. That is the one in the last LMDB key of
 * all, or `*id`, that of the continuation that the pointer goes into, which may hold nothing yet. */
static int pointer_make(struct store *store, const struct store_key *where, uint64_t *id) {
  MDB_val last;
  int rc = batch_find(store, NULL, 0, &last);
  if (rc != 0 && rc != MDB_NOTFOUND) return rc;
  const uint8_t *bytes = last.mv_data;
  uint64_t highest = rc == 0 && bytes[0] == 'z' && last.mv_size >= STORE_KEY_HEAD_MAX ? read_u64(bytes + 1) : 0;
  *id = (highest > *id ? highest : *id) + 1;
  uint8_t value[STORE_KEY_ID_SIZE];
  write_u64(value, *id);
  return record_put(store, store_key_val(where), store_key_slice(where), slice_of(value, sizeof value), 0);
}

enum err store_put(struct store *store, struct slice key, struct slice value) {
  CHECK(store->txn != NULL && !store->batch_failed);
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  struct store_key where;
  uint64_t id = 0;
  store_key_put(&where, id, key);
  while (where.cut) {
    enum err err = store_get_pointer(store, store->txn, &where, key, &id);
    if (err == ERR_NOT_FOUND) {
      int rc = pointer_make(store, &where, &id);
      if (rc != 0) return batch_failed(store, rc);
    } else if (err != ERR_NONE) {
      store->batch_failed = true;
      return err;
    }
    store_key_put(&where, id, where.rest);
  }
  int rc = record_put(store, store_key_val(&where), key, value, 0);
  return rc == 0 ? ERR_NONE : batch_failed(store, rc);
}

enum err store_append(struct store *store, struct slice key, struct slice value) {
  CHECK(store->txn != NULL && !store->batch_failed);
  struct store_key where;
  store_key_put(&where, 0, key);
  if (where.cut) return store_put(store, key, value);
  int rc = record_put(store, store_key_val(&where), key, value, MDB_APPEND);
  if (rc == 0) return ERR_NONE;
  /* The continuations of long keys are behind all other keys. */
  return rc == MDB_KEYEXIST ? store_put(store, key, value) : batch_failed(store, rc);
}

/* After a delete at the end of a path: removes each pointer whose continuation has become empty. */
static int path_prune(struct store *store, const struct store_key *path, size_t depth) {
  for (; depth > 0; depth--) {
    MDB_val at;
    const uint8_t *head = path[depth].bytes;
    int rc = batch_find(store, head, STORE_KEY_HEAD_MAX, &at);
    if (rc != 0 && rc != MDB_NOTFOUND) return rc;
    if (rc == 0 && slice_begins(val_slice(at), slice_of(head, STORE_KEY_HEAD_MAX))) return 0;
    at = store_key_val(&path[depth - 1]);
    rc = mdb_del(store->txn, store->dbi, &at, NULL);
    if (rc != 0) return rc;
  }
  return 0;
}

/* Deletes a record. ERR_NOT_FOUND: there was none. */
static enum err delete_one(struct store *store, struct slice key) {
  struct store_key path[STORE_KEY_LEVELS_MAX];
  size_t depth = 0;
  store_key_put(&path[0], 0, key);
  while (path[depth].cut) {
    uint64_t id;
    enum err err = store_get_pointer(store, store->txn, &path[depth], key, &id);
    if (err == ERR_NOT_FOUND) return err;
    if (err != ERR_NONE) {
      store->batch_failed = true;
      return err;
    }
    store_key_put(&path[depth + 1], id, path[depth].rest);
    depth++;
  }
  MDB_val at = store_key_val(&path[depth]);
  int rc = mdb_del(store->txn, store->dbi, &at, NULL);
  if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
  if (rc == 0) rc = path_prune(store, path, depth);
  return rc == 0 ? ERR_NONE : batch_failed(store, rc);
}

enum err store_delete(struct store *store, struct slice key) {
  CHECK(store->txn != NULL && !store->batch_failed);
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  enum err err = delete_one(store, key);
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err delete_here(struct store *store, const struct store_reader *reader) {
  int rc = mdb_cursor_del(reader->levels[reader->depth].cursor, 0);
  return rc == 0 ? ERR_NONE : batch_failed(store, rc);
}

/* Deletes a damaged pointer, if everything that can be behind it is to be deleted. What is behind it stays, out of reach. */
static enum err delete_broken(struct store *store, const struct store_reader *reader, struct slice from, struct slice to) {
  struct slice begin = slice_of(reader->found.data, reader->found.size - 1);
  if (slice_compare(reader->found, from) < 0 || slice_begins(to, begin)) return store_damaged(store, reader->found);
  return delete_here(store, reader);
}

enum err store_delete_some(struct store *store, struct slice from, struct slice to, size_t count_max, size_t *count) {
  CHECK(store->txn != NULL && !store->batch_failed);
  *count = 0;
  struct store_reader *reader = mem_try_zero(sizeof *reader);
  if (reader == NULL) return batch_failed(store, ENOMEM);
  uint8_t key[STORE_KEY_MAX];
  struct slice found;
  int rc = store_reader_begin_in_batch(reader, store);
  enum err err = rc == 0 ? ERR_NONE : batch_failed(store, rc);
  /* Seek anew each time: what a delete does to the cursors of a continuation is not worth knowing. */
  while (err == ERR_NONE && *count < count_max) {
    err = store_seek(reader, from, false, &found);
    if (err != ERR_NONE || slice_compare(found, to) >= 0) break;
    if (reader->broken) {
      err = delete_broken(store, reader, from, to);
    } else if (found.size > STORE_KEY_MAX) {
      err = store_damaged(store, found);
    } else {
      memcpy(key, found.data, found.size);
      err = delete_one(store, slice_of(key, found.size));
      /* Met by a scan but not found: its key is damaged, here or on the way, and we would meet it for ever. */
      if (err == ERR_NOT_FOUND) err = delete_here(store, reader);
    }
    *count += err == ERR_NONE;
  }
  store_reader_end_in_batch(reader);
  mem_free(reader);
  if (err == ERR_STORAGE) store->batch_failed = true;
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static bool is_for_want_of_room(int rc) {
  return rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == ENOMEM || rc == MDB_MAP_FULL || rc == MDB_TXN_FULL;
}

/* LMDB says EIO for a failed sync, but also for a write that a full disk, a quota or a limit on the size of files cut short.
 * The system tells each open file, once, that bytes did not reach the disk; so the witness, which syncs nothing else, is told
 * too. */
static bool is_short_write(const struct store *store, int rc) {
  if (rc != EIO) return false;
  int error = disk_sync_data(store->witness, NULL);
  return error == 0 || is_for_want_of_room(error);
}

/* LMDB writes and syncs all pages before the meta page that makes them count. If it could not write that one, it begins no
 * more transactions: so one that begins proves that nothing happened. */
static bool is_usable(struct store *store) {
  MDB_txn *txn;
  if (mdb_txn_begin(store->env, NULL, 0, &txn) != 0) return false;
  mdb_txn_abort(txn);
  return true;
}

enum err store_commit(struct store *store) {
  CHECK(store->txn != NULL && !store->batch_failed);
  if (store->faults != NULL && faults_take_write(store->faults)) {
    store_abort(store);
    return store_failed(store, ERR_STORAGE, "to commit", ENOSPC);
  }
  if (store->faults != NULL && faults_take_sync(store->faults)) {
    store_abort(store);
    store->lost = true;
    store->lost_rc = EIO;
    return store_failed(store, ERR_FATAL, "to sync", EIO);
  }
  int rc = mdb_txn_commit(store->txn);
  store->txn = NULL;
  if (rc == 0) return ERR_NONE;
  bool is_short = is_short_write(store, rc);
  store->lost = !(is_short || is_for_want_of_room(rc)) || !is_usable(store);
  store->lost_rc = rc;
  return store_failed(store, store->lost ? ERR_FATAL : ERR_STORAGE,
                      is_short ? "to commit, a write was cut short (no room, a quota, or a limit on files)" : "to commit", rc);
}

void store_abort(struct store *store) {
  CHECK(store->txn != NULL);
  mdb_txn_abort(store->txn);
  store->txn = NULL;
}

const char *store_reason(const struct store *store) {
  return mdb_strerror(store->lost_rc);
}
