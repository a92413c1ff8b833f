/* record_key_test.c -- the ids of shards and of actors, and the words for each kind of record. */
#include "records.h"

#include "codec/key.h"
#include "ledger/record_key.h"

static void ids_bear_their_shard(void **state) {
  (void)state;
  for (unsigned shard = 0; shard < 1024; shard++) {
    uint64_t own = record_own_id(shard), last = record_own_id(shard + 1) - 1;
    assert_int_equal(record_shard(own), shard);
    assert_int_equal(record_shard(own + 1), shard);
    assert_int_equal(record_shard(last), shard);
    assert_true(record_is_own(own));
    assert_false(record_is_own(own + 1));
    assert_false(record_is_own(last));
  }
  assert_int_equal(record_own_id(0), RECORD_HOST_ID);
}

static struct slice key_of(struct buf *key, uint64_t id, char space, struct slice rest) {
  buf_clear(key);
  record_key_put_head(key, id, (enum record_space)space);
  buf_put(key, rest);
  return buf_slice(key);
}

/* All of a shard is between its own id and that of the next. */
static void a_shard_is_one_range(void **state) {
  struct buf from = { 0 }, to = { 0 }, key = { 0 };
  (void)state;
  buf_put_u64(&from, record_own_id(452));
  buf_put_u64(&to, record_own_id(453));
  for (const char *space = "adfq"; *space != 0; space++) {
    struct slice own = key_of(&key, record_own_id(452), *space, slice_of("", 0));
    assert_true(slice_compare(buf_slice(&from), own) < 0 && slice_compare(own, buf_slice(&to)) < 0);
    own = key_of(&key, record_own_id(453), *space, slice_of("", 0));
    assert_true(slice_compare(own, buf_slice(&to)) > 0);
  }
  struct slice last = key_of(&key, record_own_id(453) - 1, (char)0xff, slice_text("\xff"));
  assert_true(slice_compare(last, buf_slice(&to)) < 0);
  buf_done(&from);
  buf_done(&to);
  buf_done(&key);
}

static void each_kind_of_record_has_its_words(void **state) {
  const struct {
    uint64_t id;
    char space;
    const char *words;
  } kinds[] = {
    { 0, 'c', "the number of the checkpoint \"ann\"" },
    { 0, 'h', "the clock of the host \"ann\"" },
    { 0, 'a', "shard 0, the index of addresses \"ann\"" },
    { record_own_id(1023), 'a', "shard 1023, the index of addresses \"ann\"" },
    { record_own_id(7), 'd', "shard 7, wake-up \"ann\"" },
    { record_own_id(7), 'f', "shard 7, given up \"ann\"" },
    { record_own_id(7), 'q', "shard 7, mail \"ann\"" },
    { record_own_id(7), 'c', "shard 7, space 63 \"ann\"" },
    { record_own_id(7), 'k', "shard 7, space 6b \"ann\"" },
    { record_own_id(7) + 12, 'a', "actor 7/12, space 61 \"ann\"" },
    { record_own_id(7) + 12, 'i', "actor 7/12, idempotency key \"ann\"" },
    { record_own_id(7) + 12, 'k', "actor 7/12, kv \"ann\"" },
    { record_own_id(7) + 12, 'm', "actor 7/12, its own record \"ann\"" },
    { record_own_id(7) + 12, 'n', "actor 7/12, state of connection \"ann\"" },
    { record_own_id(7) + 12, 's', "actor 7/12, state \"ann\"" },
    { record_own_id(7) + 12, 'p', "actor 7/12, schedule \"ann\"" },
    { record_own_id(7) + 12, 'v', "actor 7/12, version of the state \"ann\"" },
    { record_own_id(1) - 1, 'k', "actor 0/281474976710655, kv \"ann\"" },
  };
  struct buf key = { 0 }, rest = { 0 }, text = { 0 };
  (void)state;
  key_put_string(&rest, slice_text("ann"));
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    buf_clear(&text);
    record_key_print(&text, key_of(&key, kinds[i].id, kinds[i].space, buf_slice(&rest)));
    assert_slice_equal(buf_slice(&text), slice_text(kinds[i].words));
  }
  buf_done(&text);
  buf_done(&rest);
  buf_done(&key);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_bear_their_shard), cmocka_unit_test(a_shard_is_one_range),
    cmocka_unit_test(each_kind_of_record_has_its_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
