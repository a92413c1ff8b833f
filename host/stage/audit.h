/* audit.h -- whether the records of a data folder make sense together.
 *
 * WHY    A checksum shows that a record is what was written. It does not show that the records around it are there.
 * ROOM   stage: it knows every kind of record. Below: ledger, codec.
 * THREAD The caller's.
 * OWNS   Nothing.
 * ALWAYS What it asks of records: each key and value can be read; each actor with records has one of its own, and the index
 *        leads from its address to it and to no other; both stand in the shard of that address; each node of a state is named
 *        by one field, and exists; each state of a connection bears the id of one; each idempotency key has a record by its
 *        name and one by its time; each message stands in the shard of its receiver, and if it waits for another try, a
 *        wake-up leads to it; schedules agree with their places, their wake-ups and the list of those that have failed
 *        (schedule_audit.h).
 */
#ifndef TROUPE_AUDIT_H
#define TROUPE_AUDIT_H

#include "base/failure.h"
#include "base/findings.h"
#include "ledger/view.h"

struct audit_report {
  uint64_t actors, states, entries;     /* actors; those with a state; kv entries */
};

/* Scans all records once, and looks each actor up in the index. ERR_STORAGE: a record cannot be read (the store's log
 * names it); ERR_MEMORY. */
enum err audit_records(const struct view *view, struct findings *findings, struct audit_report *report);

#endif
