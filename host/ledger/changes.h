/* changes.h -- what one turn changed, as plain bytes in order.
 *
 * WHY    The message from a worker to the committer. It is self-contained, so that it can go to a file, to LMDB or one day
 *        over a wire.
 * ROOM   ledger. Below: memtable.
 * BYTES  A run of changes: a tag, two sizes u32, and the bytes of those sizes. Put: 01, key, value. Delete: 02, key, and
 *        nothing. Range delete, of all keys with from <= key < to: 03, from, to. Numbers are big-endian.
 * ALWAYS Repeated from any change on to the last, changes lead to the same records.
 */
#ifndef TROUPE_CHANGES_H
#define TROUPE_CHANGES_H

#include "base/buf.h"
#include "ledger/memtable.h"

enum change_type { CHANGE_END, CHANGE_PUT, CHANGE_DELETE, CHANGE_DELETE_RANGE, CHANGE_BROKEN };

struct change {
  enum change_type type;
  struct slice key;      /* of a range delete: from */
  struct slice value;    /* of a range delete: to */
};

/* Appends what a memtable holds: first its deleted ranges, then its entries, each in key order. */
void changes_put_all(struct buf *changes, const struct memtable *memtable);

/* Returns the next change and moves `rest` behind it; CHANGE_END if nothing is left. */
struct change changes_next(struct slice *rest);

#endif
