/* request.h -- what a client, or another actor, asks of an actor.
 *
 * WHY     One form for all doors, self-contained, so that it can travel between threads.
 * ROOM    stage.
 * OWNS    Its bytes. The reply belongs to its maker, a door or an ask; the request only carries it.
 */
#ifndef TROUPE_REQUEST_H
#define TROUPE_REQUEST_H

#include "stage/deadlines.h"
#include "stage/failed_id.h"
#include "stage/outlet.h"
#include "stage/parting.h"
#include "stage/post.h"
#include "stage/reply.h"

enum request_type {
  REQUEST_CALL,       /* a method */
  REQUEST_CONNECT,    /* a connection, through which calls and events go from then on */
  REQUEST_INSPECT,    /* the result of inspect_state, or else the state: for operators */
  REQUEST_STATE,      /* the state as it is: for specs */
  REQUEST_KV,         /* all kv entries, {{key = tuple, value = v}, ...}: for specs */
  REQUEST_DESTROY,    /* on_destroy, and then all of the actor goes: for operators */
  REQUEST_SLEEP,      /* leave memory when idle: for specs */
  REQUEST_RETRY,      /* what was given up begins anew (failed.h): for operators, as all that follows */
  REQUEST_DROP,       /* what was given up goes */
  REQUEST_CALLS,      /* what each call of the host is doing (call_list.h): of no actor, in JSON */
  REQUEST_FAILED      /* what the host has given up (failed_list.h): of no actor */
};

struct actor;
struct errand;

struct request {
  struct letter letter;        /* in an inbox; in a mailbox, linked by its queue item */
  enum request_type type;
  struct buf class_name;       /* as the client wrote it: any bytes */
  struct buf key;              /* an encoded tuple of one part or more */
  struct buf method;           /* of a call */
  enum format format;          /* of args, input, params and result */
  struct buf args;             /* of a call: an array of arguments; empty: none */
  struct buf input;            /* for initialize_state; empty: nil */
  bool create;                 /* whether a first call may create the actor */
  struct buf params;           /* what a client sends beside the arguments (`?params=`), or empty */
  struct buf headers;          /* of an HTTP call or a connection: a value, a map from lower-case names to strings; or empty */
  struct buf address;          /* of the client, as text; or empty */
  uint64_t connection_id;      /* of a call that came through a connection: which; else 0 */
  struct outlet *outlet;       /* of a connect: where notices for the connection go; else NULL */
  struct parting *parting;     /* of a connect: the letter that its door will send at the end, and keeps; else NULL */
  struct buf idempotency_key;  /* of a call: the client's (idempotency.h), or empty */
  struct failed_id failed;     /* of retry and drop: what; its actor is not known at first. Of failed: behind what; or none */
  unsigned limit;              /* of failed: how many, 1 or more */
  struct reply *reply;         /* whose format is `format`; if it is early, an actor or the host has sent the request */
  struct errand *errand;       /* the host has: what it is (errand.h), with the reply; else NULL */
  int64_t since_ns;            /* by the host's clock: when its worker took it in, or the actor sent it */
  /* of an actor's request; else all zero */
  struct slice caller_class, caller_key;   /* the actor, in memory that lives until the reply is kept */
  uint64_t seen, epoch;        /* what the caller has seen (gate.h, G1), in which epoch */
  unsigned depth;              /* how many calls wait for this one to end: 1 for the first one inside a client's */
  int64_t deadline_ns;         /* by the host's clock: not to be served any more from then on; 0: none */
  struct actor *actor;         /* in whose mailbox it waits with `deadline` set; else NULL */
  struct deadline deadline;
};

/* A call with everything empty, create = true; NULL if out of memory. */
struct request *request_try_new(enum request_type type, struct reply *reply);

/* Frees the request, not its reply. */
void request_free(struct request *request);

/* As the host ends: abandons its reply, and frees it. */
void request_abandon(struct request *request);

/* Whether it is a question about the whole host (survey.h). */
static inline bool request_is_survey(const struct request *request) {
  return request->type == REQUEST_CALLS || request->type == REQUEST_FAILED;
}

/* The request in which this item of a queue or a mailbox is embedded. */
static inline struct request *request_of(struct queue_item *item) {
  return (struct request *)(void *)((uint8_t *)item - offsetof(struct request, letter.item));
}

#endif
