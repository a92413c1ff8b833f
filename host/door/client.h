/* client.h -- one HTTP request to a running host, for the command line.
 *
 * WHY     `troupe call` and `troupe inspect` speak to a host as any client does.
 * ROOM    door. Below: base.
 */
#ifndef TROUPE_CLIENT_H
#define TROUPE_CLIENT_H

#include "base/failure.h"

struct client_request {
  const char *address;     /* HOST:PORT */
  const char *method;      /* "GET", "POST" */
  struct slice path;       /* already percent-encoded, with its query */
  struct slice body;
  const char *token;       /* sent as Authorization: Bearer; NULL: none */
  const char *idempotency_key;   /* sent as Idempotency-Key; NULL: none */
  int timeout_ms;
};

/* Sends the request and waits for the answer. `*status` is the answer's; its body is appended. ERR_REQUEST with a message if
 * there is no answer: nobody listens at the address, the connection broke, or the time is over. */
enum err client_send(const struct client_request *request, int *status, struct buf *body, struct failure *failure);

#endif
