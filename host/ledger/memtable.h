/* memtable.h -- records in memory, in key order, that are not in the store yet.
 *
 * WHY     They lie in layers over the store: what a turn has written (its drafts), what is not durable yet (pending), what
 *         is in the log and not in the store (active, frozen). A read looks into the upper layer first.
 * ROOM    ledger.
 * THREAD  One at a time: a worker's own. One that nobody writes to any more may be read by several.
 * OWNS    Its entries; each holds a copy of key and value. What was read is dead after the next write.
 * ALWAYS  1. One entry a key, the newest; and the ranges that were deleted, as boundaries between covered and not.
 *         2. An entry is newer than all ranges that cover its key: deleting a range takes the entries in it away.
 *         3. Writes are aged in the order in which they came. In a table that is written to by memtable_push(), a write
 *            that a later one replaced stays in that order, out of sight, until it is pulled.
 */
#ifndef TROUPE_MEMTABLE_H
#define TROUPE_MEMTABLE_H

#include "base/slice.h"

struct memtable;

struct memtable_entry;

struct memtable *memtable_try_new(void);
void memtable_free(struct memtable *memtable);

/* Notes that a key has this value, that it is gone, or that all keys with from <= key < to are. False for want of
 * memory, and nothing changed. */
bool memtable_try_put(struct memtable *memtable, struct slice key, struct slice value);
bool memtable_try_delete(struct memtable *memtable, struct slice key);
bool memtable_try_delete_range(struct memtable *memtable, struct slice from, struct slice to);

/* What the table knows of a key: nothing, so that the layer below decides; its value; or that it is gone. */
enum memtable_answer { MEMTABLE_NOTHING, MEMTABLE_VALUE, MEMTABLE_DELETED };
enum memtable_answer memtable_get(const struct memtable *memtable, struct slice key, struct slice *value);

/* The first entry with a key >= `key`, and the one after; in reverse the last with a key <= `key`, and the one before.
 * NULL at the end. Deleted ranges are no entries. */
const struct memtable_entry *memtable_seek(const struct memtable *memtable, struct slice key, bool reverse);
const struct memtable_entry *memtable_next(const struct memtable_entry *entry, bool reverse);

/* False where there is surely no entry with from <= key < to, which for the keys of one actor (that begin with the same 8
 * bytes) is mostly known without a look at them. */
bool memtable_may_hold(const struct memtable *memtable, struct slice from, struct slice to);

struct slice memtable_key(const struct memtable_entry *entry);
struct slice memtable_value(const struct memtable_entry *entry);      /* empty where deleted */
bool memtable_is_deleted(const struct memtable_entry *entry);

/* The deleted range that covers `key`, joined with those that touch it; false where none does. */
bool memtable_covers(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to);

/* Whether any range was deleted. */
bool memtable_has_ranges(const struct memtable *memtable);

/* The first deleted range that ends behind `key`. False where there is none. */
bool memtable_next_range(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to);

/* These move writes from one table to another, in their order; there they replace older ones. They allocate nothing and
 * cannot fail.
 *   merge: all of them.
 *   push:  all of them, marked with `seq`, which is not smaller than in any push before. `to` is only ever pushed to.
 *   pull:  those that were pushed with a seq <= `seq_max`; `to` NULL: they are forgotten. */
void memtable_merge(struct memtable *to, struct memtable *from);
void memtable_push(struct memtable *to, struct memtable *from, uint64_t seq);
void memtable_pull(struct memtable *to, struct memtable *from, uint64_t seq_max);

/* Forgets all. */
void memtable_clear(struct memtable *memtable);

/* Whether it holds no write, replaced or not. */
bool memtable_is_empty(const struct memtable *memtable);

/* Bytes of keys and values of all writes that were not replaced, of a range its bounds: what their commit counts (limit
 * commit-bytes). */
size_t memtable_bytes(const struct memtable *memtable);

/* Bytes of memory that it takes. */
size_t memtable_memory(const struct memtable *memtable);

#endif
