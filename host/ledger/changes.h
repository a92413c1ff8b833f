/* changes.h -- what one turn changed, as plain bytes in order.
 *
 * WHY    The message from a worker to who makes it durable: self-contained, so that it may go to a file, to LMDB or one
 *        day over a wire.
 * ROOM   ledger.
 * BYTES  A run of changes. Put: 01, key size u32, value size u32, key, value. Delete: 02, key size u32, key. Numbers
 *        big-endian.
 */
#ifndef TROUPE_CHANGES_H
#define TROUPE_CHANGES_H

#include "base/buf.h"
#include "ledger/memtable.h"

enum change_type { CHANGE_END, CHANGE_PUT, CHANGE_DELETE, CHANGE_BROKEN };

struct change {
  enum change_type type;
  struct slice key;
  struct slice value;
};

/* Appends all entries of a memtable, in key order. */
void changes_put_all(struct buf *changes, const struct memtable *memtable);

/* The next change and moves `rest` behind it; CHANGE_END where nothing is left. */
struct change changes_next(struct slice *rest);

#endif
