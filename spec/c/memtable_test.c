/* memtable_test.c -- records in memory against a sorted array, their age, and their way into changes and back. */
#include "records.h"

#include "base/mem.h"
#include "ledger/changes.h"
#include "ledger/memtable.h"
#include "ledger/memtable_run.h"

static void assert_is(const struct memtable_entry *entry, const struct record *record) {
  assert_non_null(entry);
  assert_slice_equal(memtable_key(entry), record->key);
  assert_slice_equal(memtable_value(entry), record->value);
  assert_int_equal(memtable_is_deleted(entry), record->deleted);
}

static const struct memtable_entry *find(const struct memtable *memtable, struct slice key) {
  const struct memtable_entry *entry = memtable_seek(memtable, key, false);
  return entry != NULL && slice_equal(memtable_key(entry), key) ? entry : NULL;
}

/* Everything that can be asked: both directions, both sizes, and a place that may lie between two keys. */
static void assert_same(const struct memtable *memtable, const struct model *model, struct slice probe) {
  size_t bytes = 0;
  const struct memtable_entry *entry = memtable_seek(memtable, slice_of(NULL, 0), false);
  const struct memtable_entry *last = NULL;
  for (size_t i = 0; i < model->count; i++) {
    assert_is(entry, &model->records[i]);
    bytes += model->records[i].key.size + model->records[i].value.size;
    last = entry;
    entry = memtable_next(entry, false);
  }
  assert_null(entry);
  assert_int_equal(memtable_bytes(memtable), bytes);
  for (size_t i = model->count; i > 0; i--) {
    assert_is(last, &model->records[i - 1]);
    last = memtable_next(last, true);
  }
  assert_null(last);

  const struct record *found = model_find(model, probe);
  size_t at = model_lower(model, probe);
  const struct memtable_entry *here = find(memtable, probe);
  if (found == NULL) assert_null(here);
  else assert_is(here, found);
  const struct memtable_entry *up = memtable_seek(memtable, probe, false);
  if (at == model->count) assert_null(up);
  else assert_is(up, &model->records[at]);
  const struct memtable_entry *down = memtable_seek(memtable, probe, true);
  if (found != NULL) assert_is(down, found);
  else if (at == 0) assert_null(down);
  else assert_is(down, &model->records[at - 1]);
}

static void put_some(struct chance *chance, struct memtable *memtable, struct model *model) {
  static uint8_t room[RECORD_KEY_MAX];
  struct slice key = chance_key(chance, room);
  uint64_t number = chance_next(chance);
  struct slice value = slice_of(&number, chance_below(chance, 9));
  if (chance_below(chance, 3) == 0) {
    assert_true(memtable_try_delete(memtable, key));
    model_put(model, key, slice_of(NULL, 0), true);
  } else {
    assert_true(memtable_try_put(memtable, key, value));
    model_put(model, key, value, false);
  }
}

static void is_an_ordered_map(void **state) {
  (void)state;
  struct chance chance = chance_begin("memtable");
  static uint8_t room[RECORD_KEY_MAX];
  struct memtable *memtable = memtable_try_new();
  struct model model = {0};
  for (int round = 0; round < 3000; round++) {
    if (chance_below(&chance, 500) == 0) {
      memtable_clear(memtable);
      model_clear(&model);
    }
    put_some(&chance, memtable, &model);
    if (round % 7 == 0) assert_same(memtable, &model, chance_key(&chance, room));
  }
  memtable_free(memtable);
  model_clear(&model);
}

/* Pushes and pulls as a worker does: the model of what is pending is made anew from the layers that are left. */
static void pushes_and_pulls_by_age(void **state) {
  (void)state;
  enum { LAYERS_MAX = 8 };
  struct chance chance = chance_begin("memtable ages");
  static uint8_t room[RECORD_KEY_MAX];
  struct memtable *pending = memtable_try_new();
  struct memtable *below = memtable_try_new();
  struct model pulled = {0};
  struct memtable *drafts = memtable_try_new();
  struct model layers[LAYERS_MAX] = {0};   /* by seq, modulo */
  uint64_t seq = 0, dropped = 0;
  for (int round = 0; round < 600; round++) {
    struct model *layer = &layers[++seq % LAYERS_MAX];
    size_t count = chance_below(&chance, 12);
    for (size_t i = 0; i < count; i++) put_some(&chance, drafts, layer);
    memtable_push(pending, drafts, seq);
    assert_true(memtable_is_empty(drafts));
    assert_int_equal(memtable_bytes(drafts), 0);
    uint64_t keep = chance_below(&chance, LAYERS_MAX - 1);
    for (; dropped + keep < seq; dropped++) {
      model_apply(&pulled, &layers[(dropped + 1) % LAYERS_MAX]);
      model_clear(&layers[(dropped + 1) % LAYERS_MAX]);
    }
    memtable_pull(below, pending, dropped);
    struct model expected = {0};
    for (uint64_t s = dropped + 1; s <= seq; s++) {
      const struct model *from = &layers[s % LAYERS_MAX];
      for (size_t i = 0; i < from->count; i++) {
        model_put(&expected, from->records[i].key, from->records[i].value, from->records[i].deleted);
      }
    }
    assert_same(pending, &expected, chance_key(&chance, room));
    model_clear(&expected);
  }
  memtable_pull(NULL, pending, UINT64_MAX);
  assert_true(memtable_is_empty(pending));
  assert_int_equal(memtable_memory(pending), 0);
  const struct memtable_entry *entry = memtable_seek(below, slice_of(NULL, 0), false);
  size_t gone = 0;
  for (; entry != NULL; entry = memtable_next(entry, false)) {
    gone += memtable_is_deleted(entry);
    const struct record *record = model_find(&pulled, memtable_key(entry));
    assert_int_equal(record == NULL, memtable_is_deleted(entry));
    if (record != NULL) assert_slice_equal(memtable_value(entry), record->value);
  }
  assert_true(gone > 0);
  for (size_t i = 0; i < LAYERS_MAX; i++) model_clear(&layers[i]);
  model_clear(&pulled);
  memtable_free(below);
  memtable_free(drafts);
  memtable_free(pending);
}

/* What each of a few keys is, as one letter: a value, deleted, or nothing known. */
enum { LETTERS = 12, WRITES_MAX = 4000 };

struct written {
  uint64_t seq;
  enum memtable_answer what;
  bool is_range;
  uint8_t from, to;          /* letters from <= letter < to */
};

static struct slice letter(const uint8_t *at) {
  return slice_of(at, 1);
}

static struct written write_some(struct chance *chance, struct memtable *drafts, uint64_t seq) {
  struct written written = { .seq = seq, .from = (uint8_t)chance_below(chance, LETTERS) };
  written.to = (uint8_t)(written.from + 1);
  size_t kind = chance_below(chance, 4);
  written.what = kind == 0 ? MEMTABLE_VALUE : MEMTABLE_DELETED;
  if (kind == 0) {
    assert_true(memtable_try_put(drafts, letter(&written.from), slice_text("x")));
  } else if (kind == 1) {
    assert_true(memtable_try_delete(drafts, letter(&written.from)));
  } else {
    written.is_range = true;
    written.to = (uint8_t)(written.to + chance_below(chance, LETTERS - written.from));
    assert_true(memtable_try_delete_range(drafts, letter(&written.from), letter(&written.to)));
  }
  return written;
}

/* A table against the writes that it must hold. */
static void assert_writes(const struct memtable *table, const struct written *writes, size_t count) {
  enum memtable_answer expected[LETTERS] = { MEMTABLE_NOTHING };
  bool covered[LETTERS] = { false };
  for (size_t i = 0; i < count; i++) {
    for (uint8_t at = writes[i].from; at < writes[i].to; at++) {
      expected[at] = writes[i].what;
      covered[at] |= writes[i].is_range;
    }
  }
  for (uint8_t from = 0; from < LETTERS; from++) {
    bool touches = false;
    for (uint8_t to = from; to < LETTERS; to++) {
      assert_int_equal(memtable_touches(table, letter(&from), letter(&to)), touches);
      touches |= covered[to];
    }
  }
  for (uint8_t at = 0; at < LETTERS; at++) {
    struct slice value;
    assert_int_equal(memtable_get(table, letter(&at), &value), expected[at]);
  }
}

static void a_range_covers_in_whatever_table_it_comes_to(void **state) {
  (void)state;
  struct chance chance = chance_begin("memtable ranges");
  static struct written writes[WRITES_MAX];
  struct memtable *drafts = memtable_try_new(), *pending = memtable_try_new(), *active = memtable_try_new();
  size_t count = 0, pulled = 0;
  for (uint64_t seq = 1; count < WRITES_MAX - 3; seq++) {
    for (size_t i = chance_below(&chance, 4); i > 0; i--) writes[count++] = write_some(&chance, drafts, seq);
    memtable_push(pending, drafts, seq);
    if (chance_below(&chance, 3) == 0) {
      uint64_t seq_max = seq - chance_below(&chance, seq < 5 ? seq : 5);
      memtable_pull(active, pending, seq_max);
      while (pulled < count && writes[pulled].seq <= seq_max) pulled++;
    }
    assert_writes(pending, writes + pulled, count - pulled);
    assert_writes(active, writes, pulled);
  }
  memtable_free(drafts);
  memtable_free(pending);
  memtable_free(active);
}

static struct slice actor_key(uint8_t bytes[12], uint64_t id, uint8_t field) {
  uint64_t big = htobe64(id);
  memcpy(bytes, &big, sizeof big);
  memcpy(bytes + 8, "kabc", 4);
  bytes[11] = field;
  return slice_of(bytes, 12);
}

/* Whether the table may hold anything of an actor. */
static bool may_hold_any(const struct memtable *memtable, uint64_t id) {
  uint8_t from[12], to[12];
  return memtable_may_hold(memtable, slice_of(actor_key(from, id, 0).data, 9), actor_key(to, id, 255));
}

static void knows_whose_records_it_holds(void **state) {
  (void)state;
  enum { ACTORS = 200 };
  struct memtable *memtable = memtable_try_new(), *other = memtable_try_new();
  uint8_t key[12];
  struct slice value;
  assert_false(may_hold_any(memtable, 1));
  for (uint64_t id = 1; id <= ACTORS; id++) {
    assert_true(memtable_try_put(memtable, actor_key(key, 2 * id, 7), slice_text("value")));
    assert_true(memtable_try_delete(memtable, actor_key(key, 2 * id, 9)));
    assert_true(may_hold_any(memtable, 2 * id));
    if (id != ACTORS / 20) continue;
    size_t let_pass = 0;
    for (uint64_t absent = 1; absent < 1000; absent += 2) let_pass += may_hold_any(memtable, absent);
    assert_true(let_pass < 500 / 4);       /* of a filter that is nearly empty few pass who are not there */
  }
  memtable_merge(other, memtable);
  for (uint64_t id = 1; id <= 2 * ACTORS; id++) {
    assert_int_equal(memtable_get(other, actor_key(key, id, 7), &value), id % 2 == 0 ? MEMTABLE_VALUE : MEMTABLE_NOTHING);
    assert_int_equal(memtable_get(other, actor_key(key, id, 9), &value), id % 2 == 0 ? MEMTABLE_DELETED : MEMTABLE_NOTHING);
    assert_false(may_hold_any(memtable, id));
    if (id % 2 == 0) assert_true(may_hold_any(other, id));
  }
  uint8_t from[12], to[12];
  assert_true(memtable_may_hold(other, actor_key(from, 1, 0), actor_key(to, 2, 0)));   /* of more actors than one */
  memtable_clear(other);
  assert_false(may_hold_any(other, 2));
  memtable_free(other);
  memtable_free(memtable);
}

static void keeps_nothing_of_what_came_new_and_went(void **state) {
  (void)state;
  struct memtable *memtable = memtable_try_new(), *other = memtable_try_new(), *pending = memtable_try_new();
  struct slice once = slice_text("once"), twice = slice_text("twice"), stays = slice_text("stays"), value;
  assert_true(memtable_try_put(other, once, slice_text("1")));
  assert_true(memtable_try_put(other, twice, slice_text("1")));
  assert_true(memtable_try_put(other, stays, slice_text("1")));
  memtable_merge_new(memtable, other);
  assert_true(memtable_is_empty(other));
  size_t memory = memtable_memory(memtable);
  assert_true(memtable_try_put(other, twice, slice_text("2")));
  assert_true(memtable_try_delete(other, once));
  memtable_push(pending, other, 1);
  memtable_pull(memtable, pending, 1);
  assert_int_equal(memtable_get(memtable, once, &value), MEMTABLE_NOTHING);
  assert_int_equal(memtable_get(memtable, twice, &value), MEMTABLE_VALUE);
  assert_true(slice_equal(value, slice_text("2")));
  assert_true(memtable_memory(memtable) < memory);
  assert_true(memtable_try_delete(memtable, twice));
  assert_int_equal(memtable_get(memtable, twice, &value), MEMTABLE_NOTHING);
  assert_true(memtable_try_put(memtable, twice, slice_text("3")));          /* from here on nobody says that it is new */
  assert_true(memtable_try_delete(memtable, twice));
  assert_int_equal(memtable_get(memtable, twice, &value), MEMTABLE_DELETED);
  memtable_merge(other, memtable);                                           /* what is new in one table is not in another */
  assert_true(memtable_try_delete(other, stays));
  assert_int_equal(memtable_get(other, stays, &value), MEMTABLE_DELETED);
  memtable_free(pending);
  memtable_free(other);
  memtable_free(memtable);
}

/* A value that is put again is often a slice of the entry that it replaces. */
static void takes_a_slice_of_itself(void **state) {
  (void)state;
  struct memtable *memtable = memtable_try_new();
  assert_true(memtable_try_put(memtable, slice_text("key"), slice_text("a long value")));
  const struct memtable_entry *entry = find(memtable, slice_text("key"));
  assert_true(memtable_try_put(memtable, memtable_key(entry), slice_after(memtable_value(entry), 2)));
  assert_slice_equal(memtable_value(find(memtable, slice_text("key"))), slice_text("long value"));
  memtable_free(memtable);
}

static void travels_as_changes(void **state) {
  (void)state;
  struct chance chance = chance_begin("changes");
  struct memtable *memtable = memtable_try_new();
  struct model model = {0};
  for (int i = 0; i < 200; i++) put_some(&chance, memtable, &model);
  struct buf changes = {0};
  changes_put_all(&changes, memtable);
  assert_int_equal(changes.err, ERR_NONE);
  struct slice rest = buf_slice(&changes);
  for (size_t i = 0; i < model.count; i++) {
    struct change change = changes_next(&rest);
    assert_int_equal(change.type, model.records[i].deleted ? CHANGE_DELETE : CHANGE_PUT);
    assert_slice_equal(change.key, model.records[i].key);
    assert_slice_equal(change.value, model.records[i].value);
  }
  assert_int_equal(changes_next(&rest).type, CHANGE_END);
  /* Cut anywhere, it is whole up to some change and then at its end or broken, and nothing is read behind the cut. */
  size_t cut = 0;
  for (int i = 0; i < 400; i++, cut = chance_below(&chance, changes.size)) {
    uint8_t *copy = malloc(cut + 1);
    memcpy(copy, changes.data, cut);
    rest = slice_of(copy, cut);
    struct change change;
    do change = changes_next(&rest);
    while (change.type == CHANGE_PUT || change.type == CHANGE_DELETE);
    assert_int_equal(change.type, rest.size == 0 ? CHANGE_END : CHANGE_BROKEN);
    free(copy);
  }
  rest = slice_text("\x04zzzzzzzzzzzzzzzz");
  assert_int_equal(changes_next(&rest).type, CHANGE_BROKEN);
  buf_done(&changes);
  memtable_free(memtable);
  model_clear(&model);
}

/* Any changes, in order, with keys that begin alike and keys that are short. */
static void put_changes(struct chance *chance, struct buf *changes, size_t count) {
  static uint8_t room[RECORD_KEY_MAX], other_room[RECORD_KEY_MAX];
  struct memtable *one = memtable_try_new();
  for (size_t i = 0; i < count; i++) {
    struct slice key = chance_key(chance, room);
    uint64_t number = chance_next(chance);
    size_t kind = chance_below(chance, 40);
    if (kind == 0) assert_true(memtable_try_delete_range(one, key, chance_key(chance, other_room)));
    else if (kind < 10) assert_true(memtable_try_delete(one, key));
    else assert_true(memtable_try_put(one, key, slice_of(&number, chance_below(chance, 9))));
    changes_put_all(changes, one);
    memtable_clear(one);
  }
  memtable_free(one);
}

static void comes_in_by_runs_as_it_does_one_by_one(void **state) {
  (void)state;
  struct chance chance = chance_begin("runs");
  for (int round = 0; round < 200; round++) {
    struct memtable *expected = memtable_try_new(), *memtable = memtable_try_new();
    struct memtable_run run = { .memtable = memtable };
    for (size_t batches = chance_below(&chance, 5); batches > 0; batches--) {
      struct buf changes = { 0 };
      put_changes(&chance, &changes, chance_below(&chance, 100));
      assert_int_equal(changes_apply(buf_slice(&changes), expected), ERR_NONE);
      assert_int_equal(memtable_run_take(&run, 1, buf_slice(&changes)), ERR_NONE);
      if (chance_below(&chance, 3) == 0) assert_int_equal(memtable_run_end(&run), ERR_NONE);
      buf_done(&changes);
    }
    assert_int_equal(memtable_run_end(&run), ERR_NONE);
    struct buf left = { 0 }, right = { 0 };
    changes_put_all(&left, expected);
    changes_put_all(&right, memtable);
    assert_slice_equal(buf_slice(&left), buf_slice(&right));
    buf_done(&right);
    buf_done(&left);
    memtable_run_done(&run);
    memtable_free(memtable);
    memtable_free(expected);
  }
}

static void a_run_that_is_broken_or_finds_no_memory_says_so(void **state) {
  (void)state;
  struct memtable *memtable = memtable_try_new();
  struct memtable_run run = { .memtable = memtable };
  struct buf changes = { 0 };
  struct chance chance = chance_begin("broken runs");
  put_changes(&chance, &changes, 50);
  buf_put_byte(&changes, 9);
  assert_int_equal(memtable_run_take(&run, 1, buf_slice(&changes)), ERR_STORAGE);
  memtable_run_done(&run);
  changes.size--;
  unsigned long k = 1;
  for (bool failed = true; failed; k++) {
    memtable_clear(memtable);
    run = (struct memtable_run){ .memtable = memtable };
    mem_fail_at(k);
    enum err err = memtable_run_take(&run, 1, buf_slice(&changes));
    if (err == ERR_NONE) err = memtable_run_end(&run);
    failed = mem_has_failed();
    mem_fail_at(0);
    assert_true(err == ERR_NONE || (failed && err == ERR_MEMORY));   /* a filter that there is no memory for is not made */
    memtable_run_done(&run);
  }
  assert_true(k > 20);
  buf_done(&changes);
  memtable_free(memtable);
}

static void has_the_bytes_that_the_header_says(void **state) {
  (void)state;
  struct memtable *memtable = memtable_try_new();
  assert_true(memtable_try_put(memtable, slice_text("b"), slice_text("xyz")));
  assert_true(memtable_try_delete(memtable, slice_text("a")));
  assert_true(memtable_try_delete_range(memtable, slice_text("c"), slice_text("d")));
  struct buf changes = {0};
  changes_put_all(&changes, memtable);
  static const char expected[] = "\x03\0\0\0\x01\0\0\0\x01" "cd" "\x02\0\0\0\x01\0\0\0\0" "a" "\x01\0\0\0\x01\0\0\0\x03" "bxyz";
  assert_slice_equal(buf_slice(&changes), slice_of(expected, sizeof expected - 1));
  buf_done(&changes);
  memtable_free(memtable);
}

/* Without memory nothing changes: the entry that was there stays. */
static void survives_every_failing_allocation(void **state) {
  (void)state;
  for (unsigned long k = 1, failed = 1; failed; k++) {
    mem_fail_at(k);
    struct memtable *memtable = memtable_try_new();
    bool put = memtable != NULL && memtable_try_put(memtable, slice_text("a"), slice_text("1"));
    bool over = put && memtable_try_put(memtable, slice_text("a"), slice_text("2"));
    bool gone = over && memtable_try_delete(memtable, slice_text("a"));
    failed = (unsigned long)mem_has_failed();
    mem_fail_at(0);
    assert_int_equal(gone, !failed);
    if (memtable != NULL) {
      const struct memtable_entry *entry = find(memtable, slice_text("a"));
      assert_int_equal(entry != NULL, put);
      if (put) assert_slice_equal(memtable_value(entry), slice_text(gone ? "" : over ? "2" : "1"));
    }
    memtable_free(memtable);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(is_an_ordered_map),
    cmocka_unit_test(pushes_and_pulls_by_age),
    cmocka_unit_test(a_range_covers_in_whatever_table_it_comes_to),
    cmocka_unit_test(knows_whose_records_it_holds),
    cmocka_unit_test(takes_a_slice_of_itself),
    cmocka_unit_test(travels_as_changes),
    cmocka_unit_test(comes_in_by_runs_as_it_does_one_by_one),
    cmocka_unit_test(a_run_that_is_broken_or_finds_no_memory_says_so),
    cmocka_unit_test(has_the_bytes_that_the_header_says),
    cmocka_unit_test(survives_every_failing_allocation),
    cmocka_unit_test(keeps_nothing_of_what_came_new_and_went),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
