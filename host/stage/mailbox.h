/* mailbox.h -- the calls that wait for one actor, oldest first.
 *
 * WHY     One actor, one call at a time. The calls that arrive meanwhile wait here, up to a limit.
 * ROOM    stage.
 * OWNS    The requests in it.
 * LIMITS  waiting_calls, passed in by the caller; errands (errand.h) have limits of their own.
 */
#ifndef TROUPE_MAILBOX_H
#define TROUPE_MAILBOX_H

#include "stage/request.h"

struct mailbox {
  struct request *first, *last;
  size_t count;
  size_t errands;              /* how many of them are the host's own (errand.h): they do not count for the limit */
};

/* Takes the request over. False if `count_max` wait already, errands aside; then it stays the caller's. */
bool mailbox_try_put(struct mailbox *mailbox, struct request **request, size_t count_max);

/* The oldest, or NULL. The caller owns it. */
struct request *mailbox_take(struct mailbox *mailbox);

/* The request behind this one; NULL: it is the last. */
struct request *mailbox_next(const struct request *request);

/* The request with this id; NULL if it is not in here. */
struct request *mailbox_find(const struct mailbox *mailbox, uint64_t call_id);

/* Takes out one that is in here; the caller owns it. */
void mailbox_take_out(struct mailbox *mailbox, struct request *request);

#endif
