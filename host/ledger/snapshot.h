/* snapshot.h -- a data folder as it was at one moment, be it that a host runs on it: the store, and over it the log's tail.
 *
 * WHY     A backup, or a look for damage, needs neither the host's help nor its end; and between two calls the folder is
 *         right only as a whole.
 * ROOM    ledger. Below: folder, store, log, view.
 * THREAD  One, of another process than the host's: LMDB takes a store no more than once a process.
 * OWNS    A reader's snapshot of the store: as long as it is open, the host's store uses no page again that it shows,
 *         and grows instead.
 * ALWAYS  1. The store's snapshot is taken first, and then the log read, from the checkpoint's number of that snapshot
 *            on. So the log has all that the store has, be it in the midst of a checkpoint; and both together are the
 *            records up to one batch.
 *         2. Nothing in the folder is changed. (LMDB makes its lock.mdb where that is missing.)
 *         3. Who may not write to lock.mdb is not known to a host as a reader: then there is none (folder_look()).
 * ERRORS  ERR_REQUEST: no data folder, or its log is damaged; ERR_STORAGE: its store cannot be read; what else
 *         disk_err() says, as ERR_MEMORY.
 */
#ifndef TROUPE_SNAPSHOT_H
#define TROUPE_SNAPSHOT_H

#include "ledger/view.h"

/* For all workers of a host that starts while another process has its store open. */
enum { SNAPSHOT_READERS_MAX = 1100 };

struct snapshot;

/* `map_bytes` as in struct store_config. What is wrong with the store's records is logged when they are read. */
enum err snapshot_open(const char *data_path, size_t map_bytes, const struct logger *logger, struct snapshot **snapshot,
                       struct failure *failure);
void snapshot_close(struct snapshot *snapshot);

/* Number of the last batch that it shows. */
uint64_t snapshot_last_batch(const struct snapshot *snapshot);

/* All its records. */
const struct view *snapshot_view(const struct snapshot *snapshot);

#endif
