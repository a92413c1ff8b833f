/* drafts.h -- what one turn has written, and what its snapshots see of it.
 *
 * WHY     A list or an iterator sees the records as they were when it began. So what is written while one lives goes
 *         into a table on top, and a snapshot is no more than how many tables there were. What was sent while one lives
 *         stays here too: in the layers below it would be seen. That is in the way of nobody, since nobody else reads the
 *         records of an actor whose turn is not over.
 * ROOM    ledger. Below: memtable, changes.
 * THREAD  Its worker's.
 * OWNS    Its tables.
 * ALWAYS  1. A table that a snapshot ends at, or that was sent, is not written to.
 *         2. What was sent is older than what was not.
 */
#ifndef TROUPE_DRAFTS_H
#define TROUPE_DRAFTS_H

#include "base/buf.h"
#include "ledger/memtable.h"

struct drafts;

struct drafts *drafts_try_new(void);
void drafts_free(struct drafts *drafts);

/* These write; false for want of memory, and nothing changed. A range is all keys with from <= key < to. */
bool drafts_try_put(struct drafts *drafts, struct slice key, struct slice value);
bool drafts_try_delete(struct drafts *drafts, struct slice key);
bool drafts_try_delete_range(struct drafts *drafts, struct slice from, struct slice to);

/* The tables, oldest first; how many a snapshot sees. Snapshot 0 is now. */
const struct memtable *drafts_table(const struct drafts *drafts, size_t index);
size_t drafts_table_count(const struct drafts *drafts, size_t snapshot);

/* Where the one scan that there is stands in a table. */
const struct memtable_entry **drafts_cursor(struct drafts *drafts, size_t index);

/* What the commit of what was written counts (--limit-commit-bytes): keys and values; of a range its two bounds. */
size_t drafts_bytes(const struct drafts *drafts);

/* What is counted of a key already: what another write of it takes away. */
size_t drafts_bytes_of(const struct drafts *drafts, struct slice key);

/* Begins a snapshot: nothing that is written from now on is seen in it. Never 0. */
size_t drafts_pin(struct drafts *drafts);

/* Ends a snapshot. */
void drafts_unpin(struct drafts *drafts, size_t snapshot);

/* -- for the stage -- */

/* Whether nothing is written that was not sent. */
bool drafts_is_empty(const struct drafts *drafts);

/* Appends what was written and not sent as changes. */
void drafts_put_changes(const struct drafts *drafts, struct buf *changes);

/* Sends what was written: moves it to `pending`, marked with `seq`. While a snapshot lives, it is held here instead. */
void drafts_send(struct drafts *drafts, struct memtable *pending, uint64_t seq);

/* How many of the tables, the oldest, were sent. */
size_t drafts_sent_count(const struct drafts *drafts);

/* Whether something that was sent is held. */
bool drafts_hold(const struct drafts *drafts);

/* Bytes of memory of what was sent and stays here for the sake of snapshots. */
size_t drafts_held_memory(const struct drafts *drafts);

/* What was sent is durable: moves it to `active`, unless a snapshot lives. */
void drafts_make_active(struct drafts *drafts, struct memtable *active);

/* All snapshots end: what is durable moves to `active`. */
void drafts_end_snapshots(struct drafts *drafts, struct memtable *active);

/* Throws away what was written and not sent. All snapshots end. */
void drafts_discard(struct drafts *drafts);

/* The turn is over: as drafts_end_snapshots(), and the rest is thrown away. */
void drafts_end(struct drafts *drafts, struct memtable *active);

#endif
