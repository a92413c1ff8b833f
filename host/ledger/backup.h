/* backup.h -- copies a data folder, be it that a host runs on it, to a new one.
 *
 * WHY     A copy of the files of a folder in use is of no one moment. This is as the folder was between two calls.
 * ROOM    ledger. Below: snapshot, store, folder.
 * OWNS    Nothing; while it runs, the new folder.
 * ALWAYS  1. The new folder has all records of the snapshot in its store, and an empty log that goes on behind them.
 *         2. It becomes a data folder, by its FORMAT, when all that is in it is synced. One that was cut off is none.
 *         3. A record whose checksum is wrong ends it: damage is not handed on.
 * ERRORS  Those of a snapshot; ERR_REQUEST: the new folder cannot be used; ERR_STORAGE: a record is damaged, or there is
 *         no room.
 */
#ifndef TROUPE_BACKUP_H
#define TROUPE_BACKUP_H

#include "base/failure.h"
#include "base/logger.h"

struct backup_report {
  uint64_t batch;           /* the last one that the copy holds */
  uint64_t records;
};

/* `map_bytes` as in struct store_config. The folder `to` must be missing (and its parent there) or empty, and not lie in
 * `from`. */
enum err backup_make(const char *from, const char *to, size_t map_bytes, const struct logger *logger,
                     struct backup_report *report, struct failure *failure);

#endif
