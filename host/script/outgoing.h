/* outgoing.h -- a call that an actor makes of another, while it waits for the answer.
 *
 * WHY     The script room knows what is asked, and what a script hears; the stage knows the way there and back. This is
 *         what they hand to each other.
 * ROOM    script, without lua.h.
 * THREAD  The turn's worker's.
 * OWNS    Its bytes. It is the turn's, from the wait (TURN_ASKS) to the end of the call.
 * STATES  asked -> answered: the stage has set `result`, or `failure`, and goes on with the turn
 */
#ifndef TROUPE_OUTGOING_H
#define TROUPE_OUTGOING_H

#include "base/failure.h"

struct outgoing {
  struct buf class_name;
  struct buf key;              /* encoded */
  struct buf method;
  struct buf args;             /* a value, an array */
  struct buf input;            /* a value, for initialize_state; or empty */
  struct buf idempotency_key;  /* or empty */
  bool create;
  int64_t timeout_ms;          /* 0: none of its own */
  struct buf result;           /* the stage's: a value, or empty for nil */
  struct failure failure;      /* the stage's: err != ERR_NONE: the call failed */
};

/* An empty one, with create = true; NULL if out of memory. */
struct outgoing *outgoing_try_new(void);
void outgoing_free(struct outgoing *outgoing);

/* Puts in front of the failure's message which call failed, `Account/ann.deposit: `, unless it names FAILURE_HOPS_NAMED
 * already. If memory runs out, the message stays as it is. */
void outgoing_name_failure(struct outgoing *outgoing);

#endif
