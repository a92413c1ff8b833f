/* route.h -- turns the first line of an HTTP request into a request to an actor.
 *
 * WHY     Everything that a client can get wrong in a path is decided in one place, which can be tested without a server.
 * ROOM    door. Below: stage (requests), codec (keys, JSON). Does not know h2o.
 * BYTES   POST /actors/{class}/{key}/{method}[?create=false&input=JSON&params=JSON]    a call
 *         GET /connect/{class}/{key}[?create=false&input=JSON&params=JSON]             a connection
 *         GET, HEAD /actors/{class}/{key}     inspect; needs the operator's token
 *         DELETE /actors/{class}/{key}        destroys the actor; needs it too
 *         GET, HEAD /calls                    what each call is doing; needs it too
 *         GET, HEAD /failed[?limit=N&after=ID]    what was given up; needs it too, as the next two
 *         POST /failed/{id}/retry    begins it anew
 *         DELETE /failed/{id}        drops it
 *         GET, HEAD /health                   answered by the door itself, as is OPTIONS for each of these paths and for *
 *         The path is split as it came, at each `/`; then each segment is percent-decoded, once. `%2F` is part of a
 *         segment; `+` is itself, even in a query. A key that begins with `[` is JSON; any other is one string, which may
 *         not be empty: an empty one is mostly a variable without a value. `[""]` is the key of one empty string.
 * ERRORS  ERR_PATH: there is nothing at this path. ERR_NOT_ALLOWED: the path does not know this method. ERR_REQUEST: an
 *         unknown query name, a bad value or percent escape, each named. ERR_KEY: not a key, or too long.
 *         ERR_FAILED_NOT_FOUND: not an id of what was given up. ERR_UNAUTHORIZED: a missing or wrong token. ERR_MEMORY.
 */
#ifndef TROUPE_ROUTE_H
#define TROUPE_ROUTE_H

#include "stage/request.h"

struct route {
  struct slice method;          /* of HTTP */
  struct slice target;          /* path and query, as they came */
  struct slice authorization;   /* the value of the header Authorization; empty: there is none */
  const char *token;            /* the operator's */
  uint64_t key_bytes_max;       /* encoded */
};

/* Cuts http://HOST:PORT off a target that has it, as proxies write it (RFC 9112 section 3.2.2), and returns HOST:PORT; empty:
 * there is none. */
struct slice route_cut_host(struct slice *target);

/* Whether it is the path of a connection, be it a wrong one. */
bool route_connects(const struct route *route);

/* Makes the request, which carries `reply` and then belongs to the caller, who still fills in args and headers. ERR_NONE and
 * a `*request` of NULL: the door answers by itself. `*allow`: the methods of a known path, with ", " between them; else
 * NULL. */
enum err route_read(const struct route *route, struct reply *reply, struct request **request, const char **allow,
                    struct failure *failure);

#endif
