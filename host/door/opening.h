/* opening.h -- a connection on its way: from the HTTP request that asks for it to a socket.
 *
 * WHY     The actor decides whether there will be one, and that takes as long as a call. A page hears nothing of an answer of
 *         HTTP to its handshake; so what is refused is opened, and closed with the reason.
 * ROOM    door. Below: socket, handshake, intake, visit.
 * THREAD  The server's.
 * OWNS    Its socket, until that goes by itself.
 * STATES  asked -> answered: the reply has come, the socket has joined or was refused, and h2o gives its connection away
 *         asked -> deserted: the client is gone, and the request unwanted -> freed, with the socket, when its reply comes
 */
#ifndef TROUPE_OPENING_H
#define TROUPE_OPENING_H

#include "door/intake.h"
#include "door/socket.h"

/* Asks the host for the connection that a request wants whose path is that of one, and after which no HTTP follows. With a
 * failure, it is refused for that reason. A handshake that is none is answered over HTTP. */
void opening_ask(struct sockets *sockets, const struct intake *intake, h2o_req_t *req, struct failure *failure);

#endif
