/* drafts.h -- what one turn has written, and what its snapshots see of it.
 *
 * WHY     A list or an iterator sees the records as they were when it began. So what is written while one lives goes
 *         into a table on top, and a snapshot is no more than how many tables there were.
 * ROOM    ledger. Below: memtable, changes.
 * THREAD  Its worker's.
 * OWNS    Its tables.
 * ALWAYS  A table that a snapshot ends at is not written to.
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

/* What the commit of what was written counts (limit commit-bytes): keys and values; of a range its two bounds. */
size_t drafts_bytes(const struct drafts *drafts);

/* What is counted of a key already: what another write of it takes away. */
size_t drafts_bytes_of(const struct drafts *drafts, struct slice key);

/* Begins a snapshot: nothing that is written from now on is seen in it. Never 0. */
size_t drafts_pin(struct drafts *drafts);

/* Ends a snapshot. */
void drafts_unpin(struct drafts *drafts, size_t snapshot);

/* -- for the stage -- */

/* Whether nothing is written. */
bool drafts_is_empty(const struct drafts *drafts);

/* Appends what was written as changes. */
void drafts_put_changes(const struct drafts *drafts, struct buf *changes);

/* Moves what was written on to `pending`, marked with `seq`. All snapshots end. */
void drafts_send(struct drafts *drafts, struct memtable *pending, uint64_t seq);

/* Throws away what was written. All snapshots end. */
void drafts_discard(struct drafts *drafts);

#endif
