/* assignment.c -- see assignment.h. */
#include "stage/assignment.h"

static enum turn_task task_of(enum request_type type) {
  switch (type) {
    case REQUEST_INSPECT: return TURN_INSPECT;
    case REQUEST_STATE: return TURN_STATE;
    case REQUEST_KV: return TURN_KV;
    case REQUEST_DESTROY: return TURN_DESTROY;
    case REQUEST_CONNECT: return TURN_CONNECT;
    case REQUEST_CALL:
    case REQUEST_SLEEP:
    case REQUEST_RETRY:
    case REQUEST_DROP:
    case REQUEST_CALLS:
    case REQUEST_FAILED: break;
  }
  return TURN_CALL;
}

/* Who calls, as the turn tells it. */
static enum caller caller_of(const struct request *request) {
  if (request->errand != NULL) return request->errand->kind->caller;
  return request->reply->early ? CALLER_ACTOR : CALLER_CLIENT;
}

void assignment_give(const struct request *request, struct turn *turn) {
  turn->call_id = request->reply->call_id;
  turn->task = task_of(request->type);
  turn->caller = caller_of(request);
  turn->errand = request->errand;
  turn->caller_class = request->caller_class;
  turn->caller_key = request->caller_key;
  turn->usage.deadline_ns = request->deadline_ns;
  turn->format = request->format;
  turn->method = buf_slice(&request->method);
  turn->args = buf_slice(&request->args);
  turn->input = buf_slice(&request->input);
  turn->params = buf_slice(&request->params);
  turn->headers = buf_slice(&request->headers);
  turn->address = buf_slice(&request->address);
  turn->idempotency_key = buf_slice(&request->idempotency_key);
}
