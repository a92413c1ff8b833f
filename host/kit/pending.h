/* pending.h -- calls of a spec: submitted to a host, and answered some time later.
 *
 * WHY     A spec can watch a call on its way: look, let time pass, let the host crash, and look again.
 * ROOM    kit. Below: stage (requests, replies), script (values).
 * THREAD  The spec's.
 * OWNS    A *pending* is a call under way: the spec's userdata and the host's reply share it, and the last one to let go
 *         frees it.
 * STATES  under way -> done (its reply was delivered) | lost (pendings_lose)
 */
#ifndef TROUPE_PENDING_H
#define TROUPE_PENDING_H

#include <lauxlib.h>

#include "stage/host.h"

/* The pendings of a host. */
struct pendings {
  struct pending *first;
  bool is_closed;             /* there will be no host any more, so no answer may be asked for */
};

/* Makes the class. [-0, +0, m] */
void pending_open(lua_State *L);

/* Submits what the stack says, and pushes the pending. The stack holds owner type class key [method arguments count
 * [options]], as kit:submit() has them. The pending keeps the owner alive, and with it `pendings` and `limits`.
 * [-0, +1, v] */
int pending_submit(lua_State *L, struct pendings *pendings, struct host *host, const struct limits *limits);

/* Marks as lost what was under way when the host ended. */
void pendings_lose(struct pendings *pendings);

#endif
