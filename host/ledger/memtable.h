/* memtable.h -- records in memory, in key order, that are not in the store yet.
 *
 * WHY     Memtables are layers over the store: what a turn has written (its drafts), what is not durable yet (pending), and
 *         what is in the log but not in the store (active, frozen). A read looks into the upper layers first.
 * ROOM    ledger.
 * THREAD  One at a time: a worker's own. Several may read one that nobody writes to any more.
 * OWNS    Its entries; each holds a copy of key and value. What was read is dead after the next write.
 * ALWAYS  1. One entry for each key, the newest; and the deleted ranges, as boundaries between covered and not covered.
 *         2. An entry is newer than all ranges that cover its key: deleting a range removes the entries in it.
 *            A key that came by memtable_merge_new() and was deleted has none.
 *         3. Writes are kept by age, in the order in which they came. In a table that memtable_push() writes to, a write that
 *            a later one replaced stays in that order, out of sight, until it is pulled.
 */
#ifndef TROUPE_MEMTABLE_H
#define TROUPE_MEMTABLE_H

#include "base/slice.h"

struct memtable;

struct memtable_entry;

struct memtable *memtable_try_new(void);
void memtable_free(struct memtable *memtable);

/* Notes that a key has this value, that it is gone, or that all keys with from <= key < to are gone. False if out of memory,
 * and nothing changed. */
bool memtable_try_put(struct memtable *memtable, struct slice key, struct slice value);
bool memtable_try_delete(struct memtable *memtable, struct slice key);
bool memtable_try_delete_range(struct memtable *memtable, struct slice from, struct slice to);

/* What the table knows of a key: nothing, and then the layer below decides; its value; or that it is gone. */
enum memtable_answer { MEMTABLE_NOTHING, MEMTABLE_VALUE, MEMTABLE_DELETED };
enum memtable_answer memtable_get(const struct memtable *memtable, struct slice key, struct slice *value);

/* The first entry with a key >= `key`, and the one after; in reverse the last with a key <= `key`, and the one before.
 * NULL at the end. Deleted ranges are not entries. */
const struct memtable_entry *memtable_seek(const struct memtable *memtable, struct slice key, bool reverse);
const struct memtable_entry *memtable_next(const struct memtable_entry *entry, bool reverse);

/* False if there is certainly no entry with from <= key < to. For the keys of one actor, which begin with the same 8 bytes,
 * this is mostly known without looking at them. */
bool memtable_may_hold(const struct memtable *memtable, struct slice from, struct slice to);

struct slice memtable_key(const struct memtable_entry *entry);
struct slice memtable_value(const struct memtable_entry *entry);      /* empty if deleted */
bool memtable_is_deleted(const struct memtable_entry *entry);

/* The deleted range that covers `key`, joined with those that touch it; false if none does. */
bool memtable_covers(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to);

/* Whether a deleted range covers any of the keys with from <= key < to. Ranges elsewhere cost a way down their tree. */
bool memtable_touches(const struct memtable *memtable, struct slice from, struct slice to);

/* The first deleted range that ends behind `key`; false if there is none. */
bool memtable_next_range(const struct memtable *memtable, struct slice key, struct slice *from, struct slice *to);

/* These move writes from one table to another, in order, and replace older ones there. They allocate nothing and cannot
 * fail.
 *   merge: all of them. `new`: no layer below `to` has any of their keys, and none ever had. Then a later delete of one
 *          leaves nothing here, for there is nothing below that it must hide or take away.
 *   push:  all of them, marked with `seq`, which must not be smaller than in any push before. `to` is only ever pushed to.
 *   pull:  those that were pushed with a seq <= `seq_max`; `to` NULL: forgets them. */
void memtable_merge(struct memtable *to, struct memtable *from);
void memtable_merge_new(struct memtable *to, struct memtable *from);
void memtable_push(struct memtable *to, struct memtable *from, uint64_t seq);
void memtable_pull(struct memtable *to, struct memtable *from, uint64_t seq_max);

/* Forgets everything. */
void memtable_clear(struct memtable *memtable);

/* Whether it holds no write, replaced or not. */
bool memtable_is_empty(const struct memtable *memtable);

/* Bytes of keys and values of all writes that were not replaced, for a range of its bounds, as their commit counts them
 * (--limit-commit-bytes). */
size_t memtable_bytes(const struct memtable *memtable);

/* Bytes of memory that it takes. */
size_t memtable_memory(const struct memtable *memtable);

#endif
