/* request.h -- what a client, or another actor, asks of an actor.
 *
 * WHY     One form for all doors, self-contained, so that it can travel between threads.
 * ROOM    stage.
 * OWNS    Its bytes. The reply belongs to its maker, a door or an ask; the request only carries it.
 */
#ifndef TROUPE_REQUEST_H
#define TROUPE_REQUEST_H

#include "stage/deadlines.h"
#include "stage/post.h"
#include "stage/reply.h"

enum request_type {
  REQUEST_CALL,       /* a method */
  REQUEST_INSPECT,    /* the result of inspect_state, or else the state: for operators */
  REQUEST_STATE,      /* the state as it is: for specs */
  REQUEST_KV,         /* all kv entries, {{key = tuple, value = v}, ...}: for specs */
  REQUEST_SLEEP,      /* leave memory when idle: for specs */
  REQUEST_CALLS       /* what each call of the host is doing (survey.h): of no actor, in JSON, for operators */
};

struct actor;

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
  struct buf headers;          /* of an HTTP call: a value, a map from lower-case names to strings; else empty */
  struct buf idempotency_key;  /* of a call: the client's (idempotency.h), or empty */
  struct reply *reply;         /* whose format is `format`; if it is early, an actor has sent the request */
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

/* The request in which this item of a queue or a mailbox is embedded. */
static inline struct request *request_of(struct queue_item *item) {
  return (struct request *)(void *)((uint8_t *)item - offsetof(struct request, letter.item));
}

#endif
