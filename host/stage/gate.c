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

enum gate_word gate_judge(const struct gate *gate, uint64_t *seen, uint64_t epoch) {
  uint64_t verdict;
  CHECK_THAT(epoch, <=, records_epoch(gate->records));
  if (*seen == 0 || epoch == records_epoch(gate->records)) return GATE_HOLDS;
  if (!records_find_verdict(gate->records, epoch, &verdict)) return GATE_UNKNOWN;
  if (*seen > verdict) return GATE_FAILED;
  *seen = 0;
  return GATE_HOLDS;
}

static void keep_early(const struct turn *turn, struct reply *reply, uint64_t seen) {
  reply->seen = seen;
  reply->epoch = turn->epoch;
  reply_keep(reply);
}

static struct commit *take_for(struct gate *gate, const struct turn *turn, struct reply *reply) {
  struct commit *commit = gate_take_spare(gate);
  CHECK(commit != NULL);
  commit->epoch = turn->epoch;
  commit->call_id = turn->call_id;
  if (reply != NULL) commit->effects = &reply->effect;
  gate->unrung = true;
  if (reply != NULL) gate->owes = true;
  return commit;
}

/* Puts effects in front of those that a commit has. */
static void put_before(struct commit *commit, struct effect *effects) {
  struct effect *last = effects;
  while (last->next != NULL) last = last->next;
  last->next = commit->effects;
  commit->effects = effects;
}

uint64_t gate_send(struct gate *gate, const struct turn *turn, struct buf *changes, struct effect *parcels,
                   struct reply *reply, bool saving) {
  bool early = reply != NULL && reply->early;
  struct commit *commit = take_for(gate, turn, early ? NULL : reply);
  if (parcels != NULL) put_before(commit, parcels);
  commit->sync = saving || parcels != NULL;
  if (commit->sync) gate->owes = true;
  buf_move(&commit->changes, changes);
  uint64_t ticket = records_commit(gate->records, &commit, turn->view.drafts, !saving);
  trace_number(gate->logger, turn->call_id, "commit sent", "ticket", ticket);
  if (early) keep_early(turn, reply, ticket);
  return ticket;
}

uint64_t gate_send_own(struct gate *gate, struct drafts *drafts, struct buf *changes) {
  struct commit *commit = gate_take_spare(gate);
  CHECK(commit != NULL);
  commit->epoch = records_epoch(gate->records);
  gate->unrung = true;
  buf_move(&commit->changes, changes);
  return records_commit(gate->records, &commit, drafts, true);
}

void gate_pass(struct gate *gate, const struct turn *turn, struct reply *reply, uint64_t seen) {
  if (reply->early) {
    keep_early(turn, reply, seen);
    return;
  }
  if (records_is_released(gate->records, seen)) {
    reply_keep(reply);
    return;
  }
  struct commit *commit = take_for(gate, turn, reply);
  uint64_t ticket = records_commit(gate->records, &commit, NULL, false);
  trace_number(gate->logger, turn->call_id, "commit sent", "ticket", ticket);
}

void gate_ring(struct gate *gate, bool in_any_case) {
  if (!gate->unrung || !(gate->owes || in_any_case)) return;
  gate->unrung = gate->owes = false;
  records_ring(gate->records);
}
