/* outgoing.h -- a call that a turn makes of another actor: what it asks, and what came back.
 *
 * WHY     The script room knows what is asked and what becomes of the answer, the stage how it gets there. This is what they
 *         hand to each other while the turn waits.
 * ROOM    script, without lua.h.
 * OWNS    Its bytes and its failure. It belongs to its turn (turn.h).
 */
#ifndef TROUPE_OUTGOING_H
#define TROUPE_OUTGOING_H

#include "base/failure.h"

struct outgoing {
  /* what is asked; the stage takes the bytes out */
  struct buf class_name;
  struct buf key;              /* an encoded tuple */
  struct buf method;
  struct buf args;             /* a value: an array of arguments; empty: none */
  struct buf input;            /* a value, or empty */
  struct buf idempotency_key;  /* or empty */
  bool create;
  int64_t timeout_ms;          /* 0: none but those of the calls */
  /* what came back; set by the stage before the turn goes on */
  struct buf result;           /* a value; empty: nil, or it failed */
  struct failure failure;      /* err != ERR_NONE: it failed */
};

/* One with everything empty, create = true; NULL if memory runs out. */
struct outgoing *outgoing_try_new(void);
void outgoing_free(struct outgoing *outgoing);

#endif
