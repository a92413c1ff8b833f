/* store.c -- records in LMDB: keys of any length in exact order, a checksum on each record. */
#include "ledger/store.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "ledger/crc.h"

enum {
  FIT = 510,            /* bytes of an LMDB key that holds a key to its end */
  CUT = FIT + 1,        /* bytes of the LMDB key of a pointer to a continuation; LMDB takes no more */
  HEAD_MAX = 9,         /* `r`, or `z` and an id */
  LEVELS_MAX = 9,       /* the top and the continuations that the longest key needs */
  CRC_SIZE = 4,
  ID_SIZE = 8,
  HEX_BYTES_MAX = 64,   /* of a key that is named in the log */
  ROOM_MIN = 1 << 20    /* a disk with less than this free counts as full */
};

_Static_assert((FIT - 1) + (LEVELS_MAX - 1) * (FIT - HEAD_MAX) >= STORE_KEY_MAX, "the longest key needs more levels");

struct store {
  char *path;
  MDB_env *env;
  MDB_dbi dbi;
  MDB_txn *txn;             /* of the batch, or NULL */
  bool batch_failed;        /* it can only be aborted */
  bool lost;                /* it is unknown what is on disk: nothing is written any more */
  atomic_uint readers;
  const struct logger *logger;
  struct faults *faults;
};

/* One continuation on the way down to where the cursor is, or the top. */
struct level {
  MDB_cursor *cursor;
  uint8_t head[HEAD_MAX];   /* with which all LMDB keys of this level begin */
  size_t head_size;
  size_t above;             /* bytes of the key that the levels above hold */
};

struct store_reader {
  struct store *store;
  MDB_txn *txn;
  bool live;                /* has a snapshot */
  bool writes;              /* its transaction is that of the batch */
  bool placed;              /* the cursor is somewhere, be it at the end */
  bool ended;
  bool reverse;
  size_t depth;             /* of the level where the cursor is */
  struct level levels[LEVELS_MAX];
  uint8_t key[LEVELS_MAX * FIT];   /* a long key, put together again */
};

/* ---- errors ---------------------------------------------------------------------------------------------- */

static enum err store_failed(const struct store *store, enum err err, const char *what, int rc) {
  logger_printf(store->logger, LOG_ERROR, "the store failed %s: %s", what, mdb_strerror(rc));
  return err;
}

static enum err store_damaged(const struct store *store, struct slice key) {
  char hex[2 * HEX_BYTES_MAX + sizeof "..."];
  size_t count = key.size < HEX_BYTES_MAX ? key.size : HEX_BYTES_MAX;
  for (size_t i = 0; i < count; i++) {
    hex[2 * i] = "0123456789abcdef"[key.data[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[key.data[i] & 15];
  }
  memcpy(hex + 2 * count, "...", sizeof "...");
  struct slice text = slice_of(hex, 2 * count + (count < key.size ? 3 : 0));
  const struct log_field fields[] = {{ "key", text }};
  logger_event(store->logger, LOG_ERROR, slice_text("a damaged record in the store is not served"), fields, 1);
  return ERR_STORAGE;
}

/* ---- bytes ----------------------------------------------------------------------------------------------- */

static struct slice val_slice(MDB_val val) {
  return slice_of(val.mv_data, val.mv_size);
}

static MDB_val val_of(const void *data, size_t size) {
  return (MDB_val){ .mv_size = size, .mv_data = (void *)data };
}

static uint32_t crc_of(struct slice key, struct slice value) {
  return crc_end(crc_add(crc_add(CRC_BEGIN, key), value));
}

/* What an LMDB value holds behind its checksum; false where that is wrong. */
static bool record_open(MDB_val stored, struct slice key, struct slice *value) {
  if (stored.mv_size < CRC_SIZE) return false;
  struct slice held = slice_after(val_slice(stored), CRC_SIZE);
  if (read_u32(stored.mv_data) != crc_of(key, held)) return false;
  *value = held;
  return true;
}

static int record_put(MDB_txn *txn, MDB_dbi dbi, MDB_val at, struct slice key, struct slice value) {
  MDB_val room = val_of(NULL, CRC_SIZE + value.size);
  int rc = mdb_put(txn, dbi, &at, &room, MDB_RESERVE);
  if (rc != 0) return rc;
  uint32_t crc = htobe32(crc_of(key, value));
  memcpy(room.mv_data, &crc, CRC_SIZE);
  if (value.size > 0) memcpy((uint8_t *)room.mv_data + CRC_SIZE, value.data, value.size);
  return 0;
}

/* ---- places: where a key, or what a pointer left of it, stands -------------------------------------------- */

struct place {
  uint8_t bytes[CUT];       /* the LMDB key */
  size_t size;
  bool cut;                 /* the LMDB key is that of a pointer, and `rest` stands in its continuation */
  struct slice rest;
};

/* The bytes with which a level's LMDB keys begin; id 0 is the top. */
static size_t head_put(uint8_t *head, uint64_t id) {
  head[0] = id == 0 ? 'r' : 'z';
  if (id == 0) return 1;
  uint64_t id_bytes = htobe64(id);
  memcpy(head + 1, &id_bytes, ID_SIZE);
  return HEAD_MAX;
}

static void place_put(struct place *place, uint64_t id, struct slice key) {
  size_t head_size = head_put(place->bytes, id);
  size_t room = FIT - head_size;
  size_t part = key.size < room ? key.size : room;
  if (part > 0) memcpy(place->bytes + head_size, key.data, part);
  place->size = head_size + part;
  place->cut = key.size > room;
  place->rest = slice_after(key, part);
  if (place->cut) place->bytes[place->size++] = 0;
}

static MDB_val place_val(const struct place *place) {
  return val_of(place->bytes, place->size);
}

/* The id in a pointer; false where it is damaged. */
static bool pointer_open(MDB_val at, MDB_val stored, uint64_t *id) {
  struct slice value;
  if (!record_open(stored, val_slice(at), &value) || value.size != ID_SIZE) return false;
  *id = read_u64(value.data);
  return *id != 0;
}

static enum err pointer_get(const struct store *store, MDB_txn *txn, const struct place *place, uint64_t *id) {
  MDB_val at = place_val(place), stored;
  int rc = mdb_get(txn, store->dbi, &at, &stored);
  if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
  if (rc != 0) return store_failed(store, ERR_STORAGE, "to read", rc);
  return pointer_open(at, stored, id) ? ERR_NONE : store_damaged(store, slice_of(place->bytes, place->size));
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

/* Makes LMDB's file where it is missing. LMDB writes its first pages under the file's own name, and syncs them with the
 * first batch: after a power cut until then it would take the file for none of its own. */
static int env_make(const char *path) {
  char file[PATH_MAX], half_made[PATH_MAX];
  int size = snprintf(file, sizeof file, "%s/data.mdb", path);
  int longer = snprintf(half_made, sizeof half_made, "%s/data.mdb.new", path);
  if (size < 0 || longer >= PATH_MAX) return ENAMETOOLONG;
  if (access(file, F_OK) == 0) return 0;
  if (errno != ENOENT || (unlink(half_made) != 0 && errno != ENOENT)) return errno;
  MDB_env *env = NULL;
  int rc = mdb_env_create(&env);
  if (rc == 0) rc = mdb_env_open(env, half_made, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  if (rc == 0) rc = mdb_env_sync(env, 1);
  mdb_env_close(env);
  if (rc == 0) rc = rename(half_made, file) == 0 ? disk_sync_folder(path) : errno;
  return rc;
}

static int env_open(struct store *store, const struct store_config *config) {
  int rc = env_make(config->path);
  if (rc == 0) rc = mdb_env_create(&store->env);
  if (rc != 0) return rc;
  CHECK_THAT(mdb_env_get_maxkeysize(store->env), >=, CUT);
  if ((rc = mdb_env_set_mapsize(store->env, config->map_bytes)) != 0) return rc;
  if ((rc = mdb_env_set_maxreaders(store->env, config->readers_max)) != 0) return rc;
  /* A reader belongs to a worker's struct and not to its thread; records are read here and there, so that reading ahead
   * would mostly read for nothing. */
  if ((rc = mdb_env_open(store->env, config->path, MDB_NOTLS | MDB_NORDAHEAD, 0600)) != 0) return rc;
  int dead;
  if ((rc = mdb_reader_check(store->env, &dead)) != 0) return rc;
  MDB_txn *txn;
  if ((rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn)) != 0) return rc;
  rc = mdb_dbi_open(txn, NULL, 0, &store->dbi);
  mdb_txn_abort(txn);
  return rc != 0 ? rc : disk_sync_folder(config->path);
}

enum err store_open(const struct store_config *config, struct store **store, struct failure *failure) {
  *store = NULL;
  struct store *made = mem_zero(sizeof *made);
  made->logger = config->logger;
  made->faults = config->faults;
  made->path = mem_alloc(strlen(config->path) + 1);
  memcpy(made->path, config->path, strlen(config->path) + 1);
  int rc = env_open(made, config);
  if (rc != 0) {
    store_close(made);
    return failure_set(failure, ERR_STORAGE, "the store %s cannot be opened: %s", config->path, mdb_strerror(rc));
  }
  *store = made;
  return ERR_NONE;
}

void store_close(struct store *store) {
  if (store == NULL) return;
  CHECK(store->txn == NULL);
  CHECK_THAT(atomic_load(&store->readers), ==, 0);
  if (store->env != NULL) mdb_env_close(store->env);
  mem_free(store->path);
  mem_free(store);
}

static int reader_open(struct store_reader *reader) {
  int rc = mdb_txn_begin(reader->store->env, NULL, MDB_RDONLY, &reader->txn);
  if (rc != 0) return rc;
  for (size_t i = 0; i < LEVELS_MAX && rc == 0; i++) {
    rc = mdb_cursor_open(reader->txn, reader->store->dbi, &reader->levels[i].cursor);
  }
  mdb_txn_reset(reader->txn);
  return rc;
}

enum err store_reader_open(struct store *store, struct store_reader **reader, struct failure *failure) {
  *reader = NULL;
  struct store_reader *made = mem_zero(sizeof *made);
  made->store = store;
  made->levels[0].head_size = head_put(made->levels[0].head, 0);
  atomic_fetch_add(&store->readers, 1);
  int rc = reader_open(made);
  if (rc != 0) {
    store_reader_close(made);
    return failure_set(failure, ERR_STORAGE, "the store %s takes no reader: %s", store->path, mdb_strerror(rc));
  }
  *reader = made;
  return ERR_NONE;
}

void store_reader_close(struct store_reader *reader) {
  if (reader == NULL) return;
  for (size_t i = 0; i < LEVELS_MAX; i++) {
    if (reader->levels[i].cursor != NULL) mdb_cursor_close(reader->levels[i].cursor);
  }
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

static enum err reader_begin(struct store_reader *reader) {
  if (reader->live) return ERR_NONE;
  int rc = mdb_txn_renew(reader->txn);
  if (rc != 0) return store_failed(reader->store, ERR_STORAGE, "to take a snapshot", rc);
  reader->live = true;
  rc = mdb_cursor_renew(reader->txn, reader->levels[0].cursor);
  CHECK_THAT(rc, ==, 0);
  return ERR_NONE;
}

enum err store_get(struct store_reader *reader, struct slice key, struct slice *value) {
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  const struct store *store = reader->store;
  enum err err = reader_begin(reader);
  if (err != ERR_NONE) return err;
  struct place place;
  place_put(&place, 0, key);
  while (place.cut) {
    uint64_t id;
    err = pointer_get(store, reader->txn, &place, &id);
    if (err != ERR_NONE) return err;
    place_put(&place, id, place.rest);
  }
  MDB_val at = place_val(&place), stored;
  int rc = mdb_get(reader->txn, store->dbi, &at, &stored);
  if (rc == MDB_NOTFOUND) return ERR_NOT_FOUND;
  if (rc != 0) return store_failed(store, ERR_STORAGE, "to read", rc);
  return record_open(stored, key, value) ? ERR_NONE : store_damaged(store, key);
}

/* Steps down into the continuation that a pointer names. False where it is deeper than any key is long. */
static bool reader_descend(struct store_reader *reader, struct slice part, uint64_t id) {
  if (reader->depth + 1 == LEVELS_MAX) return false;
  const struct level *upper = &reader->levels[reader->depth];
  memcpy(reader->key + upper->above, part.data, part.size);
  struct level *lower = &reader->levels[++reader->depth];
  lower->above = upper->above + part.size;
  lower->head_size = head_put(lower->head, id);
  if (!reader->writes) CHECK_THAT(mdb_cursor_renew(reader->txn, lower->cursor), ==, 0);
  return true;
}

/* Where MDB_SET_RANGE has looked for the first LMDB key behind what is wanted: goes to the one before it. */
static int cursor_back(MDB_cursor *cursor, int rc, MDB_val *at, MDB_val *stored) {
  if (rc == MDB_NOTFOUND) return mdb_cursor_get(cursor, at, stored, MDB_LAST);
  return rc != 0 ? rc : mdb_cursor_get(cursor, at, stored, MDB_PREV);
}

/* Puts the cursor of a level that was just entered at its first record, in reverse at its last. */
static int reader_enter(const struct store_reader *reader, uint64_t id, MDB_val *at, MDB_val *stored) {
  uint8_t head[HEAD_MAX];
  MDB_cursor *cursor = reader->levels[reader->depth].cursor;
  *at = val_of(head, head_put(head, reader->reverse ? id + 1 : id));
  int rc = mdb_cursor_get(cursor, at, stored, MDB_SET_RANGE);
  return reader->reverse ? cursor_back(cursor, rc, at, stored) : rc;
}

/* Gives the record that stands at `at`, its key put together with what the levels above hold. */
static enum err reader_give(struct store_reader *reader, MDB_val at, MDB_val stored, struct slice *found,
                            struct slice *value) {
  const struct level *level = &reader->levels[reader->depth];
  struct slice key = slice_after(val_slice(at), level->head_size);
  if (reader->depth > 0) {
    memcpy(reader->key + level->above, key.data, key.size);
    key = slice_of(reader->key, level->above + key.size);
  }
  *found = key;
  if (reader->writes) return ERR_NONE;     /* what is read to be deleted may be damaged */
  return record_open(stored, key, value) ? ERR_NONE : store_damaged(reader->store, key);
}

/* Carries a step of the cursor through to a record: down upon a pointer, up where a continuation ended. */
static enum err reader_settle(struct store_reader *reader, int rc, MDB_val at, MDB_val stored, struct slice *found,
                              struct slice *value) {
  for (;;) {
    const struct level *level = &reader->levels[reader->depth];
    if (rc != 0 && rc != MDB_NOTFOUND) return store_failed(reader->store, ERR_STORAGE, "to read", rc);
    bool inside = rc == 0 && slice_begins(val_slice(at), slice_of(level->head, level->head_size));
    if (inside && at.mv_size <= FIT) return reader_give(reader, at, stored, found, value);
    if (inside) {
      uint64_t id;
      struct slice part = slice_of((uint8_t *)at.mv_data + level->head_size, FIT - level->head_size);
      if (!pointer_open(at, stored, &id) || !reader_descend(reader, part, id)) {
        return store_damaged(reader->store, val_slice(at));
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

enum err store_seek(struct store_reader *reader, struct slice key, bool reverse, struct slice *found,
                    struct slice *value) {
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  enum err err = reader_begin(reader);
  if (err != ERR_NONE) return err;
  reader->placed = true;
  reader->ended = false;
  reader->reverse = reverse;
  reader->depth = 0;
  struct place place;
  place_put(&place, 0, key);
  for (;;) {
    const struct level *level = &reader->levels[reader->depth];
    MDB_val at = place_val(&place), stored;
    int rc = mdb_cursor_get(level->cursor, &at, &stored, MDB_SET_RANGE);
    bool exact = rc == 0 && slice_equal(val_slice(at), slice_of(place.bytes, place.size));
    if (!exact || !place.cut) {
      if (reverse && !exact) rc = cursor_back(level->cursor, rc, &at, &stored);
      return reader_settle(reader, rc, at, stored, found, value);
    }
    uint64_t id;
    struct slice part = slice_of(place.bytes + level->head_size, FIT - level->head_size);
    if (!pointer_open(at, stored, &id) || !reader_descend(reader, part, id)) {
      return store_damaged(reader->store, val_slice(at));
    }
    place_put(&place, id, place.rest);
  }
}

enum err store_next(struct store_reader *reader, struct slice *found, struct slice *value) {
  CHECK(reader->placed);
  if (reader->ended) return ERR_NOT_FOUND;
  MDB_val at, stored;
  MDB_cursor *cursor = reader->levels[reader->depth].cursor;
  int rc = mdb_cursor_get(cursor, &at, &stored, reader->reverse ? MDB_PREV : MDB_NEXT);
  return reader_settle(reader, rc, at, stored, found, value);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

/* An error within a batch: whatever it was, nothing of the batch is on disk once it is aborted. */
static enum err batch_failed(struct store *store, int rc) {
  store->batch_failed = true;
  return store_failed(store, ERR_STORAGE, "to write", rc);
}

enum err store_begin(struct store *store) {
  CHECK(store->txn == NULL);
  if (store->lost) return ERR_FATAL;
  store->batch_failed = false;
  int rc = mdb_txn_begin(store->env, NULL, 0, &store->txn);
  if (rc == 0) return ERR_NONE;
  store->txn = NULL;
  store->lost = rc == MDB_PANIC;
  return store_failed(store, store->lost ? ERR_FATAL : ERR_STORAGE, "to begin a batch", rc);
}

/* The first LMDB key that begins with or comes after some bytes, or with NULL the last of all. */
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

/* A new continuation's id is one more than the highest in use. That is in the last LMDB key of all, or it is `*id`, of
 * the continuation where the pointer comes to stand, which may hold nothing yet. */
static int pointer_make(struct store *store, const struct place *place, uint64_t *id) {
  MDB_val last;
  int rc = batch_find(store, NULL, 0, &last);
  if (rc != 0 && rc != MDB_NOTFOUND) return rc;
  const uint8_t *bytes = last.mv_data;
  uint64_t highest = rc == 0 && bytes[0] == 'z' && last.mv_size >= HEAD_MAX ? read_u64(bytes + 1) : 0;
  *id = (highest > *id ? highest : *id) + 1;
  uint64_t id_bytes = htobe64(*id);
  struct slice key = slice_of(place->bytes, place->size);
  return record_put(store->txn, store->dbi, place_val(place), key, slice_of(&id_bytes, ID_SIZE));
}

enum err store_put(struct store *store, struct slice key, struct slice value) {
  CHECK(store->txn != NULL && !store->batch_failed);
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  struct place place;
  uint64_t id = 0;
  place_put(&place, id, key);
  while (place.cut) {
    enum err err = pointer_get(store, store->txn, &place, &id);
    if (err == ERR_NOT_FOUND) {
      int rc = pointer_make(store, &place, &id);
      if (rc != 0) return batch_failed(store, rc);
    } else if (err != ERR_NONE) {
      store->batch_failed = true;
      return err;
    }
    place_put(&place, id, place.rest);
  }
  int rc = record_put(store->txn, store->dbi, place_val(&place), key, value);
  return rc == 0 ? ERR_NONE : batch_failed(store, rc);
}

/* After a delete at the end of a path: takes away each pointer whose continuation has become empty. */
static int path_prune(struct store *store, const struct place *path, size_t depth) {
  for (; depth > 0; depth--) {
    MDB_val at;
    const uint8_t *head = path[depth].bytes;
    int rc = batch_find(store, head, HEAD_MAX, &at);
    if (rc != 0 && rc != MDB_NOTFOUND) return rc;
    if (rc == 0 && slice_begins(val_slice(at), slice_of(head, HEAD_MAX))) return 0;
    at = place_val(&path[depth - 1]);
    rc = mdb_del(store->txn, store->dbi, &at, NULL);
    if (rc != 0) return rc;
  }
  return 0;
}

enum err store_delete(struct store *store, struct slice key) {
  CHECK(store->txn != NULL && !store->batch_failed);
  CHECK_THAT(key.size, <=, STORE_KEY_MAX);
  struct place path[LEVELS_MAX];
  size_t depth = 0;
  place_put(&path[0], 0, key);
  while (path[depth].cut) {
    uint64_t id;
    enum err err = pointer_get(store, store->txn, &path[depth], &id);
    if (err == ERR_NOT_FOUND) return ERR_NONE;
    if (err != ERR_NONE) {
      store->batch_failed = true;
      return err;
    }
    place_put(&path[depth + 1], id, path[depth].rest);
    depth++;
  }
  MDB_val at = place_val(&path[depth]);
  int rc = mdb_del(store->txn, store->dbi, &at, NULL);
  if (rc == MDB_NOTFOUND) return ERR_NONE;
  if (rc == 0) rc = path_prune(store, path, depth);
  return rc == 0 ? ERR_NONE : batch_failed(store, rc);
}

/* A reader of what the batch has written so far. */
static int batch_reader_open(struct store *store, struct store_reader *reader) {
  *reader = (struct store_reader){ .store = store, .txn = store->txn, .live = true, .writes = true };
  reader->levels[0].head_size = head_put(reader->levels[0].head, 0);
  int rc = 0;
  for (size_t i = 0; i < LEVELS_MAX && rc == 0; i++) {
    rc = mdb_cursor_open(store->txn, store->dbi, &reader->levels[i].cursor);
  }
  return rc;
}

static void batch_reader_close(struct store_reader *reader) {
  for (size_t i = 0; i < LEVELS_MAX; i++) {
    if (reader->levels[i].cursor != NULL) mdb_cursor_close(reader->levels[i].cursor);
  }
}

enum err store_delete_some(struct store *store, struct slice from, struct slice to, size_t count_max, size_t *count) {
  CHECK(store->txn != NULL && !store->batch_failed);
  *count = 0;
  struct store_reader *reader = mem_zero(sizeof *reader);
  uint8_t key[STORE_KEY_MAX];
  struct slice found, value;
  int rc = batch_reader_open(store, reader);
  enum err err = rc == 0 ? ERR_NONE : batch_failed(store, rc);
  /* From the beginning each time: what a delete does to the cursors of a continuation is not worth knowing. */
  while (err == ERR_NONE && *count < count_max) {
    err = store_seek(reader, from, false, &found, &value);
    if (err != ERR_NONE || slice_compare(found, to) >= 0) break;
    memcpy(key, found.data, found.size);
    err = store_delete(store, slice_of(key, found.size));
    *count += err == ERR_NONE;
  }
  batch_reader_close(reader);
  mem_free(reader);
  if (err == ERR_STORAGE) store->batch_failed = true;
  return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Whether a commit failed because there was no room. LMDB says EIO for a write that was cut short, which a disk that
 * becomes full does; so the disk is asked. */
static bool is_for_want_of_room(const struct store *store, int rc) {
  if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == ENOMEM) return true;
  if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL) return true;
  struct statvfs disk;
  if (rc != EIO || statvfs(store->path, &disk) != 0) return false;
  return disk.f_bavail < ROOM_MIN / (disk.f_frsize > 0 ? disk.f_frsize : 1);
}

/* LMDB writes and syncs all pages before the meta page that makes them count. Once that one could not be written, it
 * begins no transaction any more: so one that begins proves that nothing happened. */
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
    return store_failed(store, ERR_FATAL, "to sync", EIO);
  }
  int rc = mdb_txn_commit(store->txn);
  store->txn = NULL;
  if (rc == 0) return ERR_NONE;
  bool full = is_for_want_of_room(store, rc);
  store->lost = !full || !is_usable(store);
  return store_failed(store, store->lost ? ERR_FATAL : ERR_STORAGE, "to commit", full && rc == EIO ? ENOSPC : rc);
}

void store_abort(struct store *store) {
  CHECK(store->txn != NULL);
  mdb_txn_abort(store->txn);
  store->txn = NULL;
}

size_t store_entry_count(struct store *store) {
  MDB_stat stat;
  CHECK_THAT(mdb_env_stat(store->env, &stat), ==, 0);
  return stat.ms_entries;
}
