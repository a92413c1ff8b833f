/* verdicts_test.c -- how an epoch ended can be read, or it cannot; it is never told wrongly. */
#include "records.h"

#include <pthread.h>

#include "ledger/verdicts.h"

static void an_epoch_that_has_ended_has_a_verdict(void **state) {
  (void)state;
  struct verdicts verdicts = { 0 };
  uint64_t ticket = 7;
  assert_false(verdicts_find(&verdicts, 0, &ticket));
  verdicts_put(&verdicts, 0, 5);
  verdicts_put(&verdicts, 1, 5);
  verdicts_put(&verdicts, 2, 9);
  assert_true(verdicts_find(&verdicts, 0, &ticket));
  assert_int_equal(ticket, 5);
  assert_true(verdicts_find(&verdicts, 1, &ticket));
  assert_int_equal(ticket, 5);
  assert_true(verdicts_find(&verdicts, 2, &ticket));
  assert_int_equal(ticket, 9);
  assert_false(verdicts_find(&verdicts, 3, &ticket));
}

static void a_disk_that_stays_full_takes_one_entry(void **state) {
  (void)state;
  struct verdicts verdicts = { 0 };
  uint64_t ticket;
  verdicts_put(&verdicts, 0, 1);
  for (uint64_t epoch = 1; epoch < 10 * VERDICTS_MAX; epoch++) verdicts_put(&verdicts, epoch, 2);
  assert_true(verdicts_find(&verdicts, 0, &ticket));
  assert_int_equal(ticket, 1);
  assert_true(verdicts_find(&verdicts, 10 * VERDICTS_MAX - 1, &ticket));
  assert_int_equal(ticket, 2);
  assert_int_equal(verdicts.count, 2);
}

static void one_of_long_ago_is_unknown(void **state) {
  (void)state;
  struct verdicts verdicts = { 0 };
  uint64_t ticket;
  enum { EPOCHS = 3 * VERDICTS_MAX };
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) verdicts_put(&verdicts, epoch, 10 * epoch);
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    bool found = verdicts_find(&verdicts, epoch, &ticket);
    assert_int_equal(found, epoch > EPOCHS - VERDICTS_MAX);
    if (found) assert_int_equal(ticket, 10 * epoch);
  }
}

struct shared {
  struct verdicts verdicts;
  _Atomic uint64_t ended;      /* epochs up to here have */
};

enum { EPOCHS = 200000 };

static void *end_many(void *context) {
  struct shared *shared = context;
  for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
    verdicts_put(&shared->verdicts, epoch, 3 * epoch);
    shared->ended = epoch + 1;
  }
  return NULL;
}

static void a_reader_that_is_overtaken_hears_nothing_wrong(void **state) {
  (void)state;
  struct shared shared = { 0 };
  pthread_t thread;
  uint64_t ticket, looked = 0;
  assert_int_equal(pthread_create(&thread, NULL, end_many, &shared), 0);
  for (uint64_t ended = 0; ended < EPOCHS; looked++) {
    ended = shared.ended;
    uint64_t back = looked % (VERDICTS_MAX + 2);
    if (ended <= back) continue;
    if (verdicts_find(&shared.verdicts, ended - 1 - back, &ticket)) assert_int_equal(ticket, 3 * (ended - 1 - back));
  }
  assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_epoch_that_has_ended_has_a_verdict),
    cmocka_unit_test(a_disk_that_stays_full_takes_one_entry),
    cmocka_unit_test(one_of_long_ago_is_unknown),
    cmocka_unit_test(a_reader_that_is_overtaken_hears_nothing_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
