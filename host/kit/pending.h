/* pending.h -- calls of a spec: submitted to a host, and answered some time later.
 *
 * WHY     A spec can watch a call on its way: look, let time pass, let the host crash, and look again.
 * ROOM    kit. Below: call_form, stage (requests, replies, outlet).
 * THREAD  The spec's.
 * OWNS    A *pending* is a call under way: the spec's userdata and the host's reply share it, and the last one to let go
 *         frees it.
 * STATES  under way -> done (pending_arrive)
 *                   -> lost (pendings_lose: the host has ended; pending_abandon: nobody waits for its answer any more, which is
 *                      dropped when it comes)
 */
#ifndef TROUPE_PENDING_H
#define TROUPE_PENDING_H

#include <lauxlib.h>

#include "stage/host.h"
#include "stage/outlet.h"

struct spectator;

/* The pendings of a host. */
struct pendings {
  struct pending *first;      /* those whose reply the host has */
  bool is_closed;             /* there will be no host any more, so no answer may be asked for */
};

struct pending {
  struct reply reply;
  struct pendings *pendings;           /* its owner's */
  const struct limits *limits;         /* its owner's */
  struct pending *next;                /* in pendings->first */
  struct outlet *outlet;               /* hears of its answer, in order with all else, and calls pending_arrive(); NULL: none */
  struct outlet_item item;             /* by which it does */
  struct spectator *spectator;         /* of a call through a connection: which; NULL: none, or that has ended */
  lua_Integer call;                    /* which call of it */
  bool is_page;                        /* its answer is a page of what was given up */
  bool connects;                       /* its answer opens the connection */
  bool under_way, lost;                /* under way: the host has its reply. Lost: what comes is not looked at */
  bool dropped;                        /* the spec's userdata is gone, and its owner may be */
};

/* Makes the class. [-0, +0, m] */
void pending_open(lua_State *L);

/* Submits what the stack says, and pushes the pending. The stack holds owner type class key [method arguments count
 * [options]], as kit:submit() has them. The pending keeps the owner alive, and with it `pendings` and `limits`.
 * [-0, +1, v] */
int pending_submit(lua_State *L, struct pendings *pendings, struct host *host, const struct limits *limits);

/* Pushes the userdata of a new pending, which keeps its owner, at 1, alive. [-0, +1, m] */
struct pending *pending_push(lua_State *L, struct pendings *pendings, const struct limits *limits);

/* Hands its request, which bears its reply, to the host. */
void pending_send(struct pending *pending, struct host *host, struct request *request);

/* Its answer has come: it is done. It may be freed by this. */
void pending_arrive(struct pending *pending);

/* Nobody waits for it any more: it is lost, and if it has not begun, it does not. */
void pending_abandon(struct pending *pending);

/* Marks as lost what was under way when the host ended. */
void pendings_lose(struct pendings *pendings);

static inline struct pending *pending_of(struct outlet_item *item) {
  return (struct pending *)(void *)((uint8_t *)item - offsetof(struct pending, item));
}

#endif
