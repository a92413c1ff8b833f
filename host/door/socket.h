/* socket.h -- connections of clients to actors: a channel each, through which calls, answers and events go.
 *
 * WHY     What comes through a channel means calls and subscriptions, and what the host has for connections goes out through
 *         channels. Here the two meet.
 * ROOM    door. Below: hatch, channel, wire, topics.
 * THREAD  The server's.
 * OWNS    Sockets; and of each its calls, its subscriptions, and the letter that tells its actor's worker of its end.
 * STATES  asked (socket_try_new, socket_await) -> joined (socket_join) -> parted
 *         asked -> refused (socket_refuse): its client hears only why, by a close;  asked -> freed (socket_free)
 * ALWAYS  1. The worker of a joined socket is told of its end once, when no call of it can come any more. It is not told while
 *            the server stops: then no on_disconnect is to run.
 *         2. Calls begin in the order in which they came. What a socket is told, it is told in the order of the hatch.
 *         3. Calls of a socket that has ended are unwanted.
 * LIMITS  connection_calls: then its frames wait. subscriptions. Those of channel.h.
 */
#ifndef TROUPE_SOCKET_H
#define TROUPE_SOCKET_H

#include "base/siphash.h"
#include "door/channel.h"
#include "door/hatch.h"
#include "door/topics.h"
#include "door/wire.h"

struct socket;

struct sockets {
  struct hatch *hatch;
  const struct limits *limits;
  struct channels channels;
  struct wire wire;
  struct topics topics;
  struct socket *by_id;                /* those that are awaited or have joined, by the connection's id; uthash's */
  struct siphash_key hash_key;
  LIST_HEAD(, socket) all;
  bool is_stopping;
};

/* `limits` stay the caller's. */
void sockets_init(struct sockets *sockets, h2o_loop_t *loop, struct hatch *hatch, const struct limits *limits);

/* Only when there is no socket any more. */
void sockets_done(struct sockets *sockets);

/* An event, or the end of a connection. */
void sockets_tell(struct sockets *sockets, const struct notice *notice);

/* The server stops: each socket hears nothing more, and is closed once its calls are answered. */
void sockets_stop(struct sockets *sockets);

/* Ends all, in the next turn of the loop. */
void sockets_cut(struct sockets *sockets);

/* One for a client that asks for a connection to this actor; both are empty if it will be refused. NULL if out of memory. */
struct socket *socket_try_new(struct sockets *sockets, struct slice class_name, struct slice key);

/* Its channel must not be on its way to open: socket_channel(). */
void socket_free(struct socket *socket);

/* For channel_open(): from then on the socket goes by itself. */
struct channel *socket_channel(struct socket *socket);

/* The letter that the request must carry. */
struct parting *socket_parting(const struct socket *socket);

/* Its request is under way: if it succeeds, this is the connection. What its actor sends it with the same commit comes before
 * the reply, and waits. */
void socket_await(struct socket *socket, uint64_t connection_id);

/* Its request has succeeded. */
void socket_join(struct socket *socket, uint64_t actor_id);

/* Before it has joined. */
void socket_refuse(struct socket *socket, const struct failure *failure);

#endif
