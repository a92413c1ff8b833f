/* inflow.h -- what a client sends over a WebSocket: bytes to texts, by wslay.
 *
 * WHY     wslay knows RFC 6455: masks, fragments, control frames between them, UTF-8 over their borders. It also takes 9 KB for
 *         each connection. So a connection has one of its readers only while a frame or a text has begun and is not over,
 *         and is fed no byte behind the frame that it is at: then it is seen where one ends.
 * ROOM    door. Below: frame, base. wslay is only here.
 * THREAD  The server's.
 * OWNS    An inflow holds the text that has come so far. `inflows` keeps one that is not in use.
 * STATES  of a connection: no inflow (between two texts) -> an inflow -> no inflow;  any -> over, for good
 * ALWAYS  How the bytes are cut into reads makes no difference, and fragments cost no more than their bytes.
 * LIMITS  text_bytes_max for a text
 */
#ifndef TROUPE_INFLOW_H
#define TROUPE_INFLOW_H

#include "door/frame.h"

struct inflow;

struct inflows {
  struct inflow *spare;        /* or NULL */
  uint64_t text_bytes_max;
};

/* What came of some bytes. */
struct inflow_step {
  size_t taken;                /* how many were taken off the front; 0: more are needed first */
  struct slice text;           /* a whole text, valid until the next inflow_read() of any connection; no data: none */
  struct frame *answer;        /* to be sent, the caller's: a pong, or the close that ends the connection; NULL: none */
  bool is_over;                /* the connection ends, by the client's close or by a fault of it */
};

void inflows_init(struct inflows *inflows, uint64_t text_bytes_max);
void inflows_done(struct inflows *inflows);

/* Reads the next bytes of a connection, at most to the end of a frame. The caller repeats it for the rest while some are taken
 * and it is not over; bytes that are not taken come again, with more behind them. `*inflow` is the connection's, NULL at
 * first. If it is over and there is no answer, memory has run out. */
void inflow_read(struct inflows *inflows, struct inflow **inflow, struct slice bytes, struct inflow_step *step);

/* Before the connection is over. NULL is fine. */
void inflow_free(struct inflow *inflow);

#endif
