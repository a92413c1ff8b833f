/* spectator.h -- a connection of a spec, from its far end.
 *
 * WHY     A spec hears what a client of a socket would hear, in the same order, without a socket: the kit is a door of its own,
 *         and what the host posts for its outlet is with the connections at once.
 * ROOM    kit. Below: pending, call_form, stage (outlet, notice, parting).
 * THREAD  The spec's.
 * OWNS    A *spectator* is one connection: the spec's userdata and the list of those that the host knows share it, and the last
 *         one to let go frees it. What has come and was not taken yet. Its parting, until that is sent.
 * STATES  connecting -> open (the reply of its connect is no failure)
 *                    -> closed (it is one, or the host has ended)
 *         open -> closed: by the spec, by a notice, as the host ends
 * ALWAYS  1. What comes for a connection is taken by the spec in the order in which it was posted, answers and events alike.
 *         2. The parting of a connection that was open goes to the host in a step of its own (spectators_step), once.
 */
#ifndef TROUPE_SPECTATOR_H
#define TROUPE_SPECTATOR_H

#include <lauxlib.h>

#include "kit/pending.h"

/* How a connection has ended, beside what notice.h has (RFC 6455 section 7.4.1). */
enum {
  SPECTATOR_NORMAL = 1000,     /* the spec has closed it */
  SPECTATOR_STOPPED = 1001,    /* the host has stopped */
  SPECTATOR_LOST = 1006,       /* the host has ended without a word */
  SPECTATOR_REFUSED = 4000     /* and the status of the error: it was refused */
};

/* The connections of a host. */
struct spectators {
  struct outlet outlet;
  struct spectator *first;             /* those that the host knows, the latest first */
  struct pendings *pendings;           /* the host's, as is all that follows */
  struct host **host;                  /* NULL in it: the host has ended */
  const struct limits *limits;
};

void spectators_init(struct spectators *spectators, struct pendings *pendings, struct host **host,
                     const struct limits *limits);

/* Makes the class. [-0, +0, m] */
void spectator_open(lua_State *L);

/* Begins a connection, and pushes the pending of its opening and the spectator. The stack holds owner class key [options], as
 * kit:connect() has them. Both keep the owner alive. [-0, +2, v] */
int spectator_connect(lua_State *L, struct spectators *spectators);

/* Tells the workers of connections that have ended. Returns whether there was any. */
bool spectators_step(struct spectators *spectators);

/* The host has ended: all that are not closed yet are now, with this code. Before pendings_lose(). */
void spectators_end(struct spectators *spectators, unsigned code);

#endif
