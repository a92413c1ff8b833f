/* opening.c -- see opening.h. */
#include "door/opening.h"

#include "base/mem.h"
#include "door/answer.h"
#include "door/handshake.h"
#include "door/visit.h"

/* Lives in the request's memory, and hears when that is released. */
struct guard {
  struct opening *opening;             /* NULL: it was answered */
};

struct opening {
  struct claim claim;
  h2o_req_t *req;                      /* NULL: it is gone */
  struct guard *guard;                 /* of that request */
  struct socket *socket;
};

static void opening_free(struct opening *opening) {
  if (opening == NULL) return;
  claim_done(&opening->claim);
  mem_free(opening);
}

static void on_request_gone(void *memory) {
  struct guard *guard = memory;
  if (guard->opening == NULL) return;
  guard->opening->req = NULL;
  atomic_store(&guard->opening->claim.reply.is_unwanted, true);
}

static void on_upgraded(void *context, h2o_socket_t *sock, size_t request_size) {
  channel_open(socket_channel(context), sock, request_size);
}

static void meet(struct claim *claim) {
  struct opening *opening = H2O_STRUCT_FROM_MEMBER(struct opening, claim, claim);
  const struct reply *reply = &claim->reply;
  if (reply->failure.err == ERR_NONE) {
    socket_join(opening->socket, reply->actor_id);
  } else {
    socket_refuse(opening->socket, &reply->failure);
  }
  if (opening->req == NULL) {
    socket_free(opening->socket);
  } else {
    opening->guard->opening = NULL;
    visit_release(visit_socket(opening->req));
    handshake_accept(opening->req, on_upgraded, opening->socket);
  }
  opening_free(opening);
}

static void refuse(struct sockets *sockets, h2o_req_t *req, const struct failure *failure) {
  struct socket *socket = socket_try_new(sockets, slice_of(NULL, 0), slice_of(NULL, 0));
  if (socket == NULL) {
    answer_failure(req, failure, slice_of(NULL, 0));
    return;
  }
  socket_refuse(socket, failure);
  handshake_accept(req, on_upgraded, socket);
}

static struct opening *opening_try_new(struct sockets *sockets, h2o_req_t *req) {
  struct opening *made = mem_try_zero(sizeof *made);
  if (made == NULL) return NULL;
  claim_init(&made->claim, &sockets->hatch->outlet, meet);
  made->req = req;
  return made;
}

static void begin(struct opening *opening, struct request **request, struct sockets *sockets) {
  (*request)->outlet = &sockets->hatch->outlet;
  (*request)->parting = socket_parting(opening->socket);
  opening->guard = h2o_mem_alloc_shared(&opening->req->pool, sizeof *opening->guard, on_request_gone);
  opening->guard->opening = opening;
  visit_hold(visit_socket(opening->req), 0, &opening->claim.reply.is_unwanted);
  hatch_begin(sockets->hatch, &opening->claim, request);
  socket_await(opening->socket, opening->claim.reply.call_id);
}

static enum err ask(struct sockets *sockets, const struct intake *intake, h2o_req_t *req, struct failure *failure) {
  struct request *request = NULL;
  struct opening *opening = opening_try_new(sockets, req);
  if (opening == NULL) return failure_set(failure, ERR_MEMORY, "no memory for the connection");
  enum err err = intake_read(intake, req, &opening->claim.reply, &request, failure);
  if (err == ERR_NONE) {
    opening->socket = socket_try_new(sockets, buf_slice(&request->class_name), buf_slice(&request->key));
    if (opening->socket == NULL) err = failure_set(failure, ERR_MEMORY, "no memory for the connection");
  }
  if (err == ERR_NONE) {
    begin(opening, &request, sockets);
  } else {
    request_free(request);
    opening_free(opening);
  }
  return err;
}

void opening_ask(struct sockets *sockets, const struct intake *intake, h2o_req_t *req, struct failure *failure) {
  struct failure fault = { 0 };
  if (handshake_check(req, &fault) != ERR_NONE) {
    visit_linger(visit_socket(req));
    answer_failure(req, &fault, slice_of(NULL, 0));
  } else if (failure->err != ERR_NONE || ask(sockets, intake, req, failure) != ERR_NONE) {
    refuse(sockets, req, failure);
  }
  failure_done(&fault);
}
