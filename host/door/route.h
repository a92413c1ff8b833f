/* route.h -- from the first line of an HTTP request to what is asked of an actor.
 *
 * WHY     Everything that a client can get wrong in a path is decided in one place that needs no server to be tried.
 * ROOM    door. Below: stage (requests), codec (keys, JSON). Knows no h2o.
 * BYTES   POST /actors/{class}/{key}/{method}[?create=false&input=JSON&params=JSON]    a call
 *         GET, HEAD /actors/{class}/{key}     inspect; wants the operator's token
 *         GET, HEAD /health                   answered by the door itself, as OPTIONS is: of each of these, and of *
 *         The path is split as it came, at each `/`; then each segment is percent-decoded, once. `%2F` is part of a
 *         segment, `+` is itself, in a query too. A key that begins with `[` is JSON; anything else is one string, and not
 *         an empty one: that is mostly a variable without a value. `[""]` is the key of one empty string.
 * ERRORS  ERR_PATH: a path that is nothing. ERR_NOT_ALLOWED: a method that is not the path's. ERR_REQUEST: an unknown query
 *         name, a bad value or percent escape, each named. ERR_KEY: a key that is none, or too long. ERR_UNAUTHORIZED: a
 *         missing or wrong token. ERR_MEMORY.
 */
#ifndef TROUPE_ROUTE_H
#define TROUPE_ROUTE_H

#include "stage/request.h"

struct route {
  struct slice method;          /* of HTTP */
  struct slice target;          /* path and query, as they came */
  struct slice authorization;   /* that header's value; empty: none */
  const char *token;            /* the operator's */
  uint64_t key_bytes_max;       /* encoded */
};

/* Cuts http://HOST:PORT off a target that has it, as proxies write it (RFC 9112 section 3.2.2), and tells that host; empty:
 * there is none. */
struct slice route_cut_host(struct slice *target);

/* Makes the request, which carries `reply` and belongs to the caller then; args and headers are left to fill in.
 * ERR_NONE and a `*request` of NULL: the door answers by itself. `*allow`: the methods of a path that is known, with ", "
 * between them; else NULL. */
enum err route_read(const struct route *route, struct reply *reply, struct request **request, const char **allow,
                    struct failure *failure);

#endif
