/* record.h -- the key of a record, as a person reads it.
 *
 * WHY    Damage is named: which actor, and what of it.
 * ROOM   ledger. Below: codec.
 * OWNS   Nothing.
 * BYTES  Of a record key: the actor's id u64, 0 for the host's own; a letter for the space; the rest.
 */
#ifndef TROUPE_RECORD_H
#define TROUPE_RECORD_H

#include "base/buf.h"

enum { RECORD_KEY_HEAD = 9 };   /* bytes of id and space */

/* A key behind those of all records. */
struct slice record_behind_all(void);

/* Appends for example `actor 12, kv ["users","ann"]`. Any bytes can be printed. */
void record_print(struct buf *buf, struct slice key);

#endif
