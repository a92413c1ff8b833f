/* clock.c -- the system's clocks, or numbers that their owner moves. */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

void clock_init(struct clock *clock) {
  *clock = (struct clock){ .manual = false };
}

void clock_init_manual(struct clock *clock, int64_t unix_ns) {
  *clock = (struct clock){ .manual = true, .manual_unix_ns = unix_ns, .manual_passed_ns = unix_ns };
}

void clock_advance(struct clock *clock, int64_t ns) {
  CHECK(clock->manual);
  CHECK_THAT(ns, >=, 0);
  CHECK_THAT(clock->manual_unix_ns, <=, INT64_MAX - ns);
  CHECK_THAT(clock->manual_passed_ns, <=, INT64_MAX - ns);
  clock->manual_unix_ns += ns;
  clock->manual_passed_ns += ns;
}

void clock_jump(struct clock *clock, int64_t ns) {
  CHECK(clock->manual);
  CHECK(ns < 0 ? clock->manual_unix_ns >= INT64_MIN - ns : clock->manual_unix_ns <= INT64_MAX - ns);
  clock->manual_unix_ns += ns;
}

void clock_pace(struct clock *clock, int64_t look_ns) {
  CHECK(clock->manual);
  CHECK_THAT(look_ns, >=, 0);
  clock->manual_look_ns = look_ns;
}

static int64_t read_ns(clockid_t id) {
  struct timespec now;
  CHECK_THAT(clock_gettime(id, &now), ==, 0);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_unix_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_unix_ns : read_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_passed_ns : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_boottime_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_passed_ns : read_ns(CLOCK_BOOTTIME);
}

int64_t clock_thread_cpu_ns(struct clock *clock) {
  if (!clock->manual) return read_ns(CLOCK_THREAD_CPUTIME_ID);
  clock->manual_cpu_ns += clock->manual_look_ns;
  return clock->manual_cpu_ns;
}

int64_t clock_work_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_cpu_ns : read_ns(CLOCK_MONOTONIC);
}
