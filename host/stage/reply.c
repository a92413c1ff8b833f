/* reply.c -- see reply.h. */
#include "stage/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/trace.h"

static struct reply *reply_of(struct effect *effect) {
  return (struct reply *)(void *)((uint8_t *)effect - offsetof(struct reply, effect));
}

static void release(struct effect *effect, enum err err) {
  struct reply *reply = reply_of(effect);
  if (err != ERR_NONE) {
    reply_fail(reply, err, "the call could not be made durable; nothing of it happened");
    return;
  }
  reply_keep(reply);
}

void reply_init(struct reply *reply, enum format format, void (*deliver)(struct reply *reply)) {
  *reply = (struct reply){ .format = format, .deliver = deliver };
  reply->effect.release = release;
  buf_init(&reply->body, 0);
  failure_init(&reply->failure);
}

void reply_done(struct reply *reply) {
  buf_done(&reply->body);
  buf_done(&reply->more);
  failure_done(&reply->failure);
}

static void trace_answer(const struct reply *reply) {
  const struct failure *failure = &reply->failure;
  if (!trace_is_on(reply->logger)) return;
  const struct log_field field = { "code", failure->err == ERR_NONE ? slice_text("ok") : failure_code(failure) };
  trace_write(reply->logger, reply->call_id, "call answered", &field, 1);
}

void reply_keep(struct reply *reply) {
  CHECK(reply->deliver != NULL);
  if (reply->logger != NULL) trace_answer(reply);
  void (*deliver)(struct reply *) = reply->deliver;
  reply->deliver = NULL;                       /* a promise is kept once */
  deliver(reply);
}

void reply_abandon(struct reply *reply) {
  if (reply->abandon != NULL) reply->abandon(reply);
}

void reply_fail(struct reply *reply, enum err err, const char *format, ...) {
  char message[FAILURE_MESSAGE_MAX];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  size_t used = size < 0 ? 0 : (size_t)size < sizeof message ? (size_t)size : sizeof message - 1;
  buf_clear(&reply->body);
  buf_clear(&reply->more);
  failure_clear(&reply->failure);
  failure_set_text(&reply->failure, err, slice_of(message, used));
  reply_keep(reply);
}
