/* turn.c -- see turn.h. */
#include "script/turn.h"

#include "script/outbox.h"
#include "script/outgoing.h"

size_t turn_sent_bytes(const struct turn *turn) {
  return turn->outbox == NULL ? 0 : turn->outbox->bytes;
}

void turn_done(struct turn *turn) {
  buf_done(&turn->result);
  buf_done(&turn->traceback);
  failure_done(&turn->failure);
  failure_done(&turn->refusal);
  outgoing_free(turn->outgoing);
  turn->outgoing = NULL;
  outbox_free(turn->outbox);
  turn->outbox = NULL;
}
