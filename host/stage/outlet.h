/* outlet.h -- where what the host has for the outside leaves it: a door, or the kit.
 *
 * WHY     Answers, events and the ends of connections come from workers and from the committer. A client hears them in the
 *         order in which they became durable; so all that is for the clients of one door goes through one queue of that door.
 * ROOM    stage. Below: base (queue).
 * THREAD  outlet_post() on any thread of the host.
 * OWNS    An item belongs to the outlet from outlet_post() on.
 * ALWAYS  What one thread posts arrives in that order. What the commits of one actor tell is posted in the order of the
 *         commits: by the committer, or, where nothing is to become durable any more, by the actor's worker after that
 *         (committer.h, ALWAYS 4).
 */
#ifndef TROUPE_OUTLET_H
#define TROUPE_OUTLET_H

#include "base/queue.h"

enum outlet_kind {
  OUTLET_REPLY,        /* of a call of this door: whatever the door has embedded the item in */
  OUTLET_NOTICE        /* notice.h */
};

/* The first member of all that is posted. */
struct outlet_item {
  struct queue_item item;
  enum outlet_kind kind;
};

struct outlet {
  void (*post)(struct outlet *outlet, struct outlet_item *item);
};

static inline void outlet_post(struct outlet *outlet, struct outlet_item *item) {
  outlet->post(outlet, item);
}

#endif
