/* reply.h -- the promise of an answer: made at a door, carried along with its request, kept exactly once.
 *
 * WHY     A call's answer is the same thing whichever door asked. A door fills in `deliver`, and gets the answer through it.
 * ROOM    stage. Below: ledger (it is an effect), base.
 * THREAD  Owned by one thread at a time: door -> worker -> committer -> door, by queues. The committer's step may run on a
 *         worker's thread, even on the same worker's.
 * OWNS    Its body and failure. From host_submit() on it is the host's until `deliver`, which gives it back to the
 *         door.
 * ALWAYS  1. `deliver` is called once, on any thread of the host. So a door must hand over to its own thread.
 *         2. It is called with a result only when everything that the call changed or read is durable.
 *         3. If a reply becomes unwanted before its call has begun, the call does not run. A call that has begun runs to its
 *            end.
 */
#ifndef TROUPE_REPLY_H
#define TROUPE_REPLY_H

#include <stdatomic.h>

#include "base/failure.h"
#include "base/logger.h"
#include "codec/format.h"
#include "ledger/committer.h"

struct reply {
  struct effect effect;
  enum format format;
  struct buf body;             /* the result, in `format`; empty after a failure */
  struct failure failure;      /* err != ERR_NONE: the call failed */
  void (*deliver)(struct reply *reply);
  void (*abandon)(struct reply *reply);   /* the host ends, and it will not be kept; NULL: its maker knows */
  atomic_bool is_unwanted;     /* set by the door, at any time: nobody waits for it any more */
  uint64_t call_id;            /* set by host_submit(): `rpc.id`, and the id under which the call is traced (base/trace.h) */
  const struct logger *logger; /* NULL before */
  bool early;                  /* an actor's: kept before it is durable, with what it depends on (gate.h, G3): */
  uint64_t seen, epoch;
};

/* Makes an embedded reply ready: empty, and delivered when its effect is released. */
void reply_init(struct reply *reply, enum format format, void (*deliver)(struct reply *reply));
void reply_done(struct reply *reply);

/* The host ends, and this reply will not be kept. */
void reply_abandon(struct reply *reply);

/* Delivers the reply as it is. */
void reply_keep(struct reply *reply);

/* Notes a failure with a message, empties the body and delivers. */
void reply_fail(struct reply *reply, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
