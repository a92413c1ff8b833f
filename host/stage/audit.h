/* audit.h -- whether the records of a data folder make sense together.
 *
 * WHY    A checksum tells that a record is what was written; not that what belongs to it is there too.
 * ROOM   stage: here all kinds of records are known. Below: ledger, codec.
 * THREAD The caller's.
 * OWNS   Nothing.
 * ALWAYS What it asks of records: each key and value can be read; each actor with records has one of itself, and the index
 *        leads from its address to it and to nobody else; each node of a state is named by one field, and is there; each
 *        idempotency key stands by its name and by its time.
 */
#ifndef TROUPE_AUDIT_H
#define TROUPE_AUDIT_H

#include "base/failure.h"
#include "base/findings.h"
#include "ledger/view.h"

struct audit_report {
  uint64_t actors, states, entries;     /* actors; those with a state; kv entries */
};

/* Walks over all records once, and looks each actor up in the index. ERR_STORAGE: a record cannot be read (the store's
 * log names it); ERR_MEMORY. */
enum err audit_records(const struct view *view, struct findings *findings, struct audit_report *report);

#endif
