/* failed_id_test.c -- ids of what was given up: as text, as record keys, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assert_text.h"
#include "ledger/record_key.h"
#include "random.h"
#include "stage/failed_id.h"
#include "stage/router.h"

static struct failed_id random_id(struct random *random) {
  struct failed_id id = { .kind = random_below(random, 2) ? FAILED_MESSAGE : FAILED_SCHEDULE };
  uint64_t counter = 1 + random_below(random, (UINT64_C(1) << RECORD_COUNTER_BITS) - 1);
  id.shard = (unsigned)random_below(random, ROUTER_SHARDS);
  if (id.kind == FAILED_SCHEDULE) {
    id.actor_id = record_own_id(id.shard) | counter;
    id.schedule = 1 + (int64_t)random_below(random, INT64_MAX);
  } else {
    unsigned sender_shard = (unsigned)random_below(random, ROUTER_SHARDS);
    id.place = (struct mail_place){ random_below(random, INT64_MAX), record_own_id(sender_shard) | counter };
  }
  return id;
}

static void assert_same(const struct failed_id *a, const struct failed_id *b) {
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->shard, b->shard);
  assert_int_equal(a->actor_id, b->actor_id);
  assert_int_equal(a->schedule, b->schedule);
  assert_int_equal(a->place.stamp, b->place.stamp);
  assert_int_equal(a->place.sender_id, b->place.sender_id);
}

static void ids_read_back(void **state) {
  (void)state;
  struct random random = random_begin("failed_id_test");
  struct buf text = { 0 }, key = { 0 };
  for (int i = 0; i < 20000; i++) {
    const struct failed_id id = random_id(&random);
    struct failed_id parsed, read;
    buf_clear(&text);
    buf_clear(&key);
    failed_id_print(&text, &id);
    failed_id_put_key(&key, &id);
    assert_true(failed_id_parse(buf_slice(&text), &parsed));
    assert_true(failed_id_read_key(buf_slice(&key), &read));
    assert_same(&id, &parsed);
    assert_same(&id, &read);
  }
  buf_done(&key);
  buf_done(&text);
}

static void ids_have_one_text(void **state) {
  (void)state;
  static const char *const no_ids[] = {
    "", "s", "s-", "s-1", "s-1-1", "s-1-1-1-1", "s-1-1-", "s-1--1", "s-01-1-1", "s-1-01-1", "s-1-1-0", "s-1-0-1", "s-1024-1-1",
    "s-1-281474976710656-1", "s-1-1-9223372036854775808", "s-1-1-+1", "s 1-1-1", "S-1-1-1", "m-1-1-1", "m-1-1-1024-1", "m-1-1-1-0",
    "x-1-1-1", "s-1-1-1 ", " s-1-1-1",
  };
  struct failed_id id;
  for (size_t i = 0; i < sizeof no_ids / sizeof *no_ids; i++) assert_false(failed_id_parse(slice_text(no_ids[i]), &id));
  assert_true(failed_id_parse(slice_text("s-803-12-3"), &id));
  assert_int_equal(id.actor_id, record_own_id(803) | 12);
  assert_true(failed_id_parse(slice_text("m-0-0-5-7"), &id));
  assert_int_equal(id.place.sender_id, record_own_id(5) | 7);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(ids_read_back), cmocka_unit_test(ids_have_one_text) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
