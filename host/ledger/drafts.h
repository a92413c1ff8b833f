/* drafts.h -- what one turn has written, and what its snapshots see of it.
 *
 * WHY     A list or an iterator sees the records as they were when it began. So while one lives, writes go into a new table
 *         on top, and a snapshot is just the number of tables that there were. What is sent meanwhile stays here too: in the
 *         layers below, the snapshot would see it. It is in nobody's way, since nobody else reads the records of an actor whose
 *         turn is not over.
 * ROOM    ledger. Below: memtable, changes.
 * THREAD  Its worker's.
 * OWNS    Its tables.
 * ALWAYS  1. A table that was sent, or that is the last one of a snapshot, is not written to.
 *         2. What was sent is older than what was not.
 */
#ifndef TROUPE_DRAFTS_H
#define TROUPE_DRAFTS_H

#include "base/buf.h"
#include "ledger/memtable.h"

struct drafts;

struct drafts *drafts_try_new(void);
void drafts_free(struct drafts *drafts);

/* These write; false if out of memory, and nothing changed. A range is all keys with from <= key < to. */
bool drafts_try_put(struct drafts *drafts, struct slice key, struct slice value);
bool drafts_try_delete(struct drafts *drafts, struct slice key);
bool drafts_try_delete_range(struct drafts *drafts, struct slice from, struct slice to);

/* The tables, oldest first, and how many of them a snapshot sees. Snapshot 0 is now. */
const struct memtable *drafts_table(const struct drafts *drafts, size_t index);
size_t drafts_table_count(const struct drafts *drafts, size_t snapshot);

/* The position in a table of the scan that is under way; there is only one at a time. */
const struct memtable_entry **drafts_cursor(struct drafts *drafts, size_t index);

/* What has been written, as a commit counts it (--limit-commit-bytes): keys and values; for a range its two bounds. */
size_t drafts_bytes(const struct drafts *drafts);

/* What a key already counts for: another write of it takes that away. */
size_t drafts_bytes_of(const struct drafts *drafts, struct slice key);

/* Begins a snapshot, which does not see what is written from now on. Never 0. */
size_t drafts_pin(struct drafts *drafts);

/* Ends a snapshot. */
void drafts_unpin(struct drafts *drafts, size_t snapshot);

/* -- for the stage -- */

/* Whether everything that was written has been sent. */
bool drafts_is_empty(const struct drafts *drafts);

/* Appends what has been written and not sent, as changes. */
void drafts_put_changes(const struct drafts *drafts, struct buf *changes);

/* Sends what has been written: moves it to `pending`, marked with `seq`. While a snapshot lives, it is held here instead. */
void drafts_send(struct drafts *drafts, struct memtable *pending, uint64_t seq);

/* How many tables, from the oldest on, were sent. */
size_t drafts_sent_count(const struct drafts *drafts);

/* Whether something that was sent is held. */
bool drafts_hold(const struct drafts *drafts);

/* Bytes of memory of what was sent and is held here for snapshots. */
size_t drafts_held_memory(const struct drafts *drafts);

/* What was sent is durable: moves it to `active`, unless a snapshot lives. */
void drafts_make_active(struct drafts *drafts, struct memtable *active);

/* All snapshots end: what is durable moves to `active`. */
void drafts_end_snapshots(struct drafts *drafts, struct memtable *active);

/* Throws away what has been written and not sent. All snapshots end. */
void drafts_discard(struct drafts *drafts);

/* The turn is over: as drafts_end_snapshots(), and the rest is thrown away. */
void drafts_end(struct drafts *drafts, struct memtable *active);

#endif
