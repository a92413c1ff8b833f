/* gate.c -- see gate.h. */
#include "stage/gate.h"

#include "base/check.h"
#include "base/trace.h"

void gate_init(struct gate *gate, struct records *records, const struct logger *logger) {
  *gate = (struct gate){ .records = records, .logger = logger };
}

void gate_done(struct gate *gate) {
  commit_free(gate->spare);
  gate->spare = NULL;
}

bool gate_try_prepare(struct gate *gate) {
  if (gate->spare == NULL) gate->spare = commit_try_new();
  return gate->spare != NULL;
}

struct commit *gate_take_spare(struct gate *gate) {
  struct commit *taken = gate->spare;
  gate->spare = NULL;
  return taken;
}

void gate_give_spare(struct gate *gate, struct commit *spare) {
  if (gate->spare == NULL) {
    gate->spare = spare;
  } else {
    commit_free(spare);
  }
}

void gate_send(struct gate *gate, const struct turn *turn, struct buf *changes, struct reply *reply, bool sync) {
  struct commit *commit = gate_take_spare(gate);
  CHECK(commit != NULL);
  commit->epoch = turn->epoch;
  commit->call_id = turn->call_id;
  commit->sync = sync;
  if (changes != NULL) buf_move(&commit->changes, changes);
  if (reply != NULL) commit->effects = &reply->effect;
  trace_number(gate->logger, turn->call_id, "commit sent", "seq", records_seq(gate->records));
  records_commit(gate->records, &commit);
}

void gate_pass(struct gate *gate, const struct turn *turn, struct reply *reply, uint64_t seen_seq) {
  if (seen_seq <= records_released(gate->records)) {
    reply_keep(reply);
  } else {
    gate_send(gate, turn, NULL, reply, false);
  }
}
