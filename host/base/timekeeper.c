/* timekeeper.c -- see timekeeper.h. */
#include "base/timekeeper.h"

#include <stddef.h>

enum { MS_NS = 1000000 };

/* Rounded down, also below 0. */
static int64_t ms_of(int64_t ns) {
  return ns / MS_NS - (ns % MS_NS < 0);
}

static int64_t passed_ms(const struct timekeeper *timekeeper) {
  return ms_of(clock_boottime_ns(timekeeper->clock));
}

/* What the wall clock is more than the time that passes. The latter is read last: if this thread had to wait in between, the
 * wall clock seems to be behind, and that changes nothing. */
static int64_t wall_offset_ms(const struct timekeeper *timekeeper) {
  int64_t wall_ns = clock_unix_ns(timekeeper->clock);
  return ms_of(wall_ns - clock_boottime_ns(timekeeper->clock));
}

/* The offset of host time, which the wall clock takes along where it is ahead of it. */
static int64_t host_offset_ms(struct timekeeper *timekeeper, int64_t wall_ms) {
  int64_t host_ms = atomic_load(&timekeeper->host_offset_ms);
  while (host_ms < wall_ms && !atomic_compare_exchange_weak(&timekeeper->host_offset_ms, &host_ms, wall_ms)) continue;
  return host_ms < wall_ms ? wall_ms : host_ms;
}

void timekeeper_init(struct timekeeper *timekeeper, const struct clock *clock, const struct time_mark *mark) {
  *timekeeper = (struct timekeeper){ .clock = clock };
  int64_t wall_ms = wall_offset_ms(timekeeper), now_ms = passed_ms(timekeeper);
  int64_t ahead_ms = mark == NULL ? 0 : mark->ahead_ms, lived_ms = mark == NULL ? wall_ms + now_ms : mark->lived_ms;
  int64_t host_ms = wall_ms + ahead_ms;
  if (mark != NULL && mark->host_ms - now_ms > host_ms) host_ms = mark->host_ms - now_ms;
  int64_t mark_ms = mark == NULL ? wall_ms : mark->host_ms - mark->ahead_ms - now_ms;
  timekeeper->first_offset_ms = mark_ms > wall_ms ? mark_ms : wall_ms;
  timekeeper->lived_offset_ms = lived_ms - now_ms;
  atomic_store(&timekeeper->host_offset_ms, host_ms);
  const struct time_mark first = { .lived_ms = lived_ms, .host_ms = host_ms + now_ms };
  timekeeper_note_saved(timekeeper, mark == NULL ? &first : mark);
}

int64_t timekeeper_wall_ms(const struct timekeeper *timekeeper) {
  return ms_of(clock_unix_ns(timekeeper->clock));
}

int64_t timekeeper_host_ms(struct timekeeper *timekeeper) {
  int64_t offset_ms = host_offset_ms(timekeeper, wall_offset_ms(timekeeper));
  return passed_ms(timekeeper) + offset_ms;
}

int64_t timekeeper_lived_ms(const struct timekeeper *timekeeper) {
  return passed_ms(timekeeper) + timekeeper->lived_offset_ms;
}

struct time_mark timekeeper_mark(struct timekeeper *timekeeper) {
  int64_t wall_ms = wall_offset_ms(timekeeper), offset_ms = host_offset_ms(timekeeper, wall_ms);
  int64_t now_ms = passed_ms(timekeeper);
  return (struct time_mark){
    .ahead_ms = offset_ms - wall_ms, .lived_ms = now_ms + timekeeper->lived_offset_ms, .host_ms = now_ms + offset_ms,
  };
}

bool timekeeper_wants_save(struct timekeeper *timekeeper) {
  struct time_mark now = timekeeper_mark(timekeeper);
  int64_t more_ms = now.ahead_ms - atomic_load(&timekeeper->saved_ahead_ms);
  return more_ms > TIMEKEEPER_AHEAD_MS || more_ms < -TIMEKEEPER_AHEAD_MS ||
         now.lived_ms - atomic_load(&timekeeper->saved_lived_ms) >= TIMEKEEPER_LIVED_MS;
}

bool timekeeper_is_saved(struct timekeeper *timekeeper) {
  struct time_mark now = timekeeper_mark(timekeeper);
  return now.ahead_ms == atomic_load(&timekeeper->saved_ahead_ms) &&
         now.lived_ms == atomic_load(&timekeeper->saved_lived_ms) &&
         now.host_ms == atomic_load(&timekeeper->saved_host_ms);
}

void timekeeper_note_saved(struct timekeeper *timekeeper, const struct time_mark *mark) {
  atomic_store(&timekeeper->saved_ahead_ms, mark == NULL ? 0 : mark->ahead_ms);
  atomic_store(&timekeeper->saved_lived_ms, mark == NULL ? timekeeper_lived_ms(timekeeper) - TIMEKEEPER_LIVED_MS
                                                         : mark->lived_ms);
  atomic_store(&timekeeper->saved_host_ms, mark == NULL ? 0 : mark->host_ms);
}

void timekeeper_watch(const struct timekeeper *timekeeper, struct timekeeper_watch *watch) {
  watch->offset_ms = timekeeper->first_offset_ms;
}

bool timekeeper_was_set_back(const struct timekeeper *timekeeper, struct timekeeper_watch *watch) {
  int64_t offset_ms = wall_offset_ms(timekeeper);
  bool was_set_back = offset_ms < watch->offset_ms - TIMEKEEPER_AHEAD_MS;
  if (was_set_back || offset_ms > watch->offset_ms) watch->offset_ms = offset_ms;
  return was_set_back;
}

int64_t timekeeper_save_in_ns(const struct timekeeper *timekeeper) {
  int64_t left_ms = atomic_load(&timekeeper->saved_lived_ms) + TIMEKEEPER_LIVED_MS - timekeeper_lived_ms(timekeeper);
  return left_ms <= 0 ? 0 : left_ms * MS_NS;
}
