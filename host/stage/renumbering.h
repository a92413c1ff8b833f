/* renumbering.h -- the records of a data folder of an older format, as this one has them: a backup reads them from here.
 *
 * WHY     Before "troupe 3" the ids of actors were counted over all shards, and the index of all stood under the id 0.
 * ROOM    stage: it knows which shard an actor is of. Below: router, ledger (view, backup, own_record).
 * THREAD  The caller's.
 * OWNS    The new ids of all actors, 8 bytes each, and the addresses of one shard at a time.
 * ALWAYS  1. The new id of an actor is its shard and, as the counter, its old id. Its records are otherwise what they were.
 *         2. Records come in the order of their new keys. The number of the checkpoint is not among them.
 *         3. Each actor has a record of its own, and the index leads from its address to it and to no other; or there is an
 *            error.
 * ERRORS  ERR_STORAGE: a record is damaged, or missing; the failure names it, unless the store's log does. ERR_MEMORY.
 */
#ifndef TROUPE_RENUMBERING_H
#define TROUPE_RENUMBERING_H

#include "ledger/backup.h"

/* Where a backup finds the records of an older format. */
const struct backup_source *renumbering_source(void);

#endif
