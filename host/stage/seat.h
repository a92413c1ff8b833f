/* seat.h -- a connection, as the worker of its actor knows it.
 *
 * WHY     Of 10,000 connections each takes this and what came with its handshake, whether its actor is in memory or not.
 * ROOM    stage. Below: outlet, script (connection).
 * THREAD  Its worker's.
 * OWNS    Nothing: seats and halls are those of a table (connections.h).
 * WORDS   A connection has a *seat* in the table from the request that opens it until nothing is left to be done for it. The
 *         seats of one actor stand in a *hall*; those of them that are at one outlet are a *wing*. The audience of the actor
 *         is those that have joined.
 * STATES  of a seat: joining -> joined   connections_join(): its connect was committed, or passed the gate
 *         joining -> gone      its connect failed: connections_drop()
 *         joined -> gone       the epoch of its connect has failed; its door hears that by the reply: connections_hear_lost()
 *         joined -> leaving    its parting came, and its actor has no turn under way: connections_leave(). It is in no audience
 *                              any more; on_disconnect is to run, or its record to go (farewells.h)
 *         leaving -> left      a commit has done that; or one has destroyed its actor; -> leaving, if that one's epoch fails
 *         left -> gone         that commit is durable, or there was none: connections_drop()
 *         of a hall: ended     a commit has destroyed its actor; if that one's epoch fails, it has not. Its seats stay until
 *                              their partings come, which they do: their doors are told to close them
 */
#ifndef TROUPE_SEAT_H
#define TROUPE_SEAT_H


#include "base/hash.h"
#include "script/connection.h"
#include "stage/outlet.h"

/* The seats of a hall that are at one outlet and have not left. */
struct wing {
  struct wing *next;
  struct outlet *outlet;       /* means nothing if there are none */
  size_t count;
};

struct hall {
  struct audience audience;
  UT_hash_handle hh;           /* by the actor's id */
  uint64_t actor_id;
  uint64_t told;               /* the ticket of the last commit without changes that its actor's turns have sent; 0: none */
  uint64_t ended;              /* the ticket of the commit that has destroyed its actor; 0: none has */
  struct wing wing;            /* the first of them */
  uint32_t seats;
  uint32_t address_size;
  bool hashed;                 /* false: the table had no memory for it */
  uint8_t address[];           /* of the actor (router.h) */
};

enum seat_state { SEAT_JOINING, SEAT_JOINED, SEAT_LEAVING, SEAT_LEFT };

struct seat {
  struct connection connection;    /* linked in the audience; then in a list of farewells.h */
  UT_hash_handle hh;               /* by the connection's id */
  struct hall *hall;               /* NULL: its actor's id is not known yet */
  struct outlet *outlet;
  uint64_t ticket;                 /* of the commit by which it has joined, or left; 0: there was none, or it is durable */
  uint64_t closing;                /* of the commit that has disconnected it; 0 as well */
  enum seat_state state;
  uint8_t tries;                   /* of on_disconnect that failed for want of memory */
  bool has_heard;                  /* on_disconnect has run, and failed: only its record is to go */
  bool hashed;                     /* as in a hall */
};

/* Whether calls of this connection may begin: it has joined, and no commit has disconnected it or destroyed its actor. */
static inline bool seat_is_open(const struct seat *seat) {
  return seat->state == SEAT_JOINED && !seat->connection.is_closing && seat->hall->ended == 0;
}

static inline struct seat *seat_of(struct connection *connection) {
  return (struct seat *)(void *)((uint8_t *)connection - offsetof(struct seat, connection));
}

/* The address of its actor (router.h). */
static inline struct slice seat_address(const struct seat *seat) {
  return slice_of(seat->hall->address, seat->hall->address_size);
}

#endif
