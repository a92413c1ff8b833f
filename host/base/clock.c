/* clock.c -- the system's clocks, or a number that stands still. */
#include "base/clock.h"

#include <time.h>

#include "base/check.h"

void clock_init(struct clock *clock) {
  *clock = (struct clock){ .manual = false };
}

void clock_init_manual(struct clock *clock, int64_t unix_ns) {
  *clock = (struct clock){ .manual = true, .manual_unix_ns = unix_ns };
}

void clock_advance(struct clock *clock, int64_t ns) {
  CHECK(clock->manual);
  CHECK_THAT(ns, >=, 0);
  CHECK_THAT(clock->manual_unix_ns, <=, INT64_MAX - ns);
  clock->manual_unix_ns += ns;
}

static int64_t read_ns(clockid_t id) {
  struct timespec now;
  CHECK_THAT(clock_gettime(id, &now), ==, 0);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_unix_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_unix_ns : read_ns(CLOCK_REALTIME);
}

/* A manual clock only advances, so its time of day will do for durations. */
int64_t clock_monotonic_ns(const struct clock *clock) {
  return clock->manual ? clock->manual_unix_ns : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_system_ns(void) {
  return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_thread_cpu_ns(void) {
  return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
