/* router.h -- which worker an actor lives on.
 *
 * WHY     An actor never moves between workers, so its calls need no lock: the address alone tells where it lives.
 * ROOM    stage.
 */
#ifndef TROUPE_ROUTER_H
#define TROUPE_ROUTER_H

#include "base/buf.h"

/* Appends the address of an actor: its class as a string part, then the parts of its key. Equal addresses are equal
 * bytes. */
void router_put_address(struct buf *address, struct slice class_name, struct slice key);

/* The worker, below `workers`, of the actor with this class and key. The same for the same actor and count in every
 * process. */
unsigned router_worker(struct slice class_name, struct slice key, unsigned workers);

#endif
