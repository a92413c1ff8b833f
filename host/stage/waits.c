/* waits.c -- see waits.h. */
#include "stage/waits.h"

static bool is_durable(const struct wait *wait, uint64_t durable_seq) {
  return wait->seen_seq <= durable_seq;
}

static bool is_not_durable(const struct wait *wait, uint64_t durable_seq) {
  return wait->seen_seq > durable_seq;
}

static bool always(const struct wait *wait, uint64_t durable_seq) {
  (void)wait;
  (void)durable_seq;
  return true;
}

/* What a turn can wait for. */
static const struct {
  const char *name;
  bool (*is_due)(const struct wait *wait, uint64_t durable_seq);
  bool (*is_lost)(const struct wait *wait, uint64_t durable_seq);   /* asked when an epoch has ended */
  bool goes_first;        /* before new calls: it has let others go while it waited */
  bool wants_durable;     /* becomes due when something becomes durable: the worker must be woken then */
} table[WAIT_WHAT_COUNT] = {
  [WAIT_SAVE]   = { "save",   is_durable, is_not_durable, .goes_first = true,  .wants_durable = true },
  [WAIT_OTHERS] = { "others", always,     is_not_durable, .goes_first = false, .wants_durable = false },
};

void waits_init(struct waits *waits) {
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) TAILQ_INIT(&waits->lines[what]);
}

const char *waits_name(enum wait_what what) {
  return table[what].name;
}

void waits_put(struct waits *waits, struct wait *wait) {
  TAILQ_INSERT_TAIL(&waits->lines[wait->what], wait, link);
}

bool waits_go_first(enum wait_what what) {
  return table[what].goes_first;
}

size_t waits_line_up(struct waits *waits, enum wait_what what, uint64_t durable_seq) {
  struct wait_list *line = &waits->lines[what], due = TAILQ_HEAD_INITIALIZER(due);
  size_t count = 0;
  for (struct wait *wait = TAILQ_FIRST(line), *next; wait != NULL; wait = next) {
    next = TAILQ_NEXT(wait, link);
    if (!table[what].is_due(wait, durable_seq)) continue;
    TAILQ_REMOVE(line, wait, link);
    TAILQ_INSERT_TAIL(&due, wait, link);
    count++;
  }
  TAILQ_CONCAT(&due, line, link);
  TAILQ_CONCAT(line, &due, link);
  return count;
}

struct wait *waits_take(struct waits *waits, enum wait_what what) {
  struct wait *wait = TAILQ_FIRST(&waits->lines[what]);
  if (wait != NULL) TAILQ_REMOVE(&waits->lines[what], wait, link);
  return wait;
}

void waits_take_lost(struct waits *waits, uint64_t durable_seq, struct wait_list *lost) {
  TAILQ_INIT(lost);
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    struct wait_list *line = &waits->lines[what];
    for (struct wait *wait = TAILQ_FIRST(line), *next; wait != NULL; wait = next) {
      next = TAILQ_NEXT(wait, link);
      if (!table[what].is_lost(wait, durable_seq)) continue;
      TAILQ_REMOVE(line, wait, link);
      TAILQ_INSERT_TAIL(lost, wait, link);
    }
  }
}

bool waits_are_due(const struct waits *waits, uint64_t durable_seq) {
  const struct wait *wait;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    TAILQ_FOREACH(wait, &waits->lines[what], link) {
      if (table[what].is_due(wait, durable_seq)) return true;
    }
  }
  return false;
}

bool waits_want_durable(const struct waits *waits) {
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    if (table[what].wants_durable && !TAILQ_EMPTY(&waits->lines[what])) return true;
  }
  return false;
}

uint64_t waits_hold_back(const struct waits *waits, uint64_t batch) {
  const struct wait *wait;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    TAILQ_FOREACH(wait, &waits->lines[what], link) {
      if (wait->held_batch < batch) batch = wait->held_batch;
    }
  }
  return batch;
}

bool waits_is_empty(const struct waits *waits) {
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    if (!TAILQ_EMPTY(&waits->lines[what])) return false;
  }
  return true;
}
