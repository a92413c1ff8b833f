/* segment.h -- the files of the commit log: how they are named, listed, made and removed.
 *
 * WHY     A file that was filled with zeros and synced ahead takes writes of which only the bytes need a sync. And a file
 *         that gets its name when it is whole is never found half made.
 * ROOM    ledger. Below: base.
 * THREAD  segment_prepare(): one that tidies. segment_begin(): one that appends. The two meet in the folder only.
 * OWNS    Nothing; a folder is an open file, whose owner is the caller.
 * BYTES   A segment is named by the number of its first batch, 16 hex digits. `spare` is one without batches that waits
 *         for its number. What ends with `.new` is being made.
 * ERRORS  The int functions answer 0 or an errno. What could not be made is not there.
 */
#ifndef TROUPE_SEGMENT_H
#define TROUPE_SEGMENT_H

#include "base/disk.h"

enum { SEGMENT_NAME_SIZE = 17 };   /* the digits and the end of the string */

void segment_name(uint64_t first, char name[SEGMENT_NAME_SIZE]);

/* Appends the number of each segment's first batch to a buffer, as uint64_t's in order. */
int segment_list(int folder, struct buf *firsts);

/* Has a spare segment of so many zeros ready, if there is none. */
int segment_prepare(int folder, size_t fill_bytes, struct faults *faults);

/* Begins a segment: opens the spare one and gives it its name, or makes one. With `fill_bytes` 0 it is an empty file. The
 * caller syncs the folder. */
int segment_begin(int folder, uint64_t first, size_t fill_bytes, struct faults *faults, int *fd);

int segment_remove(int folder, uint64_t first);

/* Removes the spare segment and what is half made. Only while nobody else works in the folder. */
int segment_sweep(int folder);

#endif
