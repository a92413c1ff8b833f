/* store_test.c -- records in LMDB against a sorted array; and what is damaged. */
#include "store_fixture.h"

#include <unistd.h>

enum { TOP_MAX = 509 };   /* bytes of the longest key that needs no continuation */

/* ---- against the model ----------------------------------------------------------------------------------- */

static void assert_get(struct fixture *fixture, const struct model *model, struct slice key) {
  struct slice value;
  const struct record *record = model_find(model, key);
  assert_int_equal(store_get(fixture->reader, key, &value), record != NULL ? ERR_NONE : ERR_NOT_FOUND);
  if (record != NULL) assert_slice_equal(value, record->value);
}

/* Walks from a key for so many steps, with gets in between that must not disturb the cursor. */
static void assert_walk(struct fixture *fixture, const struct model *model, struct slice from, bool reverse,
                        size_t steps, struct slice between) {
  size_t at = model_lower(model, from);
  if (reverse && model_find(model, from) == NULL) at--;   /* below 0 it is beyond every count */
  struct slice key, value;
  enum err err = store_seek(fixture->reader, from, reverse, &key);
  for (size_t i = 0; i < steps; i++) {
    if (i % 3 == 2) assert_get(fixture, model, between);
    if (at >= model->count) {
      assert_int_equal(err, ERR_NOT_FOUND);
      assert_int_equal(store_next(fixture->reader, &key), ERR_NOT_FOUND);
      return;
    }
    assert_int_equal(err, ERR_NONE);
    assert_slice_equal(key, model->records[at].key);
    assert_int_equal(store_value(fixture->reader, &value), ERR_NONE);
    assert_slice_equal(value, model->records[at].value);
    at += reverse ? (size_t)-1 : 1;
    err = store_next(fixture->reader, &key);
  }
}

static void assert_same(struct fixture *fixture, const struct model *model, struct chance *chance) {
  static uint8_t room[RECORD_KEY_MAX], other[RECORD_KEY_MAX], last[RECORD_KEY_MAX];
  memset(last, 0xff, sizeof last);
  struct slice between = chance_key(chance, other);
  assert_walk(fixture, model, slice_of(NULL, 0), false, SIZE_MAX, between);
  assert_walk(fixture, model, slice_of(last, sizeof last), true, SIZE_MAX, between);
  for (int i = 0; i < 20; i++) {
    struct slice key = chance_key(chance, room);
    assert_get(fixture, model, key);
    assert_walk(fixture, model, key, i % 2 == 0, 6, between);
  }
}

/* Some changes to the store, and the same to a layer for the model. */
static void change_some(struct chance *chance, struct fixture *fixture, const struct model *model, struct model *layer) {
  static uint8_t room[RECORD_KEY_MAX], bytes[3000];
  size_t count = chance_below(chance, 30);
  for (size_t i = 0; i < count; i++) {
    struct slice key = chance_key(chance, room);
    if (chance_below(chance, 2) == 0) {
      if (model->count > 0) key = model->records[chance_below(chance, model->count)].key;
      assert_int_equal(store_delete(fixture->store, key), ERR_NONE);
      model_put(layer, key, slice_of(NULL, 0), true);
    } else {
      memset(bytes, (int)chance_below(chance, 256), sizeof bytes);
      struct slice value = slice_of(bytes, chance_below(chance, chance_below(chance, 8) == 0 ? sizeof bytes : 20));
      assert_int_equal(store_put(fixture->store, key, value), ERR_NONE);
      model_put(layer, key, value, false);
    }
  }
}

static void is_an_ordered_map(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("store");
  struct model model = {0};
  for (int round = 0; round < 250; round++) {
    struct model layer = {0};
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    change_some(&chance, fixture, &model, &layer);
    if (chance_below(&chance, 8) == 0) {
      store_abort(fixture->store);
    } else {
      assert_int_equal(store_commit(fixture->store), ERR_NONE);
      model_apply(&model, &layer);
    }
    model_clear(&layer);
    store_reader_reset(fixture->reader);
    if (chance_below(&chance, 20) == 0) {
      close_store(fixture);
      open_store(fixture, (size_t)1 << 30);
    }
    if (round % 5 == 0) assert_same(fixture, &model, &chance);
  }
  assert_same(fixture, &model, &chance);
  /* With the last record the last pointer is gone. */
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  while (model.count > 0) {
    struct slice key = model.records[chance_below(&chance, model.count)].key;
    assert_int_equal(store_delete(fixture->store, key), ERR_NONE);
    model_delete(&model, key);
  }
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  assert_int_equal(store_entry_count(fixture->store), 0);
  assert_int_equal(fixture->log.errors, 0);
  model_clear(&model);
}

/* Each length up to the longest, of bytes that sort before, as and after the byte that marks a cut. */
static void every_length_keeps_its_order(void **state) {
  struct fixture *fixture = *state;
  static uint8_t bytes[RECORD_KEY_MAX];
  struct chance chance = { .state = 1 };
  for (unsigned byte = 0; byte < 256; byte += 255) {
    struct model model = {0};
    memset(bytes, (int)byte, sizeof bytes);
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    for (size_t size = 0; size <= sizeof bytes; size += size < 1600 ? 1 : 16) {
      struct slice key = slice_of(bytes, size), value = slice_of(&size, sizeof size);
      assert_int_equal(store_put(fixture->store, key, value), ERR_NONE);
      model_put(&model, key, value, false);
    }
    assert_int_equal(store_commit(fixture->store), ERR_NONE);
    store_reader_reset(fixture->reader);
    assert_same(fixture, &model, &chance);
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    for (size_t i = 0; i < model.count; i++) {
      assert_int_equal(store_delete(fixture->store, model.records[i].key), ERR_NONE);
    }
    assert_int_equal(store_commit(fixture->store), ERR_NONE);
    assert_int_equal(store_entry_count(fixture->store), 0);
    model_clear(&model);
  }
}

static void a_pointer_is_made_only_beyond_what_fits(void **state) {
  struct fixture *fixture = *state;
  static const size_t sizes[] = { TOP_MAX, TOP_MAX + 1, TOP_MAX + 501, TOP_MAX + 502, STORE_KEY_MAX };
  static const size_t entries[] = { 1, 2, 2, 3, 9 };
  static uint8_t bytes[RECORD_KEY_MAX];
  for (size_t i = 0; i < 5; i++) {
    put_one(fixture, slice_of(bytes, sizes[i]), slice_text("value"));
    assert_int_equal(store_entry_count(fixture->store), entries[i]);
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    /* A neighbour that is not there takes nothing with it. */
    if (sizes[i] < STORE_KEY_MAX) {
      assert_int_equal(store_delete(fixture->store, slice_of(bytes, sizes[i] + 1)), ERR_NONE);
    }
    assert_int_equal(store_delete(fixture->store, slice_of(bytes, sizes[i] - 1)), ERR_NONE);
    assert_int_equal(store_commit(fixture->store), ERR_NONE);
    assert_int_equal(store_entry_count(fixture->store), entries[i]);
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    assert_int_equal(store_delete(fixture->store, slice_of(bytes, sizes[i])), ERR_NONE);
    assert_int_equal(store_commit(fixture->store), ERR_NONE);
    assert_int_equal(store_entry_count(fixture->store), 0);
  }
}

/* ---- snapshots and sizes --------------------------------------------------------------------------------- */

static void a_reader_keeps_its_snapshot(void **state) {
  struct fixture *fixture = *state;
  struct slice value, key;
  put_one(fixture, slice_text("a"), slice_text("1"));
  assert_int_equal(store_get(fixture->reader, slice_text("a"), &value), ERR_NONE);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("a"), slice_text("2")), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("b"), slice_text("3")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  assert_slice_equal(value, slice_text("1"));
  assert_int_equal(store_seek(fixture->reader, slice_text("a"), false, &key), ERR_NONE);
  assert_int_equal(store_value(fixture->reader, &value), ERR_NONE);
  assert_slice_equal(value, slice_text("1"));
  assert_int_equal(store_next(fixture->reader, &key), ERR_NOT_FOUND);
  store_reader_reset(fixture->reader);
  assert_int_equal(store_get(fixture->reader, slice_text("a"), &value), ERR_NONE);
  assert_slice_equal(value, slice_text("2"));
  assert_int_equal(store_get(fixture->reader, slice_text("b"), &value), ERR_NONE);
}

static void takes_a_value_of_64_mib(void **state) {
  struct fixture *fixture = *state;
  size_t size = (size_t)64 << 20;
  uint8_t *bytes = malloc(size);
  assert_non_null(bytes);
  for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 31 >> 7);
  put_one(fixture, slice_text("large"), slice_of(bytes, size));
  struct slice value;
  assert_int_equal(store_get(fixture->reader, slice_text("large"), &value), ERR_NONE);
  assert_slice_equal(value, slice_of(bytes, size));
  free(bytes);
}

/* ---- what is damaged ------------------------------------------------------------------------------------- */

static void a_damaged_record_is_named_and_not_served(void **state) {
  struct fixture *fixture = *state;
  put_one(fixture, slice_text("a"), slice_text("1"));
  put_one(fixture, slice_text("\x01k"), slice_text("a value that is found by its words"));
  put_one(fixture, slice_text("z"), slice_text("3"));
  close_store(fixture);
  struct slice words = slice_text("a value that is found by its words");
  scratch_damage(&fixture->scratch, "data.mdb", words, 3);
  open_store(fixture, (size_t)1 << 30);
  struct slice key, value;
  enum err err = store_get(fixture->reader, slice_text("\x01k"), &value);
  assert_int_equal(err, ERR_STORAGE);
  assert_int_equal(fixture->log.errors, 1);
  assert_non_null(strstr(fixture->log.last, "record=\"a key of another kind, 016b\""));
  assert_int_equal(store_seek(fixture->reader, slice_of(NULL, 0), false, &key), ERR_NONE);
  assert_slice_equal(key, slice_text("\x01k"));
  assert_int_equal(fixture->log.errors, 1);      /* who looks at keys alone is not told */
  assert_int_equal(store_value(fixture->reader, &value), ERR_STORAGE);
  assert_int_equal(fixture->log.errors, 2);
  assert_int_equal(store_next(fixture->reader, &key), ERR_NONE);
  assert_slice_equal(key, slice_text("a"));
  assert_int_equal(store_value(fixture->reader, &value), ERR_NONE);
  /* Writing it anew heals it. */
  put_one(fixture, slice_text("\x01k"), slice_text("new"));
  assert_int_equal(store_get(fixture->reader, slice_text("\x01k"), &value), ERR_NONE);
}

enum { KEYS = 20 };

/* Every second one is so long that its top is a pointer. They begin alike, as those of one actor do. */
static struct slice numbered_key(int number, char room[700]) {
  int size = snprintf(room, 700, "actor 01key-%02d-of-many", number);
  if (number % 2 == 0) return slice_of(room, (size_t)size);
  memset(room + size, 'p', 600);
  return slice_of(room, (size_t)size + 600);
}

/* Puts all of them, and two of others around; then one key is damaged, and stands where it does not belong. */
static void put_and_damage(struct fixture *fixture, int damaged) {
  char room[700], needle[32];
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  for (int number = 0; number < KEYS; number++) {
    assert_int_equal(store_put(fixture->store, numbered_key(number, room), slice_text("value")), ERR_NONE);
  }
  assert_int_equal(store_put(fixture->store, slice_text("actor 00a"), slice_text("value")), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("actor 02c"), slice_text("value")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  close_store(fixture);
  snprintf(needle, sizeof needle, "ractor 01key-%02d-", damaged);
  scratch_damage(&fixture->scratch, "data.mdb", slice_text(needle), 13 + (size_t)damaged % 2);
  open_store(fixture, (size_t)1 << 30);
}

/* A walk meets the damaged key, and a look-up may not. */
static void a_range_delete_ends_upon_a_damaged_key(void **state) {
  for (int damaged = 0; damaged < KEYS; damaged++) {
    struct fixture *fixture = *state;
    size_t count;
    put_and_damage(fixture, damaged);
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    enum err err = store_delete_some(fixture->store, slice_text("actor 01a"), slice_text("actor 01l"), 1000, &count);
    store_abort(fixture->store);
    assert_true(count <= KEYS && (err == ERR_NONE || err == ERR_STORAGE));
    tear_down(state);
    set_up(state);
  }
}

static void a_range_delete_without_memory_fails_its_batch(void **state) {
  struct fixture *fixture = *state;
  size_t count;
  for (int refused = 1; refused >= 0; refused--) {
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    mem_fail_at((unsigned long)refused);
    assert_int_equal(store_delete_some(fixture->store, slice_text("a"), slice_text("b"), 10, &count),
                     refused ? ERR_STORAGE : ERR_NONE);
    assert_int_equal(mem_has_failed(), refused);
    store_abort(fixture->store);
  }
}

static void a_damaged_key_is_not_taken_for_an_absent_one(void **state) {
  char room[700];
  struct slice value;
  for (int damaged = 0; damaged < KEYS; damaged++) {
    struct fixture *fixture = *state;
    put_and_damage(fixture, damaged);
    for (int number = 0; number < KEYS; number++) {
      enum err err = store_get(fixture->reader, numbered_key(number, room), &value);
      assert_true(err == ERR_STORAGE || (err == ERR_NONE && number != damaged));
    }
    /* Other actors hear nothing of it. */
    assert_int_equal(store_get(fixture->reader, slice_text("actor 00b"), &value), ERR_NOT_FOUND);
    assert_int_equal(store_get(fixture->reader, slice_text("actor 02a"), &value), ERR_NOT_FOUND);
    tear_down(state);
    set_up(state);
  }
}

/* A record with a key of 1,000 bytes `p`, and its pointer damaged. */
static struct slice damage_pointer(struct fixture *fixture) {
  static uint8_t bytes[1000];
  memset(bytes, 'p', sizeof bytes);
  struct slice long_key = slice_of(bytes, sizeof bytes);
  put_one(fixture, long_key, slice_text("1"));
  close_store(fixture);
  struct buf needle = {0};
  buf_put_byte(&needle, 'r');
  buf_put(&needle, slice_of(bytes, TOP_MAX));
  buf_put_byte(&needle, 0);
  scratch_damage(&fixture->scratch, "data.mdb", buf_slice(&needle), needle.size + 4 + 7);
  buf_done(&needle);
  open_store(fixture, (size_t)1 << 30);
  return long_key;
}

static void a_damaged_pointer_is_not_followed(void **state) {
  struct fixture *fixture = *state;
  struct slice long_key = damage_pointer(fixture), key, value;
  put_one(fixture, slice_text("q"), slice_text("2"));
  assert_int_equal(store_get(fixture->reader, long_key, &value), ERR_STORAGE);
  assert_non_null(strstr(fixture->log.last, "record=\"actor 28784/123628225065072, schedule 7070"));
  assert_int_equal(store_reach(fixture->reader, long_key), ERR_STORAGE);
  static uint8_t other[1000] = { 'o' };
  assert_int_equal(store_reach(fixture->reader, slice_of(other, sizeof other)), ERR_NONE);
  struct slice least = slice_of(long_key.data, TOP_MAX);
  const struct slice from[] = { long_key, least, slice_text("a") };
  for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
    assert_int_equal(store_seek(fixture->reader, from[i], false, &key), ERR_NONE);
    assert_true(key.size == TOP_MAX + 1 && slice_begins(key, least) && key.data[TOP_MAX] == 0);
    assert_int_equal(store_value(fixture->reader, &value), ERR_STORAGE);
    assert_int_equal(store_next(fixture->reader, &key), ERR_NONE);
    assert_slice_equal(key, slice_text("q"));
  }
  assert_int_equal(store_seek(fixture->reader, slice_text("pz"), true, &key), ERR_NONE);
  assert_int_equal(store_value(fixture->reader, &value), ERR_STORAGE);
  assert_int_equal(store_next(fixture->reader, &key), ERR_NOT_FOUND);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, long_key, slice_text("2")), ERR_STORAGE);
  store_abort(fixture->store);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_delete(fixture->store, long_key), ERR_STORAGE);
  store_abort(fixture->store);
}

static void a_damaged_pointer_goes_with_all_that_it_may_lead_to(void **state) {
  struct fixture *fixture = *state;
  struct slice long_key = damage_pointer(fixture), least = slice_of(long_key.data, TOP_MAX), key, value;
  put_one(fixture, slice_text("q"), slice_text("2"));
  size_t count;
  const struct slice bounds[][2] = { { slice_text("a"), long_key }, { long_key, slice_text("q") } };
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(store_begin(fixture->store), ERR_NONE);
    assert_int_equal(store_delete_some(fixture->store, bounds[i][0], bounds[i][1], 10, &count), ERR_STORAGE);
    store_abort(fixture->store);
  }
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_delete_some(fixture->store, slice_text("a"), least, 10, &count), ERR_NONE);
  assert_int_equal(count, 0);
  assert_int_equal(store_delete_some(fixture->store, least, slice_text("q"), 10, &count), ERR_NONE);
  assert_int_equal(count, 1);
  assert_int_equal(store_put(fixture->store, long_key, slice_text("3")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  store_reader_reset(fixture->reader);
  assert_int_equal(store_seek(fixture->reader, slice_text("a"), false, &key), ERR_NONE);
  assert_slice_equal(key, long_key);
  assert_int_equal(store_value(fixture->reader, &value), ERR_NONE);
  assert_slice_equal(value, slice_text("3"));
  assert_int_equal(store_next(fixture->reader, &key), ERR_NONE);
  assert_slice_equal(key, slice_text("q"));
}

static void what_is_no_store_is_refused(void **state) {
  struct fixture *fixture = *state;
  struct scratch other;
  scratch_begin(&other);
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/data.mdb", other.path);
  FILE *file = fopen(path, "wb");
  for (int i = 0; i < 100000; i++) fputc('x', file);
  fclose(file);
  struct store *store;
  struct store_config config = { .path = other.path, .map_bytes = 1 << 20, .readers_max = 1, .logger = &fixture->log.logger };
  assert_int_equal(store_open(&config, &store, &fixture->failure), ERR_STORAGE);
  assert_null(store);
  assert_true(fixture->failure.message.size > 0);
  failure_clear(&fixture->failure);
  config.path = "/dev/null/store";
  assert_int_equal(store_open(&config, &store, &fixture->failure), ERR_STORAGE);
  failure_clear(&fixture->failure);
  scratch_end(&other);
}

static void readers_beyond_the_limit_are_refused(void **state) {
  struct fixture *fixture = *state;
  struct store_reader *readers[4];
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(store_reader_open(fixture->store, &readers[i], &fixture->failure), ERR_NONE);
  }
  assert_int_equal(store_reader_open(fixture->store, &readers[3], &fixture->failure), ERR_OVERLOADED);
  assert_null(readers[3]);
  failure_clear(&fixture->failure);
  store_reader_close(readers[0]);
  assert_int_equal(store_reader_open(fixture->store, &readers[0], &fixture->failure), ERR_NONE);
  for (size_t i = 0; i < 3; i++) store_reader_close(readers[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    STORE_TEST(is_an_ordered_map),
    STORE_TEST(every_length_keeps_its_order),
    STORE_TEST(a_pointer_is_made_only_beyond_what_fits),
    STORE_TEST(a_reader_keeps_its_snapshot),
    STORE_TEST(takes_a_value_of_64_mib),
    STORE_TEST(a_damaged_record_is_named_and_not_served),
    STORE_TEST(a_range_delete_ends_upon_a_damaged_key),
    STORE_TEST(a_range_delete_without_memory_fails_its_batch),
    STORE_TEST(a_damaged_key_is_not_taken_for_an_absent_one),
    STORE_TEST(a_damaged_pointer_is_not_followed),
    STORE_TEST(a_damaged_pointer_goes_with_all_that_it_may_lead_to),
    STORE_TEST(what_is_no_store_is_refused),
    STORE_TEST(readers_beyond_the_limit_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
