/* memtable.h -- records in memory, in key order, that are not in the store yet.
 *
 * WHY     Two of them stand in front of the store: what a turn has written (its drafts), and what a worker's finished
 *         turns have written and the store does not hold yet (pending). A read looks into both first.
 * ROOM    ledger.
 * THREAD  One at a time: a worker's own.
 * OWNS    Its entries; each holds a copy of key and value. An entry is dead after the next write of its key,
 *         memtable_merge() or memtable_drop*().
 * ALWAYS  One entry a key: the newest. Entries are aged in the order in which they were merged.
 */
#ifndef TROUPE_MEMTABLE_H
#define TROUPE_MEMTABLE_H

#include "base/slice.h"

struct memtable;

struct memtable_entry;

struct memtable *memtable_try_new(void);
void memtable_free(struct memtable *memtable);

/* Notes that a key has this value, or that it is gone. False for want of memory, and nothing changed. */
bool memtable_try_put(struct memtable *memtable, struct slice key, struct slice value);
bool memtable_try_delete(struct memtable *memtable, struct slice key);

/* The entry of a key, or NULL. */
const struct memtable_entry *memtable_find(const struct memtable *memtable, struct slice key);

/* The first entry with a key >= `key`, and the one after; in reverse the last with a key <= `key`, and the one before.
 * NULL at the end. */
const struct memtable_entry *memtable_seek(const struct memtable *memtable, struct slice key, bool reverse);
const struct memtable_entry *memtable_next(const struct memtable_entry *entry, bool reverse);

struct slice memtable_key(const struct memtable_entry *entry);
struct slice memtable_value(const struct memtable_entry *entry);      /* empty where deleted */
bool memtable_is_deleted(const struct memtable_entry *entry);

/* Moves all entries of `from` into `to`, marked with `seq`; they replace older ones. Allocates nothing, cannot fail.
 * seq is not smaller than in any merge before. */
void memtable_merge(struct memtable *to, struct memtable *from, uint64_t seq);

/* Forgets the entries that were merged with seq <= `seq_max` and not replaced since. */
void memtable_drop(struct memtable *memtable, uint64_t seq_max);

/* Forgets all. */
void memtable_clear(struct memtable *memtable);

size_t memtable_count(const struct memtable *memtable);

/* Bytes of keys and values of all entries; what the commit of these entries counts (limit commit-bytes). */
size_t memtable_bytes(const struct memtable *memtable);

#endif
