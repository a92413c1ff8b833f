/* call.h -- calls under way: how a reply finds the HTTP request that it answers.
 *
 * WHY     The reply comes on another thread, and by then the connection may be gone. A call holds both ends.
 * ROOM    door. Below: stage.
 * THREAD  The server's. Only the reply's `deliver` and calls_ring() run elsewhere: replies come through a queue of ours, the
 *         ring through h2o's.
 * OWNS    A call belongs to `calls` until its reply has come, then to the request's memory: the answer points into it.
 * STATES  new (call_try_new) -> under way (call_begin) -> answered (on the server's thread, after `deliver`)
 *         new -> freed (call_free), if the host need not be asked
 * ALWAYS  1. After an answer's bytes have left, the request's memory is released, and the call with it.
 *         2. If the request is gone before the reply comes, it is not touched any more, and the reply is dropped.
 */
#ifndef TROUPE_CALL_H
#define TROUPE_CALL_H

#include <stdatomic.h>

#include "door/h2o_api.h"
#include "stage/host.h"

struct calls {
  struct host *host;
  struct queue *replies;               /* the calls whose replies have come */
  h2o_multithread_receiver_t receiver;
  h2o_multithread_message_t bell;      /* on its way to the server's thread while `is_rung` */
  atomic_bool is_rung, has_replies;
  unsigned submitted;                  /* since the host was last rung */
  h2o_linklist_t under_way;
  atomic_size_t count;                 /* of calls under way; any thread may read it */
};

struct call;

void calls_init(struct calls *calls, struct host *host, h2o_multithread_queue_t *queue);

/* Only when nothing is under way any more. */
void calls_done(struct calls *calls, h2o_multithread_queue_t *queue);

/* Gives up all calls under way, and ends their requests: their replies will never be delivered. */
void calls_abandon(struct calls *calls);

/* A call for this request; NULL if out of memory. */
struct call *call_try_new(struct calls *calls, h2o_req_t *req);
void call_free(struct call *call);

/* The reply that the call's request must carry. */
struct reply *call_reply(struct call *call);

/* Submits the request and keeps the call until the reply. Takes both over. The host may hear of it as late as the next
 * calls_submit(). */
void call_begin(struct call *call, struct request **request);
void calls_submit(struct calls *calls);

/* Wakes the server's thread if replies were delivered to it. From any thread. */
void calls_ring(struct calls *calls);

#endif
