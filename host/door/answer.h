/* answer.h -- replies to bytes: every answer of the door that has a body is JSON, those that h2o makes on its own too.
 *
 * WHY     A client parses one form, whatever went wrong (lua/README.md, "HTTP").
 * ROOM    door. Below: codec (JSON), base.
 * THREAD  The server's.
 * OWNS    Nothing. An answer is sent once a request, whose memory h2o may release from then on.
 */
#ifndef TROUPE_ANSWER_H
#define TROUPE_ANSWER_H

#include "base/failure.h"
#include "door/h2o_api.h"

/* 200 {"result": ...}. `result` is JSON text that stays where it is until the request's memory is released: it is not
 * copied. */
void answer_result(h2o_req_t *req, struct slice result);

/* {"error": ...} with the status of the failure, which is copied. */
void answer_failure(h2o_req_t *req, const struct failure *failure);

/* 200 {"status":"ok"} */
void answer_health(h2o_req_t *req);

/* 204, which has no body. What is to be said is in the headers of the response already. */
void answer_nothing(h2o_req_t *req);

/* From now on, errors that h2o answers by itself (a body that is too large or badly framed) leave in our words.
 * `on_refused` hears of the request, which has not been read to its end; h2o closes its connection after the answer. */
void answer_instead_of_h2o(h2o_pathconf_t *path, uint64_t body_bytes_max, void (*on_refused)(h2o_req_t *req));

#endif
