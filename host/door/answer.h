/* answer.h -- replies to bytes: every answer of the door that has a body is JSON, even those that h2o makes by itself, or else
 * a file.
 *
 * WHY     A client parses one format, whatever went wrong (lua/README.md, "HTTP").
 * ROOM    door. Below: codec (JSON), base.
 * THREAD  The server's.
 * OWNS    Nothing. A request is answered once, and h2o may release its memory from then on.
 */
#ifndef TROUPE_ANSWER_H
#define TROUPE_ANSWER_H

#include "base/failure.h"
#include "door/h2o_api.h"

/* 200 {"result": ...}. `result` is JSON text; `more`, further fields, stands behind it, or is empty. They are not copied, so
 * they must stay where they are until the request's memory is released. */
void answer_result(h2o_req_t *req, struct slice result, struct slice more);

/* {"error": ...} with the status of the failure, and further fields behind it, if there are any. Both are copied. */
void answer_failure(h2o_req_t *req, const struct failure *failure, struct slice more);

/* 200 {"status":"ok"} */
void answer_health(h2o_req_t *req);

/* An answer without a body. The headers of the response must be set already. */
void answer_nothing(h2o_req_t *req, int status);

/* 200 and all of a file, which is not copied. The headers must be set already. */
void answer_file(h2o_req_t *req, struct slice content);

/* 200 and how long a file is that HEAD asks for. The headers must be set already. */
void answer_length(h2o_req_t *req, uint64_t size);

/* 200 or 206 and the first portion of a file, of which `generator` sends the rest. The length and the headers must be set
 * already. */
void answer_portion(h2o_req_t *req, int status, h2o_generator_t *generator, struct slice portion);

/* From now on, the errors that h2o answers by itself (a body too large or badly framed) leave in our words. `on_refused`
 * hears of each such request, which has not been read to its end. h2o closes its connection after the answer. */
void answer_instead_of_h2o(h2o_pathconf_t *path, uint64_t body_bytes_max, void (*on_refused)(h2o_req_t *req));

#endif
