/* store.h -- LMDB: where records live for good. Only the files of the store include lmdb.h.
 *
 * WHY     One ordered map from keys to values, of any size up to the limits (lua/README.md), each record with a
 *         checksum.
 * ROOM    ledger. Below: store_key; record_key, and with it codec.
 * THREAD  A reader belongs to one worker. store_begin() ... store_commit() on one thread without Lua (inline: the
 *         caller's).
 * OWNS    A reader belongs to its opener, which closes it before the store. What a seek or a next gave is dead after the
 *         following seek, next or reset on that reader; what a get gave, after the following reset.
 * BYTES   store_key.h
 * ALWAYS  1. A reader sees one snapshot from its first read after store_reader_reset() to the next reset.
 *         2. After store_commit() = ERR_NONE a batch is in the store, whole and synced; after ERR_STORAGE nothing of it is.
 *         3. What the store holds once it is open, unless only to be read, is on the disk, though a sync of it may have failed.
 * ERRORS  ERR_NOT_FOUND. ERR_STORAGE when reading: a record whose checksum is wrong or that LMDB cannot read; it is named in
 *         the log and never served. ERR_STORAGE when writing: a full disk or map; nothing happened. ERR_FATAL: it is unknown
 *         what is on disk.
 */
#ifndef TROUPE_STORE_H
#define TROUPE_STORE_H

#include "base/disk.h"
#include "base/failure.h"
#include "base/findings.h"
#include "base/logger.h"

enum { STORE_KEY_MAX = 4096 };   /* bytes of a record key; the longest are in the index: head, class, an actor's key */
enum { STORE_SHORT_MAX = 509 };  /* a longer key is cut */

struct store;
struct store_reader;

struct store_config {
  const char *path;             /* a folder that exists */
  size_t map_bytes;             /* address space, sized once; a full one is ERR_STORAGE */
  unsigned readers_max;         /* of all processes; the first process to open the store decides */
  bool must_exist;              /* a missing store is not made anew: there has been one */
  bool read_only;               /* for another process than the host's: makes nothing, and begins no batch */
  bool is_still;                /* and nobody writes while it is open: LMDB need not know its readers */
  const struct logger *logger;
  struct faults *faults;        /* NULL: none */
};

/* Makes the store if it is missing, unless it must exist or is only read. An empty file is not a store: whatever it held is
 * gone. */
enum err store_open(const struct store_config *config, struct store **store, struct failure *failure);
void store_close(struct store *store);

enum err store_reader_open(struct store *store, struct store_reader **reader, struct failure *failure);
void store_reader_close(struct store_reader *reader);

/* Lets the snapshot go; the next read takes a new one. */
void store_reader_reset(struct store_reader *reader);

/* ERR_STORAGE also if the key is not found, but beside its place is a damaged record of the same actor, which may be it. */
enum err store_get(struct store_reader *reader, struct slice key, struct slice *value);

/* Whether a put of a key can find its place: ERR_STORAGE if a damaged pointer is in the way. Short keys always can. */
enum err store_reach(struct store_reader *reader, struct slice key);

/* Puts the reader's one cursor (which needs no end) at the first record with a key >= `key`, in reverse at the last
 * with a key <= `key`, and gives its key. store_next() gives the one after (in reverse: before) it. A get does not move the
 * cursor.
 * Neither looks at what the record holds: a caller that does not ask for it is not told that it is damaged. The records
 * behind a damaged pointer are given as one, with the lowest key that they can have, which may be less than `key`. */
enum err store_seek(struct store_reader *reader, struct slice key, bool reverse, struct slice *found);
enum err store_next(struct store_reader *reader, struct slice *found);

/* Call this if a scan came to a key that cannot be where it is: tells the log, and returns ERR_STORAGE. */
enum err store_astray(const struct store_reader *reader, struct slice key);

/* What the record at the cursor holds. ERR_STORAGE: it is damaged; the scan can go on. */
enum err store_value(const struct store_reader *reader, struct slice *value);

/* One batch: begin, any number of puts and deletes, then commit or abort. After any error the batch must be aborted;
 * after a commit, whatever it returned, it is over. Deleting a record that does not exist is fine. */
enum err store_begin(struct store *store);
enum err store_put(struct store *store, struct slice key, struct slice value);
enum err store_delete(struct store *store, struct slice key);

/* The same as store_put(), but faster and with fuller pages if records come in the order of their keys. */
enum err store_append(struct store *store, struct slice key, struct slice value);

/* Deletes records with from <= key < to, damaged ones too, at most `count_max` of them. `*count` is how many; if it is fewer,
 * none are left. ERR_STORAGE if a damaged pointer may lead to records inside and outside of the bounds, and if out of
 * memory. */
enum err store_delete_some(struct store *store, struct slice from, struct slice to, size_t count_max, size_t *count);

enum err store_commit(struct store *store);
void store_abort(struct store *store);

/* After ERR_FATAL: the reason, in words. */
const char *store_reason(const struct store *store);

/* Where store_check() is: the record key that it looked at last, so that a process that shares the memory can tell where it
 * ended. */
struct store_place {
  size_t size;
  uint8_t key[STORE_KEY_MAX];
};

/* Looks at everything that a reader's snapshot reaches: LMDB's pages, keys and records with their checksums. Tells `findings`
 * what is wrong. On damaged pages LMDB may end the process: so run this in a process of its own, which may share `place`
 * with yours (or NULL). `*records` is how many there were, damaged ones too. ERR_STORAGE: the snapshot cannot be taken;
 * ERR_MEMORY. */
enum err store_check(struct store_reader *reader, struct findings *findings, struct store_place *place,
                     uint64_t *records);

/* Bytes of the pages that hold nothing, as of the reader's snapshot: writes take these before the file grows. 0 if that is
 * unknown. */
uint64_t store_unused_bytes(struct store_reader *reader);

/* How many LMDB keys the store holds, pointers included; 0 if there is no record. So specs can tell that no continuation
 * is left behind. */
size_t store_entry_count(struct store *store);

#endif
