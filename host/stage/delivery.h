/* delivery.h -- a request comes to the actor that it is for.
 *
 * WHY     It waits in that actor's mailbox until its turn comes, its time is over, or it turns out that it would wait for
 *         itself.
 * ROOM    stage. Below: actor, deadlines, performance, probe.
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * LIMITS  waiting_calls
 */
#ifndef TROUPE_DELIVERY_H
#define TROUPE_DELIVERY_H

#include "stage/probe.h"
#include "vm/vm_config.h"

struct delivery {
  const struct vm_config *vm;  /* the worker's */
  struct probes probes;
};

/* Puts a request into its actor's mailbox, or answers it. Takes it over. */
void delivery_put(const struct delivery *delivery, struct request *request);

#endif
