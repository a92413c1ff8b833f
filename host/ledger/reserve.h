/* reserve.h -- a part of the disk that only those may use who make room on it.
 *
 * WHY     To delete takes room too: the log notes it, and LMDB copies the pages on the way. On a disk that one actor has
 *         filled to its last byte nobody could delete any more. So while little is left, what would make the data larger is
 *         refused, before it becomes a commit; what replaces or deletes goes on.
 * ROOM    ledger. Below: checkpointer, view, store.
 * THREAD  Any worker's, each with a view of its own.
 * OWNS    Nothing but itself.
 * ALWAYS  1. What the log holds and the store does not has its room: it counts as used twice.
 *         2. A call that deletes something may add a few notes to that, its idempotency key for instance.
 *         3. Pages of the store that are free count as room of the disk, since LMDB gives none back to it. What was deleted
 *            becomes such pages with a checkpoint: one is asked for while little is left.
 * LIMITS  disk_free_bytes; 0: 1 GiB, or a twentieth of the disk, if that is less.
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

/* Whether what a turn has drafted may become a commit. Asks the system at most once every RESERVE_ASK_MS. */
enum { RESERVE_ASK_MS = 10 };
bool reserve_takes(struct reserve *reserve, const struct view *view, struct checkpointer *checkpointer);

#endif
