/* waits.c -- see waits.h. */
#include "stage/waits.h"

#include "base/check.h"

static bool is_durable(const struct wait *wait, uint64_t durable) {
  return wait->seen <= durable;
}

static bool is_not_durable(const struct wait *wait, uint64_t durable) {
  return wait->seen > durable;
}

static bool never(const struct wait *wait, uint64_t durable) {
  (void)wait;
  (void)durable;
  return false;
}

static bool always(const struct wait *wait, uint64_t durable) {
  (void)wait;
  (void)durable;
  return true;
}

/* What a turn can wait for. */
static const struct {
  const char *name;
  bool (*is_due)(const struct wait *wait, uint64_t durable);
  bool (*is_lost)(const struct wait *wait, uint64_t durable);   /* asked when an epoch has ended */
  enum wait_place place;  /* a turn that let others go while it waited goes first; one that has run for long goes last */
  bool wants_durable;     /* it becomes due with the disk, so that the worker must be woken then */
} table[WAIT_WHAT_COUNT] = {
  [WAIT_SAVE]     = { "save",     is_durable, is_not_durable, WAIT_GOES_FIRST,   .wants_durable = true },
  [WAIT_OTHERS]   = { "others",   always,     is_not_durable, WAIT_GOES_LAST,    .wants_durable = false },
  [WAIT_ANSWER]   = { "answer",   never,      is_not_durable, WAIT_GOES_BETWEEN, .wants_durable = false },
  [WAIT_ANSWERED] = { "answered", always,     is_not_durable, WAIT_GOES_BETWEEN, .wants_durable = false },
};

void waits_init(struct waits *waits) {
  *waits = (struct waits){ 0 };
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) TAILQ_INIT(&waits->lines[what]);
}

const char *waits_name(enum wait_what what) {
  return table[what].name;
}

void waits_put(struct waits *waits, struct wait *wait) {
  CHECK(!wait->is_in_line);
  wait->is_in_line = true;
  TAILQ_INSERT_TAIL(&waits->lines[wait->what], wait, link);
  waits->counts[wait->what]++;
}

static void take_out(struct waits *waits, struct wait *wait) {
  CHECK(wait->is_in_line);
  wait->is_in_line = false;
  TAILQ_REMOVE(&waits->lines[wait->what], wait, link);
  waits->counts[wait->what]--;
}

void waits_move(struct waits *waits, struct wait *wait, enum wait_what what) {
  take_out(waits, wait);
  wait->what = what;
  waits_put(waits, wait);
}

size_t waits_count(const struct waits *waits, enum wait_what what) {
  return waits->counts[what];
}

enum wait_place waits_place(enum wait_what what) {
  return table[what].place;
}

size_t waits_line_up(struct waits *waits, enum wait_what what, uint64_t durable) {
  struct wait_list *line = &waits->lines[what], due = TAILQ_HEAD_INITIALIZER(due);
  size_t count = 0;
  for (struct wait *wait = TAILQ_FIRST(line), *next; wait != NULL; wait = next) {
    next = TAILQ_NEXT(wait, link);
    if (!table[what].is_due(wait, durable)) continue;
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
  if (wait != NULL) take_out(waits, wait);
  return wait;
}

void waits_take_lost(struct waits *waits, uint64_t durable, struct wait_list *lost) {
  TAILQ_INIT(lost);
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    struct wait_list *line = &waits->lines[what];
    for (struct wait *wait = TAILQ_FIRST(line), *next; wait != NULL; wait = next) {
      next = TAILQ_NEXT(wait, link);
      if (!table[what].is_lost(wait, durable)) continue;
      take_out(waits, wait);
      TAILQ_INSERT_TAIL(lost, wait, link);
    }
  }
}

bool waits_are_due(const struct waits *waits, uint64_t durable) {
  const struct wait *wait;
  for (int what = 0; what < WAIT_WHAT_COUNT; what++) {
    if (table[what].is_due == never) continue;       /* there may be thousands of them */
    TAILQ_FOREACH(wait, &waits->lines[what], link) {
      if (table[what].is_due(wait, durable)) return true;
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
    if (waits->counts[what] > 0) return false;
  }
  return true;
}
