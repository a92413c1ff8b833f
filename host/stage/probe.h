/* probe.h -- finds a circle of actors that wait for one another.
 *
 * WHY     Two actors that ask each other would wait until a timeout, and the message could not say why. There is no table of
 *         who waits for whom: a call that meets no actor that waits pays nothing.
 * ROOM    stage. Below: actor, ask, performance, post.
 * THREAD  The worker's where it is; as a letter it goes from one to the next.
 * OWNS    Itself. probe_begin() and probe_take() free it, or send it on.
 * STATES  A request reaches an actor that waits for an answer: the probe follows whom that one waits for, and so on.
 *         It ends   - at an actor that does not wait, or does not owe the one before it: no circle is closed now, and a
 *                     request that closes one later begins a probe of its own;
 *                   - at the wait for the very request that it began with: a circle. If it crossed workers, a second round
 *                     asks each actor again whether it still waits as it did. If all do, all waited at the moment between
 *                     the rounds, and so the circle was there;
 *                   - at the mailbox where it began: the request is taken out of it, and answered `deadlock`. It never runs.
 * ALWAYS  1. An actor *owes* another if its turn was begun by that one's request, or that request is in its mailbox. Without
 *            that question an answer on its way between workers would look like a wait.
 *         2. The request that closes a circle last finds it. Two that close it at the same moment may both find it.
 * LIMITS  HOPS_MAX actors: a longer circle ends with the deadline of a call in it.
 */
#ifndef TROUPE_PROBE_H
#define TROUPE_PROBE_H

#include "stage/actor.h"
#include "stage/deadlines.h"
#include "stage/post.h"

/* Of one worker. */
struct probes {
  struct actors *actors;
  struct deadlines *deadlines;
  const struct post *post;
  unsigned worker;             /* its number */
};

struct probe;

/* A request of an actor has come into the mailbox of an actor that waits. If they are part of a circle, it is answered
 * `deadlock`; if memory runs out on the way, `out_of_memory`. */
void probe_begin(const struct probes *probes, struct actor *actor, const struct request *request);

/* A probe has come from another worker. */
void probe_take(const struct probes *probes, struct letter *letter);

void probe_free(struct probe *probe);
struct probe *probe_of(struct letter *letter);

#endif
