/* backup.h -- copies a data folder to a new one, even while a host is running on it.
 *
 * WHY     Copying the files of a folder in use mixes many moments. This copy is the folder as it was between two calls.
 * ROOM    ledger. Below: snapshot, store, folder.
 * OWNS    The new folder, while it runs.
 * ALWAYS  1. The new folder has all records of the snapshot in its store, and an empty log that goes on behind them. It is of
 *            the present format, be the old one of an older.
 *         2. It becomes a data folder, by its FORMAT, once everything in it is synced. A backup that was cut off is not one.
 *         3. A record with a wrong checksum ends the backup: damage is not passed on.
 * ERRORS  Those of a snapshot; ERR_REQUEST: the new folder cannot be used; ERR_STORAGE: a record is damaged, or there is
 *         no room.
 */
#ifndef TROUPE_BACKUP_H
#define TROUPE_BACKUP_H

#include "base/failure.h"
#include "base/logger.h"
#include "ledger/view.h"

/* Where the records of the copy come from, if the folder is of an older format: the records of this one, made of what is in
 * the snapshot, in the order of their keys. `next` as scan_next(); after ERR_STORAGE the failure says why, unless the log
 * does. */
struct backup_source {
  enum err (*open)(const struct view *view, void **source, struct failure *failure);
  enum err (*next)(void *source, struct slice *key, struct slice *value, struct failure *failure);
  void (*close)(void *source);
};

struct backup_report {
  uint64_t batch;           /* the last one in the copy */
  uint64_t records;
  bool is_upgraded;         /* the folder was of an older format */
};

/* `old` reads folders of an older format. `map_bytes` as in struct store_config. The folder `to` must be empty, or missing from
 * a parent that exists, and must not be inside `from`. */
enum err backup_make(const char *from, const char *to, size_t map_bytes, const struct logger *logger,
                     const struct backup_source *old, struct backup_report *report, struct failure *failure);

#endif
