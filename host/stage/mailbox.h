/* mailbox.h -- the calls that wait for one actor, oldest first.
 *
 * WHY     One actor, one call at a time: what comes meanwhile waits here, and only so much of it.
 * ROOM    stage.
 * OWNS    The requests in it.
 * LIMITS  waiting_calls, given by who puts.
 */
#ifndef TROUPE_MAILBOX_H
#define TROUPE_MAILBOX_H

#include "stage/request.h"

struct mailbox {
  struct request *first, *last;
  size_t count;
};

/* Takes the request over; false, and it stays the caller's, where `count_max` wait already. */
bool mailbox_try_put(struct mailbox *mailbox, struct request **request, size_t count_max);

/* The oldest, or NULL. The caller owns it. */
struct request *mailbox_take(struct mailbox *mailbox);

#endif
