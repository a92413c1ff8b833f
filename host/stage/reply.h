/* reply.h -- the promise of an answer: made at a door, carried along with its request, kept exactly once.
 *
 * WHY     What comes back from a call is one thing, whoever asked: a door fills in `deliver` and gets the answer there.
 * ROOM    stage. Below: ledger (it is an effect), base.
 * THREAD  Owned by one thread at a time: door -> worker -> committer -> door, by queues. The committer's step may run on the
 *         thread of a worker, be it the same.
 * OWNS    Its body and failure. From host_submit() on it is the host's until `deliver`, which gives it back to the
 *         door.
 * ALWAYS  1. `deliver` is called once; on any thread of the host, so a door hands over to its own.
 *         2. It is called with a result only when all that the call changed or read is durable.
 *         3. A call whose reply is unwanted before it has begun does not run; one that has begun runs to its end.
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
  atomic_bool is_unwanted;     /* set by the door, at any time: nobody waits for it any more */
  uint64_t call_id;            /* set by host_submit(): `rpc.id`, and where the call's way is noted (base/trace.h) */
  const struct logger *logger; /* NULL before */
};

/* Makes an embedded reply ready: empty, its effect set so that releasing it delivers it. */
void reply_init(struct reply *reply, enum format format, void (*deliver)(struct reply *reply));
void reply_done(struct reply *reply);

/* Delivers with what the reply holds. */
void reply_keep(struct reply *reply);

/* Notes a failure with a message, empties the body and delivers. */
void reply_fail(struct reply *reply, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
