/* store.h -- LMDB: where records live for good. Only the files of the store include lmdb.h.
 *
 * WHY     One ordered map from keys to values, of any size up to the limits (lua/README.md), each record with a
 *         checksum.
 * ROOM    ledger. Below: store_key; record_key, and with it codec.
 * THREAD  A reader belongs to one worker. store_begin() ... store_commit() on one thread without Lua (inline: the
 *         caller's).
 * OWNS    Readers belong to who opened them and are closed before the store. What a seek or a next gave is dead after
 *         the following seek, next or reset on that reader, what a get gave after the following reset.
 * BYTES   store_key.h
 * ALWAYS  1. A reader sees one snapshot from its first read after store_reader_reset() to the next reset.
 *         2. A batch is in the store wholly and synced after store_commit() = ERR_NONE, and not at all after
 *            ERR_STORAGE.
 * ERRORS  ERR_NOT_FOUND; ERR_STORAGE: reading, a record whose checksum is wrong or that LMDB cannot read, named in the
 *         log and never served; writing, a full disk or map: nothing happened; ERR_FATAL: it is unknown what is on
 *         disk.
 */
#ifndef TROUPE_STORE_H
#define TROUPE_STORE_H

#include "base/disk.h"
#include "base/failure.h"
#include "base/findings.h"
#include "base/logger.h"

enum { STORE_KEY_MAX = 4096 };   /* bytes of a record key; the longest is of the index: its head, a class, an actor's key */
enum { STORE_SHORT_MAX = 509 };  /* a longer key is cut */

struct store;
struct store_reader;

struct store_config {
  const char *path;             /* a folder that exists */
  size_t map_bytes;             /* address space, sized once; a full one is ERR_STORAGE */
  unsigned readers_max;         /* of all processes; who is the first to open the store decides */
  bool must_exist;              /* one that is missing is not made anew: there has been one */
  bool read_only;               /* for another process than the host's: makes nothing, and begins no batch */
  bool is_still;                /* and nobody writes as long as it is open: no reader needs to be known */
  const struct logger *logger;
  struct faults *faults;        /* NULL: none */
};

/* Makes the store where it is missing and may be. An empty file is none: whatever it held is gone. */
enum err store_open(const struct store_config *config, struct store **store, struct failure *failure);
void store_close(struct store *store);

enum err store_reader_open(struct store *store, struct store_reader **reader, struct failure *failure);
void store_reader_close(struct store_reader *reader);

/* Lets the snapshot go; the next read takes a new one. */
void store_reader_reset(struct store_reader *reader);

/* ERR_STORAGE also where the key is not found beside a damaged record of the same actor, which may be the one. */
enum err store_get(struct store_reader *reader, struct slice key, struct slice *value);

/* Whether a put of a key can find its place: ERR_STORAGE where a damaged pointer is in the way. Short keys can. */
enum err store_reach(struct store_reader *reader, struct slice key);

/* Puts the reader's one cursor (which needs no end) at the first record with a key >= `key`, in reverse at the last
 * with a key <= `key`, and gives its key.
 * store_next() gives the one after (in reverse: before) it. A get does not move the cursor.
 * Neither looks at what the record holds, which may be damaged; nobody is told of that who does not want it. Records that
 * a damaged pointer leads to are given as one, with the least key that they can have, which may be less than `key`. */
enum err store_seek(struct store_reader *reader, struct slice key, bool reverse, struct slice *found);
enum err store_next(struct store_reader *reader, struct slice *found);

/* For who finds that a scan came to a key where none like it can be: tells the log, and answers ERR_STORAGE. */
enum err store_astray(const struct store_reader *reader, struct slice key);

/* What the record holds that the cursor is at. ERR_STORAGE: it is damaged; the scan can go on. */
enum err store_value(const struct store_reader *reader, struct slice *value);

/* One batch: begin, any number of puts and deletes, then commit or abort. After any error the batch must be aborted;
 * after a commit, whatever it answered, it is over. Deleting what is not there is fine. */
enum err store_begin(struct store *store);
enum err store_put(struct store *store, struct slice key, struct slice value);
enum err store_delete(struct store *store, struct slice key);

/* The same as store_put(), sooner and with fuller pages, for one record after the other in the order of keys. */
enum err store_append(struct store *store, struct slice key, struct slice value);

/* Deletes records with from <= key < to, damaged ones too, at most `count_max` of them, and tells how many. Fewer: no more
 * are there. ERR_STORAGE where a damaged pointer may lead to records inside and outside of the bounds, and for want of
 * memory. */
enum err store_delete_some(struct store *store, struct slice from, struct slice to, size_t count_max, size_t *count);

enum err store_commit(struct store *store);
void store_abort(struct store *store);

/* Where store_check() is: the record key that it looked at last, so that who shares the memory can tell where it ended. */
struct store_place {
  size_t size;
  uint8_t key[STORE_KEY_MAX];
};

/* Looks at all that a reader's snapshot reaches: LMDB's pages, keys and records with their checksums. What is wrong is
 * told to `findings`. On damaged pages LMDB may end the process; so whoever runs this gives it one of its own, and may
 * share `place` with it (or NULL). Answers how many records there were, damaged ones too. ERR_STORAGE: the snapshot cannot
 * be taken; ERR_MEMORY. */
enum err store_check(struct store_reader *reader, struct findings *findings, struct store_place *place,
                     uint64_t *records);

/* Bytes of its pages that hold nothing, as of the reader's snapshot: what is written takes them before the file grows. 0 where
 * that cannot be told. */
uint64_t store_unused_bytes(struct store_reader *reader);

/* How many LMDB keys the store holds, pointers included; 0 where there is no record. So specs can tell that no
 * continuation is left behind. */
size_t store_entry_count(struct store *store);

#endif
