/* reply.h -- the promise of an answer: made at a door or by an actor, carried along with its request, kept exactly once.
 *
 * WHY     A call's answer is the same thing whether a client or an actor asks. The reply's maker fills in `deliver`, and gets
 *         the answer through it.
 * ROOM    stage. Below: ledger (it is an effect), base.
 * THREAD  Owned by one thread at a time: door -> worker -> committer -> door, by queues; an early one: worker -> worker, and
 *         back. The committer's step may run on a worker's thread, even on the same worker's.
 * OWNS    Its body, what there is beside it, and its failure. From host_submit() on, or from an actor's asking, it is its
 *         receiver's until `deliver`, which gives it back: its maker may free it before reply_keep() returns.
 * ALWAYS  1. `deliver` is called once, on any thread of the host. So a door must hand over to its own thread.
 *         2. It is called with a result only when everything that the call changed or read is durable, unless the reply is
 *            early.
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
  struct buf more;             /* what an operator sees beside a result or a failure: fields of JSON; mostly empty */
  struct failure failure;      /* err != ERR_NONE: the call failed */
  void (*deliver)(struct reply *reply);
  void (*abandon)(struct reply *reply);   /* as the host ends, in place of `deliver`; NULL: its maker needs no word */
  atomic_bool is_unwanted;     /* set by its maker, at any time: nobody waits for it any more */
  uint64_t call_id;            /* `rpc.id`, and the id under which the call is traced (base/trace.h): one a call of the host */
  uint64_t actor_id;           /* of a connect that succeeded: the actor whose broadcasts the connection gets */
  const struct logger *logger; /* the host's, once that has the reply; NULL before */
  bool early;                  /* an actor's: kept before it is durable (gate.h, G3), */
  uint64_t seen, epoch;        /* with what it depends on */
};

/* Makes an embedded reply ready: empty, and delivered when its effect is released. */
void reply_init(struct reply *reply, enum format format, void (*deliver)(struct reply *reply));
void reply_done(struct reply *reply);

/* The host ends, and this reply will not be kept. */
void reply_abandon(struct reply *reply);

/* Delivers the reply as it is. It is not the caller's any more, and may be freed already. */
void reply_keep(struct reply *reply);

/* Notes a failure with a message, empties the body and delivers. */
void reply_fail(struct reply *reply, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
