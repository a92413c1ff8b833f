/* turn.c -- see turn.h. */
#include "script/turn.h"

#include "script/outgoing.h"

void turn_done(struct turn *turn) {
  buf_done(&turn->result);
  buf_done(&turn->traceback);
  failure_done(&turn->failure);
  failure_done(&turn->refusal);
  outgoing_free(turn->outgoing);
  turn->outgoing = NULL;
}
