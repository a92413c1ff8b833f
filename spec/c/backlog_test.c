/* backlog_test.c -- lines are passed on whole and in order; those without room are counted, where they would stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/backlog.h"
#include "base/mem.h"

struct spec {
  struct clock clock;
  struct backlog *backlog;
};

static void spec_init(struct spec *spec) {
  clock_init_manual(&spec->clock, 0);
  spec->backlog = backlog_new(&spec->clock);
}

static void put(struct spec *spec, const char *line) {
  backlog_put(spec->backlog, LOG_INFO, slice_text(line));
}

/* The next line is this one; passes it. */
static void expect(struct spec *spec, const char *line) {
  struct slice next = backlog_next(spec->backlog);
  if (!slice_equal(next, slice_text(line))) fail_msg("got %.*s, expected %s", (int)next.size, (const char *)next.data, line);
  backlog_pass(spec->backlog, next.size);
}

static void expect_nothing(struct spec *spec) {
  assert_int_equal(backlog_next(spec->backlog).size, 0);
}

static void lines_are_passed_in_order_and_in_pieces(void **state) {
  (void)state;
  struct spec spec;
  spec_init(&spec);
  expect_nothing(&spec);
  put(&spec, "one\n");
  put(&spec, "two\n");
  assert_int_equal(backlog_next(spec.backlog).size, 4);
  backlog_pass(spec.backlog, 1);
  put(&spec, "three\n");
  backlog_wait(spec.backlog);
  expect(&spec, "ne\n");
  expect(&spec, "two\n");
  expect(&spec, "three\n");
  expect_nothing(&spec);
  backlog_wake(spec.backlog);
  backlog_wait(spec.backlog);
  put(&spec, "left behind\n");
  backlog_free(spec.backlog);
}

#define COUNT_OF(lines) \
  "1970-01-01T00:00:00.000Z warn lines were dropped here, since nobody read the log lines=" lines "\n"

/* Half the room each, with what a line costs: the second finds none. */
static void put_half(struct spec *spec) {
  static const uint8_t half[BACKLOG_BYTES_MAX / 2];
  backlog_put(spec->backlog, LOG_INFO, slice_of(half, sizeof half));
}

static void pass_half(struct spec *spec) {
  assert_int_equal(backlog_next(spec->backlog).size, BACKLOG_BYTES_MAX / 2);
  backlog_pass(spec->backlog, BACKLOG_BYTES_MAX / 2);
}

static void what_finds_no_room_is_counted_in_its_place(void **state) {
  (void)state;
  struct spec spec;
  spec_init(&spec);
  put(&spec, "before\n");
  put_half(&spec);
  put_half(&spec);
  put_half(&spec);
  put(&spec, "between\n");
  put_half(&spec);
  expect(&spec, "before\n");
  pass_half(&spec);
  put_half(&spec);
  expect(&spec, COUNT_OF("2"));
  expect(&spec, "between\n");
  expect(&spec, COUNT_OF("1"));
  pass_half(&spec);
  expect_nothing(&spec);
  put_half(&spec);
  put_half(&spec);
  pass_half(&spec);
  assert_true(backlog_next(spec.backlog).size > 4);
  backlog_pass(spec.backlog, 4);
  put(&spec, "behind\n");
  expect(&spec, &COUNT_OF("1")[4]);
  expect(&spec, "behind\n");
  expect_nothing(&spec);
  backlog_free(spec.backlog);
}

static void what_finds_no_memory_is_counted_too(void **state) {
  (void)state;
  struct spec spec;
  spec_init(&spec);
  mem_fail_at(1);
  put(&spec, "lost\n");
  assert_true(mem_has_failed());
  mem_fail_at(0);
  expect(&spec, COUNT_OF("1"));
  expect_nothing(&spec);
  backlog_free(spec.backlog);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_are_passed_in_order_and_in_pieces),
    cmocka_unit_test(what_finds_no_room_is_counted_in_its_place),
    cmocka_unit_test(what_finds_no_memory_is_counted_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
