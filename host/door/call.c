/* call.c -- see call.h. */
#include "door/call.h"

#include "base/mem.h"
#include "door/answer.h"

struct call {
  struct claim claim;
  h2o_req_t *req;                      /* NULL: it was gone before the reply */
  bool is_answered;
};

/* Lives in the request's memory, and hears when that is released. */
struct guard {
  struct call *call;
};

static void on_request_gone(void *memory) {
  struct guard *guard = memory;
  if (guard->call->is_answered) {
    call_free(guard->call);
  } else {
    guard->call->req = NULL;
    atomic_store(&guard->call->claim.reply.is_unwanted, true);
  }
}

static void meet(struct claim *claim) {
  struct call *call = H2O_STRUCT_FROM_MEMBER(struct call, claim, claim);
  const struct reply *reply = &claim->reply;
  if (call->req == NULL) {
    call_free(call);
    return;
  }
  call->is_answered = true;
  /* The answer may end the request, and the call with it: after these lines the call is no longer ours. */
  if (reply->failure.err != ERR_NONE) {
    answer_failure(call->req, &reply->failure, buf_slice(&reply->more));
  } else {
    answer_result(call->req, buf_slice(&reply->body), buf_slice(&reply->more));
  }
}

struct call *call_try_new(struct hatch *hatch, h2o_req_t *req) {
  struct call *call = mem_try_zero(sizeof *call);
  if (call == NULL) return NULL;
  claim_init(&call->claim, &hatch->outlet, meet);
  call->req = req;
  return call;
}

void call_free(struct call *call) {
  if (call == NULL) return;
  claim_done(&call->claim);
  mem_free(call);
}

struct reply *call_reply(struct call *call) {
  return &call->claim.reply;
}

void call_begin(struct hatch *hatch, struct call *call, struct request **request) {
  struct guard *guard = h2o_mem_alloc_shared(&call->req->pool, sizeof *guard, on_request_gone);
  guard->call = call;
  hatch_begin(hatch, &call->claim, request);
}
