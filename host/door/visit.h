/* visit.h -- connections: accepted, counted, read from, and closed so that the client hears the last word.
 *
 * WHY     h2o's HTTP knows requests. The rest is up to us: to limit the number of connections and how much is read ahead, to
 *         read the bytes before h2o does (framing.h), to notice when a client has gone, to close idle connections when the
 *         host stops, and to wait for clients that are still sending.
 * ROOM    door. Below: base.
 * THREAD  The server's.
 * OWNS    Its listening socket. A connection is h2o's. Ours are the count of them, and the callbacks for reading and for
 *         having written: h2o sets its own, and each time it has run we put ours in their place, which call h2o's.
 * STATES  HTTP -> a channel's (visit_leave_http): from then on a visit only counts it, and lets it linger; either -> closed
 * ALWAYS  1. Each byte in the input of a socket has gone through its framing.
 *         2. After a request that asks for an upgrade no other is read on its connection.
 * LIMITS  VISITS_MAX connections per server, or fewer if the process may have only few files; beyond that, new ones wait in
 *         the kernel's queue. A client is cut off if it takes nothing of an answer for VISIT_STALL_MS, or if it goes on
 *         sending for VISIT_LINGER_S after it was refused. While a request is under way, at most VISIT_EARLY_BYTES_MAX and
 *         one read are taken of what follows it.
 */
#ifndef TROUPE_VISIT_H
#define TROUPE_VISIT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/logger.h"
#include "door/h2o_api.h"

enum {
  VISITS_MAX = 65536, VISIT_STALL_MS = 30000, VISIT_LINGER_S = 2, VISIT_EARLY_BYTES_MAX = 64 * 1024,
  VISIT_READ_BYTES = 64 * 1024
};

struct visits {
  h2o_context_t *ctx;
  const struct logger *logger;
  h2o_accept_ctx_t accept;
  h2o_socket_t *listener;          /* NULL: does not listen any more */
  h2o_timeout_entry_t pause;       /* runs while no connection is taken */
  bool is_full;                    /* the log says already that no connection is taken */
  size_t count, count_max;         /* of open files: connections, and second handles of them */
  uint8_t scratch[VISIT_READ_BYTES];   /* the bytes just read */
};

/* Takes `*listen_fd` over, leaves -1 there, and accepts from it. */
void visits_open(struct visits *visits, h2o_context_t *ctx, int *listen_fd, size_t count_max, const struct logger *logger);

/* Stops taking connections. May be called again. */
void visits_refuse(struct visits *visits);

/* Closes the connections that are between two requests; with `unfinished` also those that have sent part of one. */
void visits_close_idle(struct visits *visits, bool unfinished);

/* Cuts off all connections. Each is gone once h2o has noticed, within a few turns of the loop. */
void visits_cut(struct visits *visits);

/* The connection on which a request came. */
static inline h2o_socket_t *visit_socket(const h2o_req_t *req) {
  return req->conn->callbacks->get_socket(req->conn);
}

/* h2o hands over the next request of this connection. Whether that asks for an upgrade: then either visit_leave_http()
 * follows, or an answer that ends the connection. */
bool visit_takes_upgrade(h2o_socket_t *sock);

/* The client's address, in numbers and without the port; empty if the system does not tell it. */
struct slice visit_address(h2o_socket_t *sock);

/* A call of this connection begins; its body has `body_bytes`. h2o has just stopped reading, and will begin again after the
 * answer. Reading goes on here meanwhile: that saves the two system calls, and shows when the client is gone. Then
 * `is_unwanted` is set, which must live until the request's memory is released. A client may in good order have closed its
 * own side only, so in that case it is set 100 ms later: such a client still gets its answer if its call need not wait
 * longer than that before it begins. */
void visit_hold(h2o_socket_t *sock, size_t body_bytes, atomic_bool *is_unwanted);

/* The reply of a request that was held, and asks for an upgrade, has come: nothing is read, until somebody else does. */
void visit_release(h2o_socket_t *sock);

/* h2o has been given an answer for this connection. */
void visit_answered(h2o_socket_t *sock);

/* The connection is not HTTP any more, and h2o has forgotten it; who calls this reads and closes it. `raw` gets what has come
 * behind the request. False if that is not all. */
bool visit_leave_http(h2o_socket_t *sock, struct buf *raw);

/* Reads what has come, at most a scratchful, which is valid until the next read of any connection; empty: nothing. Returns one
 * of h2o's errors, or NULL. */
const char *visit_read(h2o_socket_t *sock, struct slice *bytes);

/* Why no more requests of this connection are read: its bytes are not HTTP. NULL: they are. */
const char *visit_fault(h2o_socket_t *sock);

/* h2o is about to close this connection with a request not read to its end: sees to it that the answer still arrives. */
void visit_linger(h2o_socket_t *sock);

#endif
