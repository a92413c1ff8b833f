/* store_env.h -- what the files of the store share and nobody else sees: LMDB.
 *
 * WHY    Batches (store_batch.c), readers (store_reader.c) and the check of the whole (store_check.c) work on one
 *        environment.
 * ROOM   ledger. Below: store_key. Only for the files of the store.
 * OWNS   See store.h.
 */
#ifndef TROUPE_STORE_ENV_H
#define TROUPE_STORE_ENV_H

#include <lmdb.h>
#include <stdatomic.h>

#include "ledger/store.h"
#include "ledger/store_key.h"

struct store {
  char *path;
  MDB_env *env;
  int witness;              /* LMDB's file, opened once more: is_short_write(). -1 if nothing is written */
  MDB_dbi dbi;
  MDB_txn *txn;             /* of the batch, or NULL */
  bool batch_failed;        /* then it can only be aborted */
  bool lost;                /* it is unknown what is on disk: nothing is written any more */
  int lost_rc;              /* and why */
  atomic_uint readers;
  const struct logger *logger;
  struct faults *faults;
};

/* One continuation on the way down to where the cursor is, or the top. */
struct level {
  MDB_cursor *cursor;
  uint8_t head[STORE_KEY_HEAD_MAX];   /* all LMDB keys of this level begin with it */
  size_t head_size;
  size_t above;                   /* bytes of the key that the levels above hold */
};

struct store_reader {
  struct store *store;
  MDB_txn *txn;
  bool live;                /* has a snapshot */
  bool writes;              /* its transaction is that of the batch */
  bool placed;              /* the cursor is somewhere, perhaps at the end */
  bool ended;
  bool reverse;
  bool broken;              /* the cursor is at a damaged pointer */
  struct slice found;       /* what the cursor is at: its key, and what LMDB holds there */
  MDB_val stored;
  size_t depth;             /* of the level where the cursor is */
  struct level levels[STORE_KEY_LEVELS_MAX];
  uint8_t key[STORE_KEY_LEVELS_MAX * STORE_KEY_FIT];   /* a long key, put together again */
  uintptr_t page, ahead;    /* where a scan was last, and how far the system was told to read ahead */
  unsigned steps;           /* from page to nearby page, in one direction */
  bool forward;
  MDB_cursor *single;       /* for single reads, which do not move the others; NULL in a batch */
};

static inline struct slice val_slice(MDB_val val) {
  return slice_of(val.mv_data, val.mv_size);
}

static inline MDB_val val_of(const void *data, size_t size) {
  return (MDB_val){ .mv_size = size, .mv_data = (void *)data };
}

static inline MDB_val store_key_val(const struct store_key *where) {
  return val_of(where->bytes, where->size);
}

/* These log what went wrong, and return `err`, or ERR_STORAGE. `key` is a record's key, or the beginning of one. */
enum err store_failed(const struct store *store, enum err err, const char *what, int rc);
enum err store_damaged(const struct store *store, struct slice key);

/* What LMDB's answer to opening means: as disk_err() says; ERR_STORAGE if the reason may be what is on disk. */
enum err store_err(int rc);

/* The continuation id that a pointer holds, on the way to the record of `key`. ERR_NOT_FOUND; ERR_STORAGE: damaged. */
enum err store_get_pointer(const struct store *store, MDB_txn *txn, const struct store_key *where, struct slice key,
                           uint64_t *id);

/* Takes a snapshot, if the reader has none. */
enum err store_reader_begin(struct store_reader *reader);

/* Looks at both sides of the place where a key was not found. ERR_NOT_FOUND: it does not exist. ERR_STORAGE: a record beside
 * the place is damaged, and may be the one. */
enum err store_confirm_absence(struct store_reader *reader, const struct store_key *where, struct slice key);

/* Makes a reader that sees what the batch has written so far. Returns 0, an errno, or one of LMDB's errors. */
int store_reader_begin_in_batch(struct store_reader *reader, struct store *store);
void store_reader_end_in_batch(struct store_reader *reader);

#endif
