/* announcement.h -- the events of a turn, as notices for the outlets that they go to.
 *
 * WHY     A turn tells an event to whoever listens; where they are only the stage knows. An event for many goes once to each
 *         outlet.
 * ROOM    stage. Below: connections, notice, script (events).
 * THREAD  Its worker's.
 * OWNS    Its notices, until they are taken as effects.
 * ALWAYS  Notices for one outlet are in the order of the events.
 */
#ifndef TROUPE_ANNOUNCEMENT_H
#define TROUPE_ANNOUNCEMENT_H

#include "script/turn.h"
#include "stage/connections.h"
#include "stage/notice.h"

struct announcement {
  struct effect *notices;      /* of broadcasts and sends; or NULL */
  struct effect *closings;     /* of connections that end; or NULL */
};

/* Makes the notices of what a turn of this actor tells, and, if it destroys the actor, of the ends of all its connections. They
 * count as under way until they have left. False if memory runs out: then there are none. */
bool announcement_try_make(const struct connections *connections, const struct turn *turn, uint64_t actor_id,
                           _Atomic size_t *under_way, struct announcement *made);

/* Frees notices that go nowhere. */
void announcement_done(struct announcement *announcement);

/* The commit of this ticket has taken them along; 0: they have left. Notes which connections it ends. */
void announcement_note(const struct connections *connections, const struct turn *turn, uint64_t actor_id, uint64_t ticket);

#endif
