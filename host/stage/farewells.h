/* farewells.h -- what is left to be done for connections that have ended.
 *
 * WHY     A connection may end while its actor sleeps, works, or cannot be loaded. Its class may want to hear of it, and the
 *         record of its state must go; where there is neither, nobody is woken.
 * ROOM    stage. Below: connections, errand, rig, parting, deadlines.
 * THREAD  Its worker's.
 * OWNS    Partings that were not looked at yet; errands of on_disconnect. It holds the seats of those that have left.
 * STATES  of a parting: come -> put aside with its actor, while a turn of that waits -> come
 *                            -> its connection leaves: it has one farewell to make, or is gone
 *         of a farewell: due -> on_disconnect, as an errand (errand.h), whose commit takes the record away -> made
 *                               -> failed, since the script did: the log says so, and the record is still to go
 *                               -> the disk or memory failed: it rests, and is due again after FAREWELLS_PAUSE_MS
 *                        due -> no on_disconnect (any more): the record goes by a commit of the host's own, or there is none
 *                        made -> gone, when that is durable; due again, if that epoch fails
 *         While the host stops, partings are freed, and nothing is due any more: what is left goes another time (remnants.h).
 * LIMITS  FAREWELLS_OUT_MAX errands are under way at a time, and as many farewells begin a step.
 */
#ifndef TROUPE_FAREWELLS_H
#define TROUPE_FAREWELLS_H

#include "stage/connections.h"
#include "stage/deadlines.h"
#include "stage/parting.h"
#include "stage/rig.h"

enum { FAREWELLS_OUT_MAX = 256, FAREWELLS_PAUSE_MS = 1000 };

struct farewells_config {
  struct rig *rig;
  struct actors *actors;
  struct connections *connections;
  struct deadlines *deadlines;
  const struct vm_config *vm;          /* the worker's */
  _Atomic uint64_t *next_call_id;      /* the host's */
};

struct farewells {
  struct farewells_config config;
  struct queue_item *come, **come_end; /* partings */
  struct connection_list due, resting, made;
  size_t out;                          /* how many errands are under way */
  struct deadline again;               /* of those that rest */
};

void farewells_init(struct farewells *farewells, const struct farewells_config *config);
void farewells_done(struct farewells *farewells);      /* no errand is under way */

/* A parting has come. Takes it over. */
void farewells_take(struct farewells *farewells, struct parting *parting);

/* As struct performances_config says. */
void farewells_take_aside(struct farewells *farewells, struct queue_item *partings);

/* Does some of what is due. Whether there was anything. */
bool farewells_step(struct farewells *farewells, bool stopping);

/* When an epoch has ended, and the turns that were lost with it have: what was made in it is due again. */
void farewells_hear_lost(struct farewells *farewells);

#endif
