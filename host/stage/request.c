/* request.c -- see request.h. */
#include "stage/request.h"

#include "base/mem.h"

struct request *request_try_new(enum request_type type, struct reply *reply) {
  struct request *request = mem_try_zero(sizeof *request);
  if (request == NULL) return NULL;
  request->type = type;
  request->reply = reply;
  request->format = reply->format;
  request->create = true;
  return request;
}

void request_free(struct request *request) {
  if (request == NULL) return;
  struct buf *bytes[] = { &request->class_name, &request->key,    &request->method,  &request->args,
                          &request->input,      &request->params, &request->headers, &request->idempotency_key,
                          &request->address };
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) buf_done(bytes[i]);
  mem_free(request);
}

void request_abandon(struct request *request) {
  if (request == NULL) return;
  reply_abandon(request->reply);
  request_free(request);
}
