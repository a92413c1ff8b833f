/* remnants.h -- the records of connections of an earlier life of the host.
 *
 * WHY     Connections end with the process, and the records of their states do not. Nobody looks for them at a start: an actor
 *         that has some loses them with the first connection of this life.
 * ROOM    stage. Below: ledger (view).
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * LIMITS  REMNANTS_STEPS deleted records are passed in search of one that is not; behind more of them there may be one.
 */
#ifndef TROUPE_REMNANTS_H
#define TROUPE_REMNANTS_H

#include "ledger/view.h"

enum { REMNANTS_STEPS = 100 };

/* Drafts the delete of all records of connections that an actor has, if there are any; none of its connections is alive. False
 * if memory runs out. */
bool remnants_try_draft(const struct view *view, uint64_t actor_id);

#endif
