/* intake.h -- from an HTTP request to what is asked of an actor.
 *
 * WHY     route.c reads the first line. Here come the headers and the body, as h2o has them: what of them the actor sees, and
 *         what the host itself goes by.
 * ROOM    door. Below: stage (requests), codec (values), base.
 * THREAD  The server's.
 * OWNS    Nothing. A request holds copies.
 * ERRORS  Those of route.h. ERR_TOO_LARGE: the body. ERR_REQUEST: an idempotency key that is none, or two. ERR_MEMORY.
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

/* Makes the request, which carries `reply` and belongs to the caller then. ERR_NONE and a `*request` of NULL: the door answers
 * by itself. What the answer must say of the path whatever it is (Allow) is in its headers then. */
enum err intake_read(const struct intake *intake, h2o_req_t *req, struct reply *reply, struct request **request,
                     struct failure *failure);

/* Whether the connection goes on behind this request (RFC 9112 section 9.3). For h2o each header Connection without keep-alive
 * is its end, even beside the offer of an upgrade. */
bool intake_is_persistent(const h2o_req_t *req);

#endif
