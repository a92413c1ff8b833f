/* handshake.h -- how HTTP becomes a WebSocket (RFC 6455, section 4.2).
 *
 * WHY     h2o looks at less than a server must, and does not give its answer's key away; its way to hand over the connection
 *         is enough for the rest.
 * ROOM    door. Below: base. SHA-1 is only here.
 * THREAD  The server's.
 * OWNS    Nothing.
 * ERRORS  ERR_UPGRADE: not this version. ERR_REQUEST: a bad key.
 */
#ifndef TROUPE_HANDSHAKE_H
#define TROUPE_HANDSHAKE_H

#include "base/failure.h"
#include "door/h2o_api.h"

/* What a request must say that wants to be upgraded, beside what framing.h has found in it. */
enum err handshake_check(const h2o_req_t *req, struct failure *failure);

/* Answers 101 to a request that was checked. `opened` gets the socket, and how many bytes in its input are the request's; or no
 * socket, if the client is gone by then. The request's memory is released before that. Neither a subprotocol nor an extension
 * is agreed on. */
void handshake_accept(h2o_req_t *req, h2o_http1_upgrade_cb opened, void *context);

#endif
