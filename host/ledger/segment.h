/* segment.h -- the files of the commit log: how they are named, listed, made and removed.
 *
 * WHY     In a file that was filled with zeros and synced beforehand, a write needs a sync of its bytes only. And a file that
 *         gets its name when it is whole is never found half made.
 * ROOM    ledger. Below: base.
 * THREAD  segment_prepare(): the one that tidies. segment_begin(): the one that appends. The two meet in the folder only.
 * OWNS    Nothing; a folder is an open file, whose owner is the caller.
 * BYTES   A segment is named by the number of its first batch, in 16 hex digits. `spare` is a segment without batches that
 *         waits for its number. A file whose name ends in `.new` is being made.
 * ERRORS  The int functions return 0 or an errno. A file that could not be made does not exist.
 */
#ifndef TROUPE_SEGMENT_H
#define TROUPE_SEGMENT_H

#include "base/disk.h"

enum { SEGMENT_NAME_SIZE = 17 };   /* the digits and the end of the string */

void segment_name(uint64_t first, char name[SEGMENT_NAME_SIZE]);

/* Appends the number of each segment's first batch to a buffer, as uint64_t's in order. */
int segment_list(int folder, struct buf *firsts);

/* Makes a spare segment of so many zeros, if there is none. */
int segment_prepare(int folder, size_t fill_bytes, struct faults *faults);

/* Begins a segment: opens the spare one and gives it its name, or makes one. With `fill_bytes` 0 the file is empty. The caller
 * syncs the folder. */
int segment_begin(int folder, uint64_t first, size_t fill_bytes, struct faults *faults, int *fd);

int segment_remove(int folder, uint64_t first);

/* Removes the spare segment and half-made files. Only while nobody else works in the folder. */
int segment_sweep(int folder);

#endif
