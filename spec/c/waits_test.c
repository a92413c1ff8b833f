/* waits_test.c -- host/stage/waits.c: who goes on, in which order, and who never will. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage/waits.h"

static struct wait *put(struct waits *waits, struct wait *wait, enum wait_what what, uint64_t seen) {
  *wait = (struct wait){ .what = what, .seen = seen, .held_batch = UINT64_MAX };
  waits_put(waits, wait);
  return wait;
}

static void a_save_is_due_when_all_that_was_seen_is_durable(void **state) {
  (void)state;
  struct waits waits;
  struct wait save;
  waits_init(&waits);
  put(&waits, &save, WAIT_SAVE, 5);
  assert_true(waits_want_durable(&waits));
  assert_false(waits_are_due(&waits, 4));
  assert_int_equal(waits_line_up(&waits, WAIT_SAVE, 4), 0);
  assert_true(waits_are_due(&waits, 5));
  assert_int_equal(waits_line_up(&waits, WAIT_SAVE, 5), 1);
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &save);
  assert_true(waits_is_empty(&waits));
}

static void a_pause_is_due_at_once(void **state) {
  (void)state;
  struct waits waits;
  struct wait pause;
  waits_init(&waits);
  put(&waits, &pause, WAIT_OTHERS, 5);
  assert_true(waits_are_due(&waits, 0));
  assert_false(waits_want_durable(&waits));
  assert_null(waits_take(&waits, WAIT_SAVE));
  assert_ptr_equal(waits_take(&waits, WAIT_OTHERS), &pause);
}

static void what_was_due_and_had_no_time_comes_first(void **state) {
  (void)state;
  struct waits waits;
  struct wait late, first, second, third;
  waits_init(&waits);
  put(&waits, &late, WAIT_SAVE, 9);
  put(&waits, &first, WAIT_SAVE, 1);
  put(&waits, &second, WAIT_SAVE, 2);
  assert_int_equal(waits_line_up(&waits, WAIT_SAVE, 2), 2);
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &first);
  put(&waits, &third, WAIT_SAVE, 3);
  assert_int_equal(waits_line_up(&waits, WAIT_SAVE, 9), 3);
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &second);
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &late);
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &third);
}

static void an_epoch_that_ends_takes_what_saw_more_than_is_durable(void **state) {
  (void)state;
  struct waits waits;
  struct wait_list lost;
  struct wait saved, unsaved, paused, reader;
  waits_init(&waits);
  put(&waits, &reader, WAIT_OTHERS, 0);
  put(&waits, &paused, WAIT_OTHERS, 4);
  put(&waits, &saved, WAIT_SAVE, 3);
  put(&waits, &unsaved, WAIT_SAVE, 4);
  waits_take_lost(&waits, 3, &lost);
  assert_ptr_equal(TAILQ_FIRST(&lost), &unsaved);
  assert_ptr_equal(TAILQ_NEXT(&unsaved, link), &paused);
  assert_null(TAILQ_NEXT(&paused, link));
  assert_ptr_equal(waits_take(&waits, WAIT_SAVE), &saved);
  assert_ptr_equal(waits_take(&waits, WAIT_OTHERS), &reader);
  assert_true(waits_is_empty(&waits));
}

static void the_oldest_record_that_is_held_holds_a_checkpoint_back(void **state) {
  (void)state;
  struct waits waits;
  struct wait none, newer, older;
  waits_init(&waits);
  put(&waits, &none, WAIT_SAVE, 1);
  assert_int_equal(waits_hold_back(&waits, 20), 20);
  put(&waits, &newer, WAIT_SAVE, 1)->held_batch = 12;
  put(&waits, &older, WAIT_OTHERS, 1)->held_batch = 7;
  assert_int_equal(waits_hold_back(&waits, 20), 7);
  assert_int_equal(waits_hold_back(&waits, 5), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_save_is_due_when_all_that_was_seen_is_durable),
    cmocka_unit_test(a_pause_is_due_at_once),
    cmocka_unit_test(what_was_due_and_had_no_time_comes_first),
    cmocka_unit_test(an_epoch_that_ends_takes_what_saw_more_than_is_durable),
    cmocka_unit_test(the_oldest_record_that_is_held_holds_a_checkpoint_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
