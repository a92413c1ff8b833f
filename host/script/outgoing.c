/* outgoing.c -- see outgoing.h. */
#include "script/outgoing.h"

#include "base/mem.h"

struct outgoing *outgoing_try_new(void) {
  struct outgoing *outgoing = mem_try_zero(sizeof *outgoing);
  if (outgoing != NULL) outgoing->create = true;
  return outgoing;
}

void outgoing_free(struct outgoing *outgoing) {
  if (outgoing == NULL) return;
  struct buf *bytes[] = { &outgoing->class_name, &outgoing->key,   &outgoing->method, &outgoing->args,
                          &outgoing->input,      &outgoing->idempotency_key, &outgoing->result };
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) buf_done(bytes[i]);
  failure_done(&outgoing->failure);
  mem_free(outgoing);
}
