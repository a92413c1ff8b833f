/* server.h -- the HTTP door: bytes to requests, replies to bytes. Only in this room: h2o.
 *
 * WHY     People and programs call actors over HTTP (lua/README.md, "HTTP").
 * ROOM    door. Below: stage (requests, replies), codec (keys, JSON), base. Never Lua, never LMDB.
 * THREAD  server_step() on one thread of its own per server, always the same; server_stop() from any; the rest from
 *         any, but see server_close(). Replies come from the host's threads (call.h).
 * OWNS    Its listening socket (several servers may share one), its connections, its calls under way.
 * STATES  open -> stopping (listens no more, idle connections are closed, answers under way still leave) -> done.
 * LIMITS  Those of door/visit.h; a request must arrive whole within 30 s, and a connection may be idle as long between
 *         two. A client that does not take its answer holds up stopping for 5 s.
 * ALWAYS  The process ignores SIGPIPE; that is for main to see to.
 */
#ifndef TROUPE_SERVER_H
#define TROUPE_SERVER_H

#include "door/origin.h"
#include "stage/host.h"

struct server;

struct server_config {
  struct host *host;
  int listen_fd;                /* from address_listen(); stays the caller's */
  size_t connections_max;       /* files that it may have open for them; VISITS_MAX is another bound */
  struct origins origins;       /* its texts stay the caller's */
  const struct limits *limits;
  const struct logger *logger;
};

enum err server_open(const struct server_config *config, struct server **server, struct failure *failure);

/* Runs the loop for at most `timeout_ms`; false when stopped and nothing is under way any more. */
bool server_step(struct server *server, int timeout_ms);

/* How many calls have begun and are not answered. From any thread. */
size_t server_under_way(const struct server *server);

/* Wakes the server's thread if replies were delivered to it. From any thread. */
void server_ring(struct server *server);

/* Begins to stop. From any thread. */
void server_stop(struct server *server);

/* After server_step() answered false; or when the host is to end at once, and then only on the thread of the steps, and
 * when no thread of the host delivers a reply any more: calls under way are given up and all connections cut. */
void server_close(struct server *server);

#endif
