/* delivery.c -- see delivery.h. */
#include "stage/delivery.h"

#include <stdio.h>

#include "base/trace.h"
#include "stage/performance.h"

static void refuse(struct request *request, enum err err, const char *why) {
  struct reply *reply = request->reply;
  request_free(request);
  reply_fail(reply, err, "%s", why);
}

/* Its caller's time is over before its turn has come. */
static void expire(void *context, struct deadline *deadline) {
  const struct delivery *delivery = context;
  struct request *request = (struct request *)(void *)((uint8_t *)deadline - offsetof(struct request, deadline));
  actors_take_out(delivery->probes.actors, request->actor, request);
  refuse(request, ERR_TIMEOUT,
         "it waited for its turn until the time of its caller was over: the call had not begun, and will not");
}

void delivery_put(const struct delivery *delivery, struct request *request) {
  size_t waiting_max = (size_t)delivery->vm->limits->waiting_calls;
  trace_number(delivery->vm->logger, request->reply->call_id, "call dealt", "worker", delivery->vm->worker);
  struct actor *actor = actors_try_get(delivery->probes.actors, buf_slice(&request->class_name), buf_slice(&request->key));
  struct request *put = request;
  if (actor == NULL) {
    refuse(request, ERR_MEMORY, "no memory for another actor");
  } else if (!actors_try_mail(delivery->probes.actors, actor, &put, waiting_max)) {
    char why[128];
    snprintf(why, sizeof why, "%zu calls wait for this actor already " LIMIT_NAME(WAITING_CALLS), waiting_max);
    refuse(request, ERR_OVERLOADED, why);
  } else if (request->deadline_ns != 0) {
    request->actor = actor;
    request->deadline.pass = expire;
    request->deadline.context = (void *)(uintptr_t)delivery;
    deadlines_set(delivery->probes.deadlines, &request->deadline, request->deadline_ns);
    if (actor->waiting != NULL && performance_ask(actor->waiting) != NULL) probe_begin(&delivery->probes, actor, request);
  }
}
