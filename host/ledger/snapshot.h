/* snapshot.h -- a data folder as of one moment, even while a host is running on it: the store, and over it the log's tail.
 *
 * WHY     A backup, or a search for damage, needs neither the host's help nor its end; and between two calls the folder is
 *         right only as a whole.
 * ROOM    ledger. Below: folder, store, log, view.
 * THREAD  One, in another process than the host's: LMDB opens a store only once in a process.
 * OWNS    A reader's snapshot of the store. While it is open, the host's store does not reuse the pages that it shows, and
 *         grows instead.
 * ALWAYS  1. The store's snapshot is taken first; then the log is read, from that snapshot's checkpoint number on. So the log
 *            has everything that the store has, even in the middle of a checkpoint, and both together are the records up to
 *            one batch.
 *         2. Nothing in the folder is changed. (LMDB makes its lock.mdb if that is missing.)
 *         3. A host does not know of a reader that may not write to lock.mdb: then there must be no host (folder_look()).
 * ERRORS  ERR_REQUEST: not a data folder, or its log is damaged; ERR_STORAGE: its store cannot be read; or what else
 *         disk_err() says, such as ERR_MEMORY.
 */
#ifndef TROUPE_SNAPSHOT_H
#define TROUPE_SNAPSHOT_H

#include "ledger/view.h"

/* Enough for all workers of a host that starts while another process has its store open. */
enum { SNAPSHOT_READERS_MAX = 1100 };

struct snapshot;

/* `map_bytes` as in struct store_config. Damage to the store's records is logged when they are read. */
enum err snapshot_open(const char *data_path, size_t map_bytes, const struct logger *logger, struct snapshot **snapshot,
                       struct failure *failure);
void snapshot_close(struct snapshot *snapshot);

/* The number of the last batch that it shows. */
uint64_t snapshot_last_batch(const struct snapshot *snapshot);

/* Whether the folder's format is an older one, in which the ids of actors bear no shard. */
bool snapshot_is_old(const struct snapshot *snapshot);

/* All its records. */
const struct view *snapshot_view(const struct snapshot *snapshot);

#endif
