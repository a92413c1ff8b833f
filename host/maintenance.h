/* maintenance.h -- `troupe backup` and `troupe verify`: data folders, looked at from outside.
 *
 * WHY    Neither needs a host, and neither minds one that runs: each is a process of its own that only reads.
 * ROOM   main. Below: stage (the audit), ledger.
 * OWNS   Nothing.
 */
#ifndef TROUPE_MAINTENANCE_H
#define TROUPE_MAINTENANCE_H

#include "options.h"

/* Copies the data folder of the first word to the second, and says how much that was. */
enum err maintenance_backup(const struct options *options, struct buf *output, struct failure *failure);

/* Checks store, log and records of the data folder of the first word. What is wrong is printed to standard output at once,
 * a line each, from a child of this process, since LMDB may end it on damaged pages. ERR_STORAGE where anything is wrong; other
 * errors where that is not known, since the check had no memory, files or rights, or was ended. */
enum err maintenance_verify(const struct options *options, struct buf *output, struct failure *failure);

#endif
