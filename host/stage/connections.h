/* connections.h -- the live connections of the actors of one worker.
 *
 * WHY     Connections outlive the memory of their actors: an actor with 10,000 idle sockets sleeps, and comes back with all of
 *         them. So they stand outside the VM, by the actor's id.
 * ROOM    stage. Below: seat, request, actor.
 * THREAD  Its worker's.
 * OWNS    Seats and halls. A seat holds copies of what came with its request.
 * STATES  of a seat: seat.h, which also says what moves it
 * ALWAYS  1. A connection is in its actor's audience from the commit of its connect until its parting or the actor's end.
 *         2. The audience of an actor changes between its turns, and by the commits of its turns, but not while one of them
 *            waits: a connection that joins or is gone is of a commit that this turn has seen.
 *         3. on_disconnect runs once for each on_connect that is durable, unless the process ends, or the actor was destroyed.
 *         4. A hall without seats does not exist.
 */
#ifndef TROUPE_CONNECTIONS_H
#define TROUPE_CONNECTIONS_H

#include "stage/actor.h"
#include "stage/seat.h"

struct connections {
  struct seat *seats;
  struct hall *halls;
};

void connections_init(struct connections *connections);
void connections_done(struct connections *connections);

static inline bool connections_are_any(const struct connections *connections) {
  return connections->seats != NULL;
}

/* -- a connection joins -- */

/* Opens a seat for a connect, joining, with copies of what the request brings. NULL if memory runs out. */
struct seat *connections_try_open(struct connections *connections, const struct request *request);

/* Once the actor's id is known: puts it into the hall of that actor. False if memory runs out. */
bool connections_try_seat(struct connections *connections, struct seat *seat, const struct actor *actor);

/* Its connect was sent with the commit of this ticket; 0: it passed at once. */
void connections_join(struct seat *seat, uint64_t ticket);

/* -- what is known -- */

/* The seat of a connection; NULL: there is none any more. */
struct seat *connections_find(const struct connections *connections, uint64_t id);

/* The hall of an actor; NULL: it has no connections. */
struct hall *connections_hall(const struct connections *connections, uint64_t actor_id);

/* How many connections of an actor have joined. */
size_t connections_count(const struct connections *connections, uint64_t actor_id);

/* -- a connection ends -- */

/* The commit of this ticket has disconnected it; 0: that passed at once. */
void connections_close(struct seat *seat, uint64_t ticket);

/* It has joined, and leaves: it is in no audience and in no list any more. */
void connections_leave(struct seat *seat);

/* Frees it; it is in no list but an audience. */
void connections_drop(struct connections *connections, struct seat *seat);

/* An epoch has ended with this verdict: what joined beyond it is gone; what was disconnected or destroyed beyond it is not. */
void connections_hear_lost(struct connections *connections, uint64_t verdict);

#endif
