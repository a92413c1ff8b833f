/* server.h -- the door: bytes to requests, replies and events to bytes. h2o is only in this room.
 *
 * WHY     People and programs call actors over HTTP, and connect to them over WebSockets (lua/README.md).
 * ROOM    door. Below: stage (requests, replies), codec (keys, JSON), base. Never Lua, never LMDB.
 * THREAD  server_step() on one thread per server, always the same; server_stop() from any; the rest from any, but see
 *         server_close(). What comes from the host's threads comes through door/hatch.h.
 * OWNS    Its listening socket (several servers may share one), its connections, its calls under way.
 * STATES  open -> stopping (does not listen any more, idle connections are closed, answers under way still leave, sockets hear
 *         nothing more and are closed behind their answers) -> done.
 * LIMITS  Those of door/visit.h, and of door/socket.h. A request must arrive whole within 30 s; between two requests a
 *         connection may be idle for as long. A client that does not take its answer holds up the stop for 5 s.
 * ALWAYS  The process ignores SIGPIPE; main sees to that.
 */
#ifndef TROUPE_SERVER_H
#define TROUPE_SERVER_H

#include "door/origin.h"
#include "stage/host.h"

struct server;

struct server_config {
  struct host *host;
  int listen_fd;                /* from address_listen(); stays the caller's */
  size_t connections_max;       /* files that it may have open for connections; VISITS_MAX is another limit */
  struct origins origins;       /* its texts stay the caller's */
  int public_folder;            /* from public_open(), or -1; stays the caller's */
  const struct limits *limits;
  const struct logger *logger;
};

enum err server_open(const struct server_config *config, struct server **server, struct failure *failure);

/* Runs the loop for at most `timeout_ms`; false once it is stopped and nothing is under way any more. */
bool server_step(struct server *server, int timeout_ms);

/* How many calls have begun and are not answered yet. From any thread. */
size_t server_under_way(const struct server *server);

/* Wakes the server's thread if replies were delivered to it. From any thread. */
void server_ring(struct server *server);

/* Makes the server begin to stop. From any thread. */
void server_stop(struct server *server);

/* After server_step() has returned false. Or to end the host at once, but then only on the thread of the steps, and only when
 * no thread of the host delivers replies any more: calls under way are given up and all connections cut. */
void server_close(struct server *server);

#endif
