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

/* Appends effects to a list whose end is at `*end`. */
static void append(struct effect ***end, struct effect *effects) {
  **end = effects;
  while (**end != NULL) *end = &(**end)->next;
}

/* Takes the spare commit for a load. An early reply does not go with it. */
static struct commit *take_for(struct gate *gate, const struct turn *turn, const struct gate_load *load) {
  struct commit *commit = gate_take_spare(gate);
  CHECK(commit != NULL);
  commit->epoch = turn->epoch;
  commit->call_id = turn->call_id;
  struct effect **end = &commit->effects;
  append(&end, load->parcels);
  append(&end, load->notices);
  if (load->reply != NULL && !load->reply->early) append(&end, &load->reply->effect);
  append(&end, load->closings);
  gate->unrung = true;
  if (commit->effects != NULL) gate->owes = true;
  return commit;
}

uint64_t gate_send(struct gate *gate, const struct turn *turn, struct buf *changes, const struct gate_load *load,
                   bool saving) {
  bool is_early = load->reply != NULL && load->reply->early;           /* any other may be gone once the commit is sent */
  struct commit *commit = take_for(gate, turn, load);
  commit->sync = saving || load->parcels != NULL;
  if (commit->sync) gate->owes = true;
  buf_move(&commit->changes, changes);
  uint64_t ticket = records_commit(gate->records, &commit, turn->view.drafts, !saving);
  trace_number(gate->logger, turn->call_id, "commit sent", "ticket", ticket);
  if (is_early) keep_early(turn, load->reply, ticket);
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

static void release_all(struct effect *effects) {
  while (effects != NULL) {
    struct effect *next = effects->next;
    effects->release(effects, ERR_NONE);
    effects = next;
  }
}

uint64_t gate_pass(struct gate *gate, const struct turn *turn, const struct gate_load *load, uint64_t seen) {
  bool is_early = load->reply != NULL && load->reply->early;
  bool is_outside = load->notices != NULL || load->closings != NULL || (load->reply != NULL && !is_early);
  CHECK(load->parcels == NULL);
  uint64_t ticket = 0;
  if (is_outside && !records_is_released(gate->records, seen)) {
    struct commit *commit = take_for(gate, turn, load);
    ticket = records_commit(gate->records, &commit, NULL, false);
    trace_number(gate->logger, turn->call_id, "commit sent", "ticket", ticket);
  } else if (is_outside) {
    release_all(load->notices);
    if (!is_early && load->reply != NULL) reply_keep(load->reply);
    release_all(load->closings);
  }
  if (is_early) keep_early(turn, load->reply, seen);
  return ticket;
}

void gate_ring(struct gate *gate, bool in_any_case) {
  if (!gate->unrung || !(gate->owes || in_any_case)) return;
  gate->unrung = gate->owes = false;
  records_ring(gate->records);
}
