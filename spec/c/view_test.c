/* view_test.c -- drafts over what is pending over the store, against one sorted array of what should be seen. */
#include "records.h"

#include "ledger/view.h"

struct fixture {
  struct scratch scratch;
  struct memory_log log;
  struct failure failure;
  struct store *store;
  struct view view;
};

static void open_store(struct fixture *fixture) {
  const struct store_config config = {
    .path = fixture->scratch.path, .map_bytes = (size_t)1 << 30, .readers_max = 4, .logger = &fixture->log.logger,
  };
  assert_int_equal(store_open(&config, &fixture->store, &fixture->failure), ERR_NONE);
  assert_int_equal(store_reader_open(fixture->store, &fixture->view.reader, &fixture->failure), ERR_NONE);
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  open_store(fixture);
  fixture->view.drafts = memtable_try_new();
  fixture->view.pending = memtable_try_new();
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  memtable_free(fixture->view.drafts);
  memtable_free(fixture->view.pending);
  store_reader_close(fixture->view.reader);
  store_close(fixture->store);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

/* One put or delete for a memtable, or in a batch for the store. */
static void change_one(struct chance *chance, struct fixture *fixture, struct memtable *memtable, struct model *layer) {
  static uint8_t room[RECORD_KEY_MAX];
  struct slice key = chance_key(chance, room);
  if (key.size > 700) key.size = key.size % 4 + 508;   /* few enough keys to meet in all three layers */
  uint64_t number = chance_next(chance);
  struct slice value = slice_of(&number, chance_below(chance, 9));
  bool deleted = chance_below(chance, 3) == 0;
  model_put(layer, key, deleted ? slice_of(NULL, 0) : value, deleted);
  if (memtable == NULL) {
    enum err err = deleted ? store_delete(fixture->store, key) : store_put(fixture->store, key, value);
    assert_int_equal(err, ERR_NONE);
  } else {
    assert_true(deleted ? memtable_try_delete(memtable, key) : memtable_try_put(memtable, key, value));
  }
}

static void assert_scan(const struct fixture *fixture, const struct model *model, struct slice from, struct slice to,
                        bool reverse) {
  size_t low = model_lower(model, from), high = model_lower(model, to);
  size_t count = high > low ? high - low : 0;
  struct scan scan;
  struct slice key, value;
  scan_begin(&scan, &fixture->view, from, to, reverse);
  for (size_t i = 0; i < count; i++) {
    const struct record *record = &model->records[reverse ? high - 1 - i : low + i];
    assert_int_equal(scan_next(&scan, &key, &value), ERR_NONE);
    assert_slice_equal(key, record->key);
    assert_slice_equal(value, record->value);
  }
  assert_int_equal(scan_next(&scan, &key, &value), ERR_NOT_FOUND);
  assert_int_equal(scan_next(&scan, &key, &value), ERR_NOT_FOUND);
}

static void assert_same(struct chance *chance, const struct fixture *fixture, const struct model *model) {
  static uint8_t from_room[RECORD_KEY_MAX], to_room[RECORD_KEY_MAX];
  static const uint8_t end[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
  for (int i = 0; i < 12; i++) {
    struct slice from = chance_key(chance, from_room), to = chance_key(chance, to_room);
    if (i < 2) from.size = 0;
    if (i < 4) to = slice_of(end, sizeof end);
    /* Bounds that are keys themselves: the lower one is inside, the upper one is not. */
    if (i > 8 && model->count > 0) from = model->records[chance_below(chance, model->count)].key;
    if (i > 9 && model->count > 0) to = model->records[chance_below(chance, model->count)].key;
    assert_scan(fixture, model, from, to, i % 2 == 0);
    struct slice value;
    const struct record *record = model_find(model, from);
    assert_int_equal(view_get(&fixture->view, from, &value), record != NULL ? ERR_NONE : ERR_NOT_FOUND);
    if (record != NULL) assert_slice_equal(value, record->value);
  }
}

static void the_upper_hides_the_lower(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("view");
  struct model stored = {0}, pending = {0}, drafts = {0};
  for (int round = 0; round < 300; round++) {
    if (chance_below(&chance, 10) == 0) {
      memtable_clear(fixture->view.drafts);
      model_clear(&drafts);
    }
    if (chance_below(&chance, 10) == 0) {
      memtable_clear(fixture->view.pending);
      model_clear(&pending);
    }
    size_t count = chance_below(&chance, 12);
    for (size_t i = 0; i < count; i++) change_one(&chance, fixture, fixture->view.drafts, &drafts);
    count = chance_below(&chance, 12);
    for (size_t i = 0; i < count; i++) change_one(&chance, fixture, fixture->view.pending, &pending);
    if (chance_below(&chance, 3) == 0) {
      struct model layer = {0};
      assert_int_equal(store_begin(fixture->store), ERR_NONE);
      count = chance_below(&chance, 30);
      for (size_t i = 0; i < count; i++) change_one(&chance, fixture, NULL, &layer);
      assert_int_equal(store_commit(fixture->store), ERR_NONE);
      model_apply(&stored, &layer);
      model_clear(&layer);
    }
    store_reader_reset(fixture->view.reader);
    struct model seen = {0};
    model_apply(&seen, &stored);
    model_apply(&seen, &pending);
    model_apply(&seen, &drafts);
    assert_same(&chance, fixture, &seen);
    model_clear(&seen);
  }
  model_clear(&stored);
  model_clear(&pending);
  model_clear(&drafts);
}

/* What a worker does: drafts become pending, pending becomes stored, and at each step the same is seen. */
static void a_record_is_seen_on_its_way_down(void **state) {
  struct fixture *fixture = *state;
  struct slice key = slice_text("key"), value;
  assert_int_equal(view_get(&fixture->view, key, &value), ERR_NOT_FOUND);   /* takes a snapshot */
  assert_true(memtable_try_put(fixture->view.drafts, key, slice_text("1")));
  assert_int_equal(view_get(&fixture->view, key, &value), ERR_NONE);
  memtable_merge(fixture->view.pending, fixture->view.drafts, 1);
  assert_int_equal(view_get(&fixture->view, key, &value), ERR_NONE);
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, key, slice_text("1")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  assert_int_equal(view_get(&fixture->view, key, &value), ERR_NONE);
  memtable_drop(fixture->view.pending, 1);
  store_reader_reset(fixture->view.reader);
  assert_int_equal(view_get(&fixture->view, key, &value), ERR_NONE);
  assert_slice_equal(value, slice_text("1"));
}

/* A walk that came upon a damaged record does not go on as if it had not been there. */
static void a_damaged_record_ends_the_scan(void **state) {
  struct fixture *fixture = *state;
  struct slice words = slice_text("words that are found again"), key, value;
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("a"), slice_text("1")), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("b"), words), ERR_NONE);
  assert_int_equal(store_put(fixture->store, slice_text("c"), slice_text("3")), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  store_reader_close(fixture->view.reader);
  store_close(fixture->store);
  scratch_damage(&fixture->scratch, "data.mdb", words, 1);
  open_store(fixture);
  assert_true(memtable_try_put(fixture->view.drafts, slice_text("d"), slice_text("4")));
  for (int reverse = 0; reverse < 2; reverse++) {
    struct scan scan;
    scan_begin(&scan, &fixture->view, slice_text("a"), slice_text("z"), reverse);
    for (int i = 0; i < reverse + 1; i++) assert_int_equal(scan_next(&scan, &key, &value), ERR_NONE);
    assert_int_equal(scan_next(&scan, &key, &value), ERR_STORAGE);
    assert_int_equal(scan_next(&scan, &key, &value), ERR_STORAGE);
  }
  assert_int_equal(view_get(&fixture->view, slice_text("b"), &value), ERR_STORAGE);
  assert_int_equal(fixture->log.errors, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_upper_hides_the_lower, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_record_is_seen_on_its_way_down, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_damaged_record_ends_the_scan, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
