/* intake.h -- turns an HTTP request into a request to an actor.
 *
 * WHY     route.c reads the first line. This file reads the headers and the body, as h2o has them: those that the actor sees,
 *         and those that the host itself goes by.
 * ROOM    door. Below: stage (requests), codec (values), base.
 * THREAD  The server's.
 * OWNS    Nothing. A request holds copies.
 * ERRORS  Those of route.h. ERR_TOO_LARGE: the body. ERR_REQUEST: a bad idempotency key, or two different ones. ERR_MEMORY.
 */
#ifndef TROUPE_INTAKE_H
#define TROUPE_INTAKE_H

#include "base/limits.h"
#include "door/h2o_api.h"
#include "stage/request.h"

struct intake {
  const struct limits *limits;
  const char *token;            /* the operator's */
};

/* Makes the request, which carries `reply` and then belongs to the caller. ERR_NONE and a `*request` of NULL: the door answers
 * by itself. If the answer must have the header Allow, that is set already. */
enum err intake_read(const struct intake *intake, h2o_req_t *req, struct reply *reply, struct request **request,
                     struct failure *failure);

/* Whether the path of the request is that of a connection. */
bool intake_connects(const h2o_req_t *req);

/* Whether the connection goes on after this request (RFC 9112 section 9.3). h2o itself would end it at any header Connection
 * without keep-alive, even one that only offers an upgrade. */
bool intake_is_persistent(const h2o_req_t *req);

#endif
