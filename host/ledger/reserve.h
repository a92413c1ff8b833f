/* reserve.h -- a part of the disk that is kept for calls that make room on it.
 *
 * WHY     Deleting takes room too: the log notes it, and LMDB copies the pages on the way. On a disk that one actor has filled
 *         to the last byte, nobody could delete any more. So while little is left, a commit that would make the data larger is
 *         refused before it becomes one; commits that replace or delete go on.
 * ROOM    ledger. Below: checkpointer, view, store.
 * THREAD  Any worker's, each with a view of its own.
 * OWNS    Nothing but itself.
 * ALWAYS  1. There is room for what is in the log but not in the store: it counts as used twice.
 *         2. A call that deletes something may add a few notes, its idempotency key for instance.
 *         3. Free pages of the store count as room on the disk, since LMDB gives none back. A checkpoint turns what was deleted
 *            into such pages: one is asked for while little is left.
 * LIMITS  disk_free_bytes; 0: 1 GiB, or a twentieth of the disk if that is less.
 */
#ifndef TROUPE_RESERVE_H
#define TROUPE_RESERVE_H

#include "ledger/checkpointer.h"
#include "ledger/view.h"

struct reserve_config {
  const char *path;            /* of the data folder */
  uint64_t free_bytes;         /* the limit */
  const struct clock *clock;
  const struct logger *logger;
};

struct reserve;

struct reserve *reserve_new(const struct reserve_config *config);
void reserve_free(struct reserve *reserve);

/* Whether the drafts of a turn may become a commit, with `more` bytes of records that are new. Asks the system at most once
 * every RESERVE_ASK_MS. */
enum { RESERVE_ASK_MS = 10 };
bool reserve_takes(struct reserve *reserve, const struct view *view, size_t more, struct checkpointer *checkpointer);

#endif
