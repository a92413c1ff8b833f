/* actor_ids.h -- the ids that new actors get, a counter for each shard.
 *
 * WHY     An id must be new while any record stands under it. What is in the records says so best, and nothing that is written
 *         beside them could disagree; but a start does not look at 1,024 shards for actors that may never be made.
 * ROOM    stage. Below: router, ledger (view).
 * THREAD  What is of a shard is only touched by the worker of that shard.
 * OWNS    Nothing.
 * ALWAYS  An id that was given is not given again before the host ends. Of one that was not made durable by then, or that was
 *         destroyed, no record stands anywhere, and another life may give it again.
 */
#ifndef TROUPE_ACTOR_IDS_H
#define TROUPE_ACTOR_IDS_H

#include "ledger/view.h"
#include "stage/router.h"

struct actor_ids {
  uint64_t next[ROUTER_SHARDS];      /* 0: not known yet */
};

/* Gives the next id of a shard. The first time it is sought behind the last record of that shard. ERR_STORAGE: the store
 * cannot be read there. */
enum err actor_ids_give(struct actor_ids *ids, const struct view *view, unsigned shard, uint64_t *id);

#endif
