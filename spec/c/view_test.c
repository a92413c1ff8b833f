/* view_test.c -- drafts over the layers over the store, against one sorted array of what should be seen. */
#include "view_fixture.h"

#include "ledger/checkpointer.h"

struct fixture {
  struct view_fixture base;
  struct clock clock;
};

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  view_fixture_begin(&fixture->base);
  clock_init_manual(&fixture->clock, 1);
  fixture->base.view.drafts = drafts_try_new();
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  view_fixture_end(&fixture->base);
  free(fixture);
  return 0;
}

enum place { DRAFTS, PENDING, STORE };

/* One put or delete in one of the places; for the store in a batch. */
static void change_one(struct chance *chance, struct fixture *fixture, enum place place, struct model *layer) {
  static uint8_t room[RECORD_KEY_MAX];
  struct slice key = chance_key(chance, room);
  if (key.size > 700) key.size = key.size % 4 + 508;   /* few enough keys to meet in all three layers */
  uint64_t number = chance_next(chance);
  struct slice value = slice_of(&number, chance_below(chance, 9));
  bool deleted = chance_below(chance, 3) == 0;
  model_put(layer, key, deleted ? slice_of(NULL, 0) : value, deleted);
  struct drafts *drafts = fixture->base.view.drafts;
  if (place == STORE) {
    enum err err = deleted ? store_delete(fixture->base.store, key) : store_put(fixture->base.store, key, value);
    assert_int_equal(err, ERR_NONE);
  } else if (place == PENDING) {
    struct memtable *pending = fixture->base.layers.pending;
    assert_true(deleted ? memtable_try_delete(pending, key) : memtable_try_put(pending, key, value));
  } else {
    assert_true(deleted ? drafts_try_delete(drafts, key) : drafts_try_put(drafts, key, value));
  }
}

static void assert_scan(const struct fixture *fixture, const struct model *model, struct slice from, struct slice to,
                        bool reverse) {
  size_t low = model_lower(model, from), high = model_lower(model, to);
  size_t count = high > low ? high - low : 0;
  struct scan scan;
  struct slice key, value;
  scan_begin(&scan, &fixture->base.view, from, to, reverse);
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
    assert_int_equal(view_get(&fixture->base.view, from, &value), record != NULL ? ERR_NONE : ERR_NOT_FOUND);
    if (record != NULL) assert_slice_equal(value, record->value);
  }
}

static void the_upper_hides_the_lower(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("view");
  struct model stored = {0}, pending = {0}, drafts = {0};
  for (int round = 0; round < 300; round++) {
    if (chance_below(&chance, 10) == 0) {
      drafts_discard(fixture->base.view.drafts);
      model_clear(&drafts);
    }
    if (chance_below(&chance, 10) == 0) {
      memtable_clear(fixture->base.layers.pending);
      model_clear(&pending);
    }
    size_t count = chance_below(&chance, 12);
    for (size_t i = 0; i < count; i++) change_one(&chance, fixture, DRAFTS, &drafts);
    count = chance_below(&chance, 12);
    for (size_t i = 0; i < count; i++) change_one(&chance, fixture, PENDING, &pending);
    if (chance_below(&chance, 3) == 0) {
      struct model layer = {0};
      assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
      count = chance_below(&chance, 30);
      for (size_t i = 0; i < count; i++) change_one(&chance, fixture, STORE, &layer);
      assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
      model_apply(&stored, &layer);
      model_clear(&layer);
    }
    store_reader_reset(fixture->base.view.reader);
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

/* -- deleted ranges and snapshots, on their way through all places -- */

enum { NAMES = 40, SNAPSHOTS_MAX = 6 };

/* Keys are two letters; 0: there is no such record. */
struct world {
  uint8_t values[NAMES];
};

static struct slice name_of(int number, uint8_t *room) {
  room[0] = (uint8_t)('a' + number / 8);
  room[1] = (uint8_t)('a' + number % 8);
  return slice_of(room, 2);
}

/* What a view shows is a world, by get and by scans over some part of it in both directions. */
static void assert_world(struct chance *chance, const struct view *view, const struct world *world) {
  uint8_t room[2], end[2];
  struct slice key, value;
  struct scan scan;
  for (int i = 0; i < NAMES; i++) {
    enum err err = view_get(view, name_of(i, room), &value);
    assert_int_equal(err, world->values[i] == 0 ? ERR_NOT_FOUND : ERR_NONE);
    if (err == ERR_NONE) assert_int_equal(value.data[0], world->values[i]);
  }
  int low = (int)chance_below(chance, NAMES), high = low + (int)chance_below(chance, (uint64_t)(NAMES - low));
  for (int reverse = 0; reverse < 2; reverse++) {
    scan_begin(&scan, view, name_of(low, room), name_of(high, end), reverse);
    for (int i = 0; i < high - low; i++) {
      uint8_t expected[2];
      int number = reverse ? high - 1 - i : low + i;
      if (world->values[number] == 0) continue;
      assert_int_equal(scan_next(&scan, &key, &value), ERR_NONE);
      assert_slice_equal(key, name_of(number, expected));
      assert_int_equal(value.data[0], world->values[number]);
    }
    assert_int_equal(scan_next(&scan, &key, &value), ERR_NOT_FOUND);
  }
}

static void write_one(struct chance *chance, struct drafts *drafts, struct world *world) {
  uint8_t room[2], end[2];
  int number = (int)chance_below(chance, NAMES);
  uint8_t value = (uint8_t)(1 + chance_below(chance, 255));
  uint64_t what = chance_below(chance, 8);
  if (what == 0) {
    int to = number + (int)chance_below(chance, (uint64_t)(NAMES - number));
    assert_true(drafts_try_delete_range(drafts, name_of(number, room), name_of(to, end)));
    for (int i = number; i < to; i++) world->values[i] = 0;
  } else if (what == 1) {
    assert_true(drafts_try_delete(drafts, name_of(number, room)));
    world->values[number] = 0;
  } else {
    assert_true(drafts_try_put(drafts, name_of(number, room), slice_of(&value, 1)));
    world->values[number] = value;
  }
}

/* The fixture as the one source of a checkpointer. */
struct source {
  struct checkpoint_source source;
  struct checkpoint_part part;
  struct fixture *fixture;
  struct log *log;         /* nothing is in it */
  struct checkpointer *checkpointer;
};

static void freeze(struct checkpoint_source *told) {
  struct source *source = (struct source *)told;
  source->part = (struct checkpoint_part){ .table = layers_try_freeze(&source->fixture->base.layers) };
  checkpointer_put(source->checkpointer, &source->part);
}

static void written(struct checkpoint_source *told) {
  struct source *source = (struct source *)told;
  layers_thaw(&source->fixture->base.layers);
  store_reader_reset(source->fixture->base.view.reader);
  source->part = (struct checkpoint_part){ .table = NULL };
  checkpointer_put(source->checkpointer, &source->part);
}

static void open_checkpointer(struct fixture *fixture, struct source *source) {
  static struct checkpoint_source *sources[1];
  *source = (struct source){ .source = { .freeze = freeze, .written = written }, .fixture = fixture };
  sources[0] = &source->source;
  const struct log_config log = {
    .path = fixture->base.scratch.path, .segment_bytes = 64, .logger = &fixture->base.log.logger,
  };
  assert_int_equal(log_open(&log, 0, NULL, &source->log, &fixture->base.failure), ERR_NONE);
  const struct checkpointer_config config = {
    .store = fixture->base.store, .log = source->log,
    .sources = sources, .source_count = 1, .log_bytes_max = UINT64_MAX, .portion_records_max = 3,
    .logger = &fixture->base.log.logger, .clock = &fixture->clock,
  };
  source->checkpointer = checkpointer_new(&config, NULL, 0);
}

static void checkpoint_some(struct chance *chance, struct source *source) {
  bool worked;
  if (chance_below(chance, 8) == 0) checkpointer_want(source->checkpointer);
  for (size_t steps = chance_below(chance, 4); steps > 0; steps--) {
    assert_int_equal(checkpointer_step(source->checkpointer, &worked), ERR_NONE);
  }
}

/* Turns with snapshots are sent or thrown away; what was sent becomes durable some time later, and is frozen and brought
 * to the store in portions of three records, while all this goes on. */
static void ranges_and_snapshots_hold_on_every_way(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("ranges");
  struct drafts *drafts = fixture->base.view.drafts;
  struct world now = {0}, before = {0}, seen[SNAPSHOTS_MAX];
  size_t pins[SNAPSHOTS_MAX] = {0};
  uint64_t seq = 0, durable = 0;
  struct source source;
  open_checkpointer(fixture, &source);
  for (int round = 0; round < 20000; round++) {
    size_t i = chance_below(&chance, SNAPSHOTS_MAX);
    uint64_t what = chance_below(&chance, 40);
    if (what < 6 && pins[i] == 0) {
      pins[i] = drafts_pin(drafts);
      seen[i] = now;
    } else if (what < 6) {
      drafts_unpin(drafts, pins[i]);
      pins[i] = 0;
    } else if (what == 6) {
      drafts_discard(drafts);
      if (chance_below(&chance, 2) == 0) drafts_end(drafts, fixture->base.layers.active);
      memset(pins, 0, sizeof pins);
      now = before;
    } else if (what == 7) {
      drafts_end_snapshots(drafts, fixture->base.layers.active);
      drafts_send(drafts, fixture->base.layers.pending, ++seq);
      assert_true(drafts_is_empty(drafts) && !drafts_hold(drafts));
      memset(pins, 0, sizeof pins);
      before = now;
    } else if (what == 8) {
      /* The turn goes on, with its snapshots, when that is durable. */
      drafts_send(drafts, fixture->base.layers.pending, ++seq);
      assert_true(drafts_is_empty(drafts));
      durable = seq;
      layers_make_active(&fixture->base.layers, durable);
      drafts_make_active(drafts, fixture->base.layers.active);
      before = now;
    } else if (what < 11 && seq > durable) {
      durable += 1 + chance_below(&chance, seq - durable);
      layers_make_active(&fixture->base.layers, durable);
    } else if (what < 14) {
      checkpoint_some(&chance, &source);
    } else {
      write_one(&chance, drafts, &now);
    }
    if (round % 8 != 0) continue;
    assert_world(&chance, &fixture->base.view, &now);
    for (size_t s = 0; s < SNAPSHOTS_MAX; s++) {
      struct view then = fixture->base.view;
      then.snapshot = pins[s];
      if (pins[s] != 0) assert_world(&chance, &then, &seen[s]);
    }
  }
  checkpointer_free(source.checkpointer);
  log_close(source.log);
}

/* A range of others is in no scan's way: it goes on in the store alone, and looks into no table. */
static void a_range_of_others_leaves_a_scan_alone(void **state) {
  struct fixture *fixture = *state;
  static const char *const names[] = { "b", "ba", "bb", "c" };
  struct memtable *tables[] = { fixture->base.layers.pending, fixture->base.layers.active };
  struct slice key, value;
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(store_put(fixture->base.store, slice_text(names[i]), slice_text("v")), ERR_NONE);
  }
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
  for (size_t i = 0; i < 2; i++) {
    assert_true(memtable_try_delete_range(tables[i], slice_text("a"), slice_text("b")));
    assert_true(memtable_try_delete_range(tables[i], slice_text("c"), slice_text("d")));
  }
  for (int reverse = 0; reverse < 2; reverse++) {
    struct scan scan;
    size_t count = 0;
    scan_begin(&scan, &fixture->base.view, slice_text("b"), slice_text("c"), reverse);
    for (; scan_next(&scan, &key, &value) == ERR_NONE; count++) assert_true(scan.alone);
    assert_int_equal(count, 3);
    scan_begin(&scan, &fixture->base.view, slice_text("b"), slice_text("c1"), reverse);
    for (count = 0; scan_next(&scan, &key, &value) == ERR_NONE; count++) assert_false(scan.alone);
    assert_int_equal(count, 3);
  }
}

/* Ranges of which nothing is stored take their part of a portion too: each is looked for. */
static void many_empty_ranges_go_in_portions(void **state) {
  struct fixture *fixture = *state;
  struct source source;
  uint8_t room[2], end[2];
  size_t ranges = 0, steps = 0;
  bool worked = true;
  open_checkpointer(fixture, &source);
  for (int i = 0; i + 2 < NAMES; i += 2, ranges++) {
    assert_true(memtable_try_delete_range(fixture->base.layers.active, name_of(i, room), name_of(i + 1, end)));
  }
  checkpointer_want(source.checkpointer);
  for (; worked; steps += worked) assert_int_equal(checkpointer_step(source.checkpointer, &worked), ERR_NONE);
  assert_true(steps > ranges / 3);
  checkpointer_free(source.checkpointer);
  log_close(source.log);
}

/* Of a range with long keys nothing is left, their continuations neither; and it goes in parts. */
static void a_stored_range_goes_whole(void **state) {
  struct fixture *fixture = *state;
  static uint8_t key[1600];
  size_t count;
  memset(key, 'k', sizeof key);
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  for (int i = 0; i < 50; i++) {
    key[i * 32] = (uint8_t)('a' + i % 20);
    assert_int_equal(store_put(fixture->base.store, slice_of(key, (size_t)(i * 32 + 1)), slice_text("v")), ERR_NONE);
  }
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
  assert_true(store_entry_count(fixture->base.store) > 50);
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  assert_int_equal(store_put(fixture->base.store, slice_text("z"), slice_text("stays")), ERR_NONE);
  struct slice from = slice_text("a"), to = slice_text("z");
  assert_int_equal(store_delete_some(fixture->base.store, from, to, 20, &count), ERR_NONE);
  assert_int_equal(count, 20);
  assert_int_equal(store_delete_some(fixture->base.store, from, to, 30, &count), ERR_NONE);
  assert_int_equal(count, 30);
  assert_int_equal(store_delete_some(fixture->base.store, from, to, 1, &count), ERR_NONE);
  assert_int_equal(count, 0);
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
  assert_int_equal(store_entry_count(fixture->base.store), 1);
}

/* What a worker does: drafts become pending, pending becomes stored, and at each step the same is seen. */
static void a_record_is_seen_on_its_way_down(void **state) {
  struct fixture *fixture = *state;
  struct slice key = slice_text("key"), value;
  assert_int_equal(view_get(&fixture->base.view, key, &value), ERR_NOT_FOUND);   /* takes a snapshot */
  assert_true(drafts_try_put(fixture->base.view.drafts, key, slice_text("1")));
  assert_int_equal(view_get(&fixture->base.view, key, &value), ERR_NONE);
  drafts_send(fixture->base.view.drafts, fixture->base.layers.pending, 1);
  assert_int_equal(view_get(&fixture->base.view, key, &value), ERR_NONE);
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  assert_int_equal(store_put(fixture->base.store, key, slice_text("1")), ERR_NONE);
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
  assert_int_equal(view_get(&fixture->base.view, key, &value), ERR_NONE);
  memtable_pull(NULL, fixture->base.layers.pending, 1);
  store_reader_reset(fixture->base.view.reader);
  assert_int_equal(view_get(&fixture->base.view, key, &value), ERR_NONE);
  assert_slice_equal(value, slice_text("1"));
}

/* A walk that came upon a damaged record does not go on as if it had not been there. */
static void a_damaged_record_ends_the_scan(void **state) {
  struct fixture *fixture = *state;
  struct slice words = slice_text("words that are found again"), key, value;
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  assert_int_equal(store_put(fixture->base.store, slice_text("a"), slice_text("1")), ERR_NONE);
  assert_int_equal(store_put(fixture->base.store, slice_text("b"), words), ERR_NONE);
  assert_int_equal(store_put(fixture->base.store, slice_text("c"), slice_text("3")), ERR_NONE);
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
  view_fixture_close_store(&fixture->base);
  scratch_damage(&fixture->base.scratch, "data.mdb", words, 1);
  view_fixture_open_store(&fixture->base);
  assert_true(drafts_try_put(fixture->base.view.drafts, slice_text("d"), slice_text("4")));
  for (int reverse = 0; reverse < 2; reverse++) {
    struct scan scan;
    scan_begin(&scan, &fixture->base.view, slice_text("a"), slice_text("z"), reverse);
    for (int i = 0; i < reverse + 1; i++) assert_int_equal(scan_next(&scan, &key, &value), ERR_NONE);
    assert_int_equal(scan_next(&scan, &key, &value), ERR_STORAGE);
    assert_int_equal(scan_next(&scan, &key, &value), ERR_STORAGE);
  }
  assert_int_equal(view_get(&fixture->base.view, slice_text("b"), &value), ERR_STORAGE);
  assert_int_equal(fixture->base.log.errors, 3);
  /* Beside the walk, or hidden, it is nobody's. */
  const struct slice bounds[][2] = { { slice_text("a"), slice_text("b") }, { slice_text("b2"), slice_text("z") },
                                     { slice_text("a"), slice_text("z") } };
  for (size_t i = 0; i < 3; i++) {
    if (i == 2) assert_true(drafts_try_put(fixture->base.view.drafts, slice_text("b"), slice_text("2")));
    for (int reverse = 0; reverse < 2; reverse++) {
      struct scan scan;
      size_t count = 0;
      scan_begin(&scan, &fixture->base.view, bounds[i][0], bounds[i][1], reverse);
      while (scan_next(&scan, &key, &value) == ERR_NONE) count++;
      assert_int_equal(scan_next(&scan, &key, &value), ERR_NOT_FOUND);
      assert_int_equal(count, i == 0 ? 1 : i == 1 ? 2 : 4);
    }
  }
  assert_int_equal(fixture->base.log.errors, 3);
}

/* ---- pages in the place of others ------------------------------------------------------------------------ */

enum { PAGE = 4096, PAGES_MAX = 64, OWNERS = 4, EACH = 40 };

/* The file of the store, as pages. */
static size_t move_pages(const struct fixture *fixture, uint8_t (*pages)[PAGE], bool write) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/data.mdb", fixture->base.scratch.path);
  FILE *file = fopen(path, write ? "r+b" : "rb");
  assert_non_null(file);
  size_t count = write ? fwrite(pages, PAGE, PAGES_MAX, file) : fread(pages, PAGE, PAGES_MAX, file);
  assert_int_equal(fclose(file), 0);
  return count;
}

static void put_owners(struct fixture *fixture) {
  uint8_t value[200] = { 0 };
  char key[16];
  assert_int_equal(store_begin(fixture->base.store), ERR_NONE);
  for (int owner = 0; owner < OWNERS; owner++) {
    for (int i = 0; i < EACH; i++) {
      int size = snprintf(key, sizeof key, "%c key %03d", 'a' + owner, i);
      assert_int_equal(store_put(fixture->base.store, slice_of(key, (size_t)size), slice_of(value, sizeof value)), ERR_NONE);
    }
  }
  assert_int_equal(store_commit(fixture->base.store), ERR_NONE);
}

/* Every key that a walk gives is within its bounds, whatever pages it comes to. Answers how many walks were ended. */
static size_t walk_owners(const struct fixture *fixture) {
  size_t ended = 0;
  struct slice key, value;
  for (int walk = 0; walk < 2 * OWNERS; walk++) {
    char from = (char)('a' + walk / 2), to = (char)(from + 1);
    struct scan scan;
    enum err err;
    scan_begin(&scan, &fixture->base.view, slice_of(&from, 1), slice_of(&to, 1), walk % 2 == 1);
    while ((err = scan_next(&scan, &key, &value)) == ERR_NONE) assert_int_equal(key.data[0], from);
    ended += err == ERR_STORAGE;
  }
  return ended;
}

static void a_walk_gives_nothing_out_of_its_bounds(void **state) {
  struct fixture *fixture = *state;
  enum { FLAGS_AT = 10, IS_LEAF = 2, ROOTS = 2 };
  static uint8_t whole[PAGES_MAX][PAGE], pages[PAGES_MAX][PAGE];
  put_owners(fixture);
  assert_int_equal(walk_owners(fixture), 0);
  size_t count = move_pages(fixture, whole, false), ended = 0;
  assert_true(count > 8 && count < PAGES_MAX);
  for (size_t a = ROOTS; a < count; a++) {
    for (size_t b = a + 1; b < count; b++) {
      if (whole[a][FLAGS_AT] != IS_LEAF || whole[b][FLAGS_AT] != IS_LEAF) continue;
      view_fixture_close_store(&fixture->base);
      memcpy(pages, whole, sizeof pages);
      memcpy(pages[a], whole[b], PAGE);
      memcpy(pages[b], whole[a], PAGE);
      move_pages(fixture, pages, true);
      view_fixture_open_store(&fixture->base);
      ended += walk_owners(fixture);
    }
  }
  assert_true(ended > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_upper_hides_the_lower, set_up, tear_down),
    cmocka_unit_test_setup_teardown(ranges_and_snapshots_hold_on_every_way, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_range_of_others_leaves_a_scan_alone, set_up, tear_down),
    cmocka_unit_test_setup_teardown(many_empty_ranges_go_in_portions, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_stored_range_goes_whole, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_record_is_seen_on_its_way_down, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_damaged_record_ends_the_scan, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_walk_gives_nothing_out_of_its_bounds, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
