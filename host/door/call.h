/* call.h -- calls over HTTP that are under way: how a reply finds the request that it answers.
 *
 * WHY     The reply comes later, and by then the connection may be gone. A call holds both ends.
 * ROOM    door. Below: stage.
 * THREAD  The server's.
 * OWNS    A call belongs to itself until its reply has come, then to the request's memory: the answer points into it.
 * STATES  new (call_try_new) -> under way (call_begin) -> answered
 *         new -> freed (call_free), if the host need not be asked
 * ALWAYS  1. After an answer's bytes have left, the request's memory is released, and the call with it.
 *         2. If the request is gone before the reply comes, it is not touched any more, and the reply is dropped.
 */
#ifndef TROUPE_CALL_H
#define TROUPE_CALL_H

#include "door/hatch.h"

struct call;

/* A call for this request; NULL if out of memory. */
struct call *call_try_new(struct hatch *hatch, h2o_req_t *req);
void call_free(struct call *call);

/* The reply that the call's request must carry. */
struct reply *call_reply(struct call *call);

/* Hands the request to the host and keeps the call until the reply. Takes both over. */
void call_begin(struct hatch *hatch, struct call *call, struct request **request);

#endif
