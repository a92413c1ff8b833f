/* visit.h -- connections: accepted, counted, read from, and closed so that the client hears the last word.
 *
 * WHY     h2o's HTTP knows requests; it is for us to bound the number of connections and how much is read ahead, to look at
 *         what comes before h2o does (framing.h), to notice who has gone, to close idle ones when the host stops, and to wait
 *         for clients that are still sending.
 * ROOM    door. Below: base.
 * THREAD  The server's.
 * OWNS    Its listening socket. A connection is h2o's; the count of them is ours, and who is called when it can be read or
 *         has been written to: h2o sets its own callbacks, and each time it has run they are replaced by ours, which call
 *         them.
 * ALWAYS  Each byte in the input of a socket has gone through its framing.
 * LIMITS  VISITS_MAX connections a server, or fewer where the process may have few files: beyond, new ones wait in the
 *         kernel's queue. A client that takes nothing of an answer for VISIT_STALL_MS, or that goes on sending for
 *         VISIT_LINGER_S after it was refused, is cut off. While a request is under way no more than VISIT_EARLY_BYTES_MAX
 *         and one read are taken of what follows.
 */
#ifndef TROUPE_VISIT_H
#define TROUPE_VISIT_H

#include <stdatomic.h>

#include "base/logger.h"
#include "door/h2o_api.h"

enum {
  VISITS_MAX = 10000, VISIT_STALL_MS = 30000, VISIT_LINGER_S = 2, VISIT_EARLY_BYTES_MAX = 64 * 1024,
  VISIT_READ_BYTES = 64 * 1024
};

struct visits {
  h2o_context_t *ctx;
  const struct logger *logger;
  h2o_accept_ctx_t accept;
  h2o_socket_t *listener;          /* NULL: listens no more */
  h2o_timeout_entry_t pause;       /* runs while no connection is taken */
  bool is_full;                    /* it was logged that no connection is taken */
  size_t count, count_max;         /* of connections, and of second handles of them: of open files */
  uint8_t scratch[VISIT_READ_BYTES];   /* what has just been read */
};

/* Accepts from `*listen_fd`, takes it over and leaves -1. */
void visits_open(struct visits *visits, h2o_context_t *ctx, int *listen_fd, size_t count_max, const struct logger *logger);

/* Takes no more connections. May be called again. */
void visits_refuse(struct visits *visits);

/* Closes the connections that are between two requests; with `unfinished` also those that have sent a part of one. */
void visits_close_idle(struct visits *visits, bool unfinished);

/* Cuts off all connections. Each is gone when h2o has noticed, within a few turns of the loop. */
void visits_cut(struct visits *visits);

/* The connection that a request came on. */
static inline h2o_socket_t *visit_socket(const h2o_req_t *req) {
  return req->conn->callbacks->get_socket(req->conn);
}

/* A call of this connection begins, whose body has so many bytes. h2o has just stopped to read from it, and will begin again
 * behind the answer; here it goes on, so that the two system calls in between fall away, and that the end of the client is
 * noticed: then `is_unwanted`, which is there until the memory of the request is released, is set. An end in order may be that
 * of one side only, and so it is set 100 ms later: who sends a request, ends and waits is answered as long as its call need
 * not wait. */
void visit_hold(h2o_socket_t *sock, size_t body_bytes, atomic_bool *is_unwanted);

/* h2o was given an answer for this connection. */
void visit_answered(h2o_socket_t *sock);

/* Why no more requests of this connection are read: what its bytes were is in no way HTTP. NULL: they are. */
const char *visit_fault(h2o_socket_t *sock);

/* This connection is about to be closed by h2o with a request not read to its end: the answer is still to arrive. */
void visit_linger(h2o_socket_t *sock);

#endif
