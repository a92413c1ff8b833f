/* timekeeper_test.c -- host/base/timekeeper.c: three times, whatever becomes of the wall clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/timekeeper.h"

#define MS INT64_C(1000000)
#define S_MS INT64_C(1000)
#define DAY_MS (24 * 60 * 60 * S_MS)
#define YEAR_MS (365 * DAY_MS)
#define START_MS (56 * YEAR_MS)

struct fixture {
  struct clock clock;
  struct timekeeper keeper;
};

static void begin_at(struct fixture *fixture, int64_t wall_ms) {
  clock_init_manual(&fixture->clock, wall_ms * MS);
  timekeeper_init(&fixture->keeper, &fixture->clock, NULL);
}

static void pass(struct fixture *fixture, int64_t ms) {
  clock_advance(&fixture->clock, ms * MS);
}

static void jump(struct fixture *fixture, int64_t ms) {
  clock_jump(&fixture->clock, ms * MS);
}

static int64_t host(struct fixture *fixture) {
  return timekeeper_host_ms(&fixture->keeper);
}

static int64_t ahead(struct fixture *fixture) {
  return timekeeper_mark(&fixture->keeper).ahead_ms;
}

static struct time_mark save(struct fixture *fixture) {
  struct time_mark mark = timekeeper_mark(&fixture->keeper);
  timekeeper_note_saved(&fixture->keeper, &mark);
  return mark;
}

static void all_three_begin_at_the_wall_time_of_the_first_start(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  assert_true(timekeeper_wall_ms(&fixture.keeper) == START_MS);
  assert_true(host(&fixture) == START_MS);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS);
  assert_true(ahead(&fixture) == 0);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  assert_true(timekeeper_is_saved(&fixture.keeper));
  pass(&fixture, 1234);
  assert_true(host(&fixture) == START_MS + 1234);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS + 1234);
  assert_true(timekeeper_wall_ms(&fixture.keeper) == START_MS + 1234);
}

static void set_back_by_a_day_host_time_goes_on(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  jump(&fixture, -DAY_MS);
  assert_true(timekeeper_wall_ms(&fixture.keeper) == START_MS - DAY_MS);
  assert_true(host(&fixture) == START_MS);
  assert_true(ahead(&fixture) == DAY_MS);
  assert_true(timekeeper_wants_save(&fixture.keeper));
  pass(&fixture, 60 * S_MS);
  assert_true(host(&fixture) == START_MS + 60 * S_MS);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS + 60 * S_MS);
  save(&fixture);
  assert_false(timekeeper_wants_save(&fixture.keeper));
}

static void set_right_again_host_time_notices_nothing(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  jump(&fixture, -DAY_MS);
  pass(&fixture, 1000);
  save(&fixture);
  jump(&fixture, DAY_MS);
  assert_true(host(&fixture) == START_MS + 1000);
  assert_true(ahead(&fixture) == 0);
  assert_true(timekeeper_wants_save(&fixture.keeper));
  save(&fixture);
  jump(&fixture, -DAY_MS);
  jump(&fixture, DAY_MS + 5 * S_MS);                 /* what is left of a jump takes host time along */
  assert_true(host(&fixture) == START_MS + 6000);
  assert_true(ahead(&fixture) == 0);
}

static void set_forward_by_a_year_host_time_jumps_along_and_stays(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  jump(&fixture, YEAR_MS);
  assert_true(host(&fixture) == START_MS + YEAR_MS);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  jump(&fixture, -YEAR_MS);
  assert_true(host(&fixture) == START_MS + YEAR_MS);
  assert_true(ahead(&fixture) == YEAR_MS);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS);
}

/* A jump that nobody has looked at was none. */
static void what_was_set_right_before_a_look_is_not_seen(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  jump(&fixture, YEAR_MS);
  jump(&fixture, -YEAR_MS);
  assert_true(host(&fixture) == START_MS);
  assert_true(ahead(&fixture) == 0);
}

static void a_device_that_starts_in_1970_is_set_right_a_second_later(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  struct time_mark mark = save(&fixture);
  clock_init_manual(&fixture.clock, 0);
  timekeeper_init(&fixture.keeper, &fixture.clock, &mark);
  assert_true(host(&fixture) == START_MS);           /* as it was when the device went off */
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS);
  assert_true(timekeeper_wants_save(&fixture.keeper));
  save(&fixture);
  pass(&fixture, 1000);
  assert_true(host(&fixture) == START_MS + 1000);
  jump(&fixture, START_MS + DAY_MS);                 /* it was off for a day */
  assert_true(host(&fixture) == START_MS + DAY_MS + 1000);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS + 1000);
  assert_true(ahead(&fixture) == 0);
}

static void the_very_first_start_may_be_in_1970(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, 0);
  pass(&fixture, 1000);
  jump(&fixture, START_MS);
  assert_true(host(&fixture) == START_MS + 1000);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == 1000);
  assert_false(timekeeper_wants_save(&fixture.keeper));
}

static void small_steps_back_are_saved_once_they_are_more_than_a_second(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  for (int64_t i = 1; i <= 10; i++) {
    jump(&fixture, -100);
    pass(&fixture, 1000);
    assert_true(host(&fixture) == START_MS + i * 1000);
    assert_true(ahead(&fixture) == i * 100);
    assert_false(timekeeper_wants_save(&fixture.keeper));
  }
  jump(&fixture, -1);
  assert_true(timekeeper_wants_save(&fixture.keeper));
  save(&fixture);
  jump(&fixture, 1000);
  assert_true(ahead(&fixture) == 1);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  jump(&fixture, 1);
  assert_true(ahead(&fixture) == 0);
  assert_true(timekeeper_wants_save(&fixture.keeper));
}

static void what_was_ahead_is_ahead_after_a_start(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  jump(&fixture, -DAY_MS);
  struct time_mark mark = save(&fixture);
  pass(&fixture, 7200 * S_MS);                       /* no host runs */
  timekeeper_init(&fixture.keeper, &fixture.clock, &mark);
  assert_true(host(&fixture) == START_MS + 7200 * S_MS);
  assert_true(timekeeper_lived_ms(&fixture.keeper) == START_MS);
  assert_false(timekeeper_wants_save(&fixture.keeper));
}

static void set_back_while_no_host_runs_is_late_by_no_more_than_that_took(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  pass(&fixture, 500);
  struct time_mark mark = save(&fixture);
  pass(&fixture, 3000);                              /* a crash, and two more seconds */
  jump(&fixture, -DAY_MS);
  timekeeper_init(&fixture.keeper, &fixture.clock, &mark);
  assert_true(host(&fixture) == START_MS + 500);
  assert_true(ahead(&fixture) == DAY_MS - 3000);
  assert_true(timekeeper_wants_save(&fixture.keeper));
}

static void lived_time_is_saved_each_hour_of_it(void **state) {
  (void)state;
  struct fixture fixture;
  begin_at(&fixture, START_MS);
  assert_true(timekeeper_save_in_ns(&fixture.keeper) == TIMEKEEPER_LIVED_MS * MS);
  pass(&fixture, TIMEKEEPER_LIVED_MS - 1);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  assert_true(timekeeper_save_in_ns(&fixture.keeper) == MS);
  pass(&fixture, 1);
  assert_true(timekeeper_wants_save(&fixture.keeper));
  assert_true(timekeeper_save_in_ns(&fixture.keeper) == 0);
  assert_false(timekeeper_is_saved(&fixture.keeper));
  save(&fixture);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  assert_true(timekeeper_is_saved(&fixture.keeper));
  jump(&fixture, YEAR_MS);
  assert_false(timekeeper_wants_save(&fixture.keeper));
  assert_false(timekeeper_is_saved(&fixture.keeper));
  timekeeper_note_saved(&fixture.keeper, NULL);
  assert_true(timekeeper_wants_save(&fixture.keeper));
}

/* Years of jumps, starts and crashes, each look against what must hold. */
static void whatever_happens_nothing_goes_back(void **state) {
  (void)state;
  struct fixture fixture;
  const char *text = getenv("TROUPE_SEED");
  unsigned seed = text == NULL ? 1 : (unsigned)strtoul(text, NULL, 10);
  srand(seed);
  begin_at(&fixture, START_MS);
  struct time_mark mark = save(&fixture);
  int64_t host_ms = START_MS, lived_ms = START_MS, run_ms = 0;
  for (int i = 0; i < 200000; i++) {
    int64_t passed_ms = rand() % 100 == 0 ? rand() % (30 * DAY_MS) : rand() % 5000, step_ms = 0;
    if (rand() % 4 == 0) step_ms = rand() % 1500 - 800;
    if (rand() % 100 == 0) step_ms = (int64_t)(rand() % 40 - 20) * DAY_MS;
    if (timekeeper_wall_ms(&fixture.keeper) + step_ms < 0 || timekeeper_wall_ms(&fixture.keeper) > 4 * START_MS) {
      step_ms = START_MS - timekeeper_wall_ms(&fixture.keeper);
    }
    pass(&fixture, passed_ms);
    run_ms += passed_ms;
    jump(&fixture, step_ms);
    bool looks = rand() % 2 == 0;
    if (looks) {
      assert_true(host(&fixture) >= host_ms + run_ms);
      assert_true(host(&fixture) >= timekeeper_wall_ms(&fixture.keeper));
      assert_true(timekeeper_lived_ms(&fixture.keeper) == lived_ms + run_ms);
      host_ms = host(&fixture);
      lived_ms += run_ms;
      run_ms = 0;
      if (timekeeper_wants_save(&fixture.keeper)) mark = save(&fixture);
    }
    if (rand() % 50 == 0) {                          /* a crash */
      pass(&fixture, rand() % DAY_MS);
      if (rand() % 4 == 0) jump(&fixture, -(rand() % DAY_MS));
      timekeeper_init(&fixture.keeper, &fixture.clock, &mark);
      assert_true(host(&fixture) >= mark.host_ms);
      assert_true(timekeeper_lived_ms(&fixture.keeper) == mark.lived_ms);
      assert_true(lived_ms - mark.lived_ms < TIMEKEEPER_LIVED_MS);
      host_ms = host(&fixture);
      lived_ms = mark.lived_ms;
      run_ms = 0;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_three_begin_at_the_wall_time_of_the_first_start),
    cmocka_unit_test(set_back_by_a_day_host_time_goes_on),
    cmocka_unit_test(set_right_again_host_time_notices_nothing),
    cmocka_unit_test(set_forward_by_a_year_host_time_jumps_along_and_stays),
    cmocka_unit_test(what_was_set_right_before_a_look_is_not_seen),
    cmocka_unit_test(a_device_that_starts_in_1970_is_set_right_a_second_later),
    cmocka_unit_test(the_very_first_start_may_be_in_1970),
    cmocka_unit_test(small_steps_back_are_saved_once_they_are_more_than_a_second),
    cmocka_unit_test(what_was_ahead_is_ahead_after_a_start),
    cmocka_unit_test(set_back_while_no_host_runs_is_late_by_no_more_than_that_took),
    cmocka_unit_test(lived_time_is_saved_each_hour_of_it),
    cmocka_unit_test(whatever_happens_nothing_goes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
