/* clock_record.h -- what the host keeps of its clocks from one start to the next.
 *
 * WHY    A start must go on where host time and lived time stood (base/timekeeper.h), whatever the wall clock says by then.
 * ROOM   ledger. Below: store, drafts, record_key.
 * OWNS   Nothing.
 * BYTES  A record: actor id 0, space `h`; three u64 big-endian, in milliseconds: how far host time is ahead of the wall clock,
 *        lived time, host time.
 */
#ifndef TROUPE_CLOCK_RECORD_H
#define TROUPE_CLOCK_RECORD_H

#include "base/timekeeper.h"
#include "ledger/drafts.h"
#include "ledger/store.h"

/* The record as the log left it in `recovered` (NULL: nothing), or else as it is in the store. ERR_NOT_FOUND: there is none.
 * ERR_STORAGE, with the failure set: it cannot be read. */
enum err clock_record_read(struct store *store, const struct memtable *recovered, struct time_mark *mark,
                           struct failure *failure);

/* Writes it to the store, in a batch of its own: before the first start has a log. */
enum err clock_record_write(struct store *store, const struct time_mark *mark);

/* False if out of memory. */
bool clock_record_try_draft(struct drafts *drafts, const struct time_mark *mark);

/* Whether the value is one that a host has written. */
bool clock_record_is_valid(struct slice value);

#endif
