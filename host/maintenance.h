/* maintenance.h -- `troupe backup` and `troupe verify`: data folders, looked at from outside.
 *
 * WHY    Neither needs a host, and neither minds a running one: each is a process of its own that only reads.
 * ROOM   main. Below: stage (the audit), ledger.
 * OWNS   Nothing.
 */
#ifndef TROUPE_MAINTENANCE_H
#define TROUPE_MAINTENANCE_H

#include "options.h"

/* Copies the data folder of the first word to the second, and says how much that was. */
enum err maintenance_backup(const struct options *options, struct buf *output, struct failure *failure);

/* Checks store, log and records of the data folder of the first word. What is wrong is printed to standard output at once,
 * a line each, by a child of this process, since LMDB may end it on damaged pages. ERR_STORAGE if anything is wrong; other
 * errors if that is unknown, because the check ran out of memory or files, lacked rights, or was ended. */
enum err maintenance_verify(const struct options *options, struct buf *output, struct failure *failure);

#endif
