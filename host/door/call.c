/* call.c -- see call.h. */
#include "door/call.h"

#include "base/check.h"
#include "base/mem.h"
#include "door/answer.h"

enum { CALLS_A_RING = 16 };    /* how many requests go to the workers together */

struct call {
  struct reply reply;
  struct queue_item item;              /* in calls->replies */
  h2o_linklist_t link;                 /* in calls->under_way */
  struct calls *calls;
  h2o_req_t *req;                      /* NULL: it was gone before the reply */
  bool is_answered;
};

/* Lives in the request's memory, and hears when that is released. */
struct guard {
  struct call *call;
};

static struct call *call_of_reply(struct reply *reply) {
  return H2O_STRUCT_FROM_MEMBER(struct call, reply, (void *)reply);
}

/* On a thread of the host. */
static void deliver(struct reply *reply) {
  struct call *call = call_of_reply(reply);
  struct calls *calls = call->calls;
  queue_post(calls->replies, &call->item);
  atomic_store(&calls->has_replies, true);
}

void calls_ring(struct calls *calls) {
  if (!atomic_exchange(&calls->has_replies, false) || atomic_exchange(&calls->is_rung, true)) return;
  h2o_multithread_send_message(&calls->receiver, &calls->bell);
}

static void on_request_gone(void *memory) {
  struct guard *guard = memory;
  if (guard->call->is_answered) {
    call_free(guard->call);
  } else {
    guard->call->req = NULL;
    atomic_store(&guard->call->reply.is_unwanted, true);
  }
}

static void leave(struct call *call) {
  h2o_linklist_unlink(&call->link);
  atomic_fetch_sub(&call->calls->count, 1);
}

static void finish(struct call *call) {
  leave(call);
  if (call->req == NULL) {
    call_free(call);
    return;
  }
  call->is_answered = true;
  /* The answer may end the request, and the call with it: after these lines the call is no longer ours. */
  if (call->reply.failure.err != ERR_NONE) {
    answer_failure(call->req, &call->reply.failure, buf_slice(&call->reply.more));
  } else {
    answer_result(call->req, buf_slice(&call->reply.body), buf_slice(&call->reply.more));
  }
}

static void take_replies(struct calls *calls) {
  struct queue_item *item = queue_take(calls->replies);
  while (item != NULL) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, item, (void *)item);
    item = item->next;
    finish(call);
  }
}

static void on_bell(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
  struct calls *calls = H2O_STRUCT_FROM_MEMBER(struct calls, receiver, receiver);
  while (!h2o_linklist_is_empty(messages)) h2o_linklist_unlink(messages->next);
  /* Before the replies are taken: a thread that found the bell rung had put its replies there already, so none is missed. */
  atomic_store(&calls->is_rung, false);
  take_replies(calls);
}

void calls_init(struct calls *calls, struct host *host, h2o_multithread_queue_t *queue) {
  *calls = (struct calls){ .host = host, .replies = queue_new() };
  h2o_linklist_init_anchor(&calls->under_way);
  h2o_multithread_register_receiver(queue, &calls->receiver, on_bell);
}

void calls_done(struct calls *calls, h2o_multithread_queue_t *queue) {
  CHECK_THAT(atomic_load(&calls->count), ==, 0);
  h2o_multithread_unregister_receiver(queue, &calls->receiver);
  queue_free(calls->replies);
}

void calls_abandon(struct calls *calls) {
  take_replies(calls);
  while (!h2o_linklist_is_empty(&calls->under_way)) {
    struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, link, (void *)calls->under_way.next);
    buf_clear(&call->reply.body);
    failure_clear(&call->reply.failure);
    failure_set(&call->reply.failure, ERR_OVERLOADED, "the host ended before the call did");
    finish(call);
  }
}

struct call *call_try_new(struct calls *calls, h2o_req_t *req) {
  struct call *call = mem_try_zero(sizeof *call);
  if (call == NULL) return NULL;
  reply_init(&call->reply, FORMAT_JSON, deliver);
  call->calls = calls;
  call->req = req;
  return call;
}

void call_free(struct call *call) {
  if (call == NULL) return;
  reply_done(&call->reply);
  mem_free(call);
}

struct reply *call_reply(struct call *call) {
  return &call->reply;
}

void call_begin(struct call *call, struct request **request) {
  struct calls *calls = call->calls;
  struct guard *guard = h2o_mem_alloc_shared(&call->req->pool, sizeof *guard, on_request_gone);
  guard->call = call;
  h2o_linklist_insert(&calls->under_way, &call->link);
  atomic_fetch_add(&calls->count, 1);
  host_submit(calls->host, request);
  if (++calls->submitted >= CALLS_A_RING) calls_submit(calls);
}

void calls_submit(struct calls *calls) {
  if (calls->submitted > 0) host_ring(calls->host);
  calls->submitted = 0;
}
