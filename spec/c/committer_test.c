/* committer_test.c -- no effect before its changes are in the log and synced; a batch that fails takes its epoch with it. */
#include "committer_fixture.h"

static void effects_leave_when_the_log_has_it(void **state) {
  struct fixture *fixture = *state;
  assert_idle(fixture);
  put(fixture, 0, "a", 10);
  put(fixture, 1, "b", 20);
  put(fixture, 0, "c", 30);
  assert_events(fixture, "");   /* not before the step */
  assert_false(is_stored(fixture, "a"));
  step(fixture);
  assert_events(fixture, "e10 ok, e11 ok, e20 ok, e21 ok, e30 ok, e31 ok, d0 3, d1 2");
  const struct committer_stats *stats = committer_stats(fixture->committer);
  assert_int_equal(stats->commits, 3);
  assert_int_equal(stats->syncs, 1);
  assert_int_equal(stats->bytes, 3 * (1 + 4 + 4 + 1 + 5));
  assert_idle(fixture);
}

/* A write that were tried would fail: so none is. */
static void nothing_to_write_is_no_write(void **state) {
  struct fixture *fixture = *state;
  fixture->faults = (struct faults){ .write_next = 1, .sync_next = 1 };
  put(fixture, 0, "", 1);
  put(fixture, 1, "", 3);
  step(fixture);
  assert_events(fixture, "e1 ok, e2 ok, e3 ok, e4 ok, d0 1, d1 2");
  assert_int_equal(committer_stats(fixture->committer)->commits, 0);
  assert_int_equal(committer_stats(fixture->committer)->syncs, 0);
  fixture->faults = (struct faults){ 0 };
}

static void what_only_reads_waits_for_what_is_before_it(void **state) {
  struct fixture *fixture = *state;
  put(fixture, 0, "a", 1);
  put(fixture, 1, "", 3);
  fixture->faults.write_next = 1;
  step(fixture);
  assert_events(fixture, "f0 1, f1 1, e1 storage_error, e2 storage_error, e3 storage_error, e4 storage_error");
}

static void the_last_write_of_a_key_stays(void **state) {
  struct fixture *fixture = *state;
  static const char *const values[] = { "first", "second", "third" };
  struct memtable *memtable = memtable_try_new();
  for (size_t i = 0; i < 3; i++) {
    struct commit *commit = commit_try_new();
    assert_true(memtable_try_put(memtable, slice_text("a"), slice_text(values[i])));
    if (i == 1) assert_true(memtable_try_delete(memtable, slice_text("b")));
    else assert_true(memtable_try_put(memtable, slice_text("b"), slice_text("1")));
    if (i == 2) assert_true(memtable_try_delete(memtable, slice_text("b")));
    changes_put_all(&commit->changes, memtable);
    commit->source = &fixture->sources[0].source;
    committer_put(fixture->committer, &commit);
  }
  memtable_free(memtable);
  step(fixture);
  struct slice value;
  memtable = memtable_try_new();
  read_log(fixture, memtable);
  assert_int_equal(memtable_get(memtable, slice_text("a"), &value), MEMTABLE_VALUE);
  assert_slice_equal(value, slice_text("third"));
  memtable_free(memtable);
  assert_false(is_stored(fixture, "b"));
}

static void a_batch_has_limits(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  begin(fixture, 1 << 20, 2);
  for (int i = 0; i < 5; i++) put(fixture, i % 2, "a", 10 * i);
  step(fixture);
  assert_events(fixture, "e0 ok, e1 ok, e10 ok, e11 ok, d0 1, d1 2");
  committer_wait(fixture->committer, committer_rest_ns(fixture->committer));   /* does not wait: there is more */
  step(fixture);
  assert_events(fixture, "e20 ok, e21 ok, e30 ok, e31 ok, d0 3, d1 4");
  step(fixture);
  assert_events(fixture, "e40 ok, e41 ok, d0 5");
  assert_idle(fixture);

  end(fixture);
  begin(fixture, 35, 1000);   /* two of 15 bytes; one that is larger than the limit goes alone */
  put(fixture, 0, "a", 10);
  put(fixture, 0, "b", 20);
  put(fixture, 0, "c", 30);
  put(fixture, 0, "", 40);
  step(fixture);
  assert_events(fixture, "e10 ok, e11 ok, e20 ok, e21 ok, d0 2");
  step(fixture);
  assert_events(fixture, "e30 ok, e31 ok, e40 ok, e41 ok, d0 4");
  end(fixture);
  begin(fixture, 1, 1000);
  put(fixture, 0, "a", 10);
  put(fixture, 0, "b", 20);
  step(fixture);
  assert_events(fixture, "e10 ok, e11 ok, d0 1");
  step(fixture);
  assert_events(fixture, "e20 ok, e21 ok, d0 2");
}

static void a_failed_batch_takes_its_epoch_with_it(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  begin(fixture, 1 << 20, 2);
  put(fixture, 0, "before", 10);
  step(fixture);
  fixture->events.count = 0;
  put(fixture, 0, "a", 20);
  put(fixture, 1, "b", 30);
  put(fixture, 0, "c", 40);   /* behind the batch */
  put(fixture, 1, "", 50);
  fixture->faults.write_next = 1;
  step(fixture);
  assert_events(fixture, "f0 1, f1 1, e20 storage_error, e21 storage_error, e30 storage_error, e31 storage_error, "
                         "e40 storage_error, e41 storage_error, e50 storage_error, e51 storage_error");
  assert_true(fixture->log.errors > 0);
  uint64_t verdict;
  assert_true(committer_find_verdict(fixture->committer, 0, &verdict));
  assert_int_equal(verdict, 1);

  /* One source has heard of the new epoch, the other has not yet. */
  fixture->sources[0].epoch = 1;
  put(fixture, 1, "d", 60);
  put(fixture, 0, "e", 70);
  step(fixture);
  assert_events(fixture, "e60 storage_error, e61 storage_error, e70 ok, e71 ok, d0 7");
  put(fixture, 1, "f", 80);
  step(fixture);
  assert_events(fixture, "e80 storage_error, e81 storage_error");
  fixture->sources[1].epoch = 1;
  put(fixture, 1, "g", 90);
  step(fixture);
  assert_events(fixture, "e90 ok, e91 ok, d1 9");
  assert_false(committer_find_verdict(fixture->committer, 1, &verdict));
  assert_true(is_stored(fixture, "before"));
  assert_true(is_stored(fixture, "e"));
  assert_int_equal(committer_stats(fixture->committer)->commits, 3);
}

/* Effects leave at once, the sync comes in time, and only then the sources hear of it. */
static void relaxed_syncs_later(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  fixture->relaxed = true;
  begin(fixture, 1 << 20, 1000);
  put(fixture, 0, "a", 10);
  step(fixture);
  put(fixture, 1, "b", 20);
  step(fixture);
  assert_events(fixture, "e10 ok, e11 ok, e20 ok, e21 ok");
  assert_int_equal(committer_released(fixture->committer), 2);
  assert_int_equal(committer_durable(fixture->committer), 0);
  assert_int_equal(committer_stats(fixture->committer)->syncs, 0);
  assert_int_equal(committer_durable_batch(fixture->committer), 0);
  clock_advance(&fixture->clock, (int64_t)SYNC_MS * 1000000 - 1);
  assert_idle(fixture);
  assert_events(fixture, "");
  clock_advance(&fixture->clock, 1);
  committer_wait(fixture->committer, committer_rest_ns(fixture->committer));   /* does not wait */
  assert_idle(fixture);
  assert_events(fixture, "d0 1, d1 2");
  assert_int_equal(committer_stats(fixture->committer)->syncs, 1);
  assert_int_equal(committer_durable_batch(fixture->committer), 2);

  /* One that wants it is synced at once, and all with it. */
  put(fixture, 0, "c", 30);
  struct commit *commit = commit_try_make(fixture, 1, "d", 40);
  commit->sync = true;
  committer_put(fixture->committer, &commit);
  step(fixture);
  assert_events(fixture, "e30 ok, e31 ok, e40 ok, e41 ok, d0 3, d1 4");

  /* What was released is durable before the next one fails. */
  put(fixture, 0, "e", 50);
  step(fixture);
  put(fixture, 0, "f", 60);
  fixture->faults.write_next = 1;
  step(fixture);
  assert_events(fixture, "e50 ok, e51 ok, d0 5, f0 1, f1 1, e60 storage_error, e61 storage_error");
}

/* Notes an effect that was dropped; its maker frees it. */
static void drop(struct effect *effect) {
  struct test_effect *dropped = (struct test_effect *)effect;
  note(dropped->fixture, "x%d", dropped->name);
}

/* Also: who abandons gets its effects back, and hears of those that ask for it; none is released. */
static void after_a_failed_sync_nothing_leaves(void **state) {
  struct fixture *fixture = *state;
  struct effect *effects[6];
  put(fixture, 0, "before", 50);     /* there is a segment: to make one is another matter */
  step(fixture);
  fixture->events.count = 0;
  fixture->faults.sync_next = 1;
  for (int i = 0; i < 3; i++) {
    bool worked;
    struct commit *commit = commit_try_make(fixture, 0, i == 0 ? "a" : "", i);   /* no write is asked for */
    effects[2 * i] = commit->effects;
    effects[2 * i + 1] = commit->effects->next;
    effects[2 * i + 1]->drop = drop;
    committer_put(fixture->committer, &commit);
    if (i < 2) assert_int_equal(committer_step(fixture->committer, &worked), ERR_FATAL);
  }
  assert_non_null(strstr(fixture->log.last, "unknown"));
  committer_abandon(fixture->committer);
  assert_events(fixture, "x1, x2, x3");
  for (int i = 0; i < 6; i++) mem_free(effects[i]);
}

/* Each allocation on the way fails in turn. A commit that could not be made is none; one that was put comes to its end,
 * and where there was no memory for its batch, its epoch does. */
static void survives_every_failing_allocation(void **state) {
  struct fixture *fixture = *state;
  for (unsigned long k = 1, has_failed = 1; has_failed; k++) {
    char key[16];
    snprintf(key, sizeof key, "key%lu", k);
    mem_fail_at(k);
    struct commit *commit = commit_try_make(fixture, 0, key, 10);
    bool made = commit != NULL;
    for (struct effect *effect = made ? commit->effects : NULL; effect != NULL; effect = effect->next) {
      ((struct test_effect *)effect)->key[0] = 0;      /* what is stored is looked at below, with memory */
    }
    if (made) {
      committer_put(fixture->committer, &commit);
      step(fixture);
    }
    has_failed = (unsigned long)mem_has_failed();
    mem_fail_at(0);
    bool failed = fixture->events.lines[0][0] == 'f';
    assert_int_equal(made && !failed, is_stored(fixture, key));
    assert_true((made && !failed) || has_failed);
    assert_int_equal(fixture->events.count, !made ? 0 : failed ? 4 : 3);
    if (failed) fixture->sources[0].epoch++;
    fixture->events.count = 0;
  }
}

/* Random traffic with failing writes: what was answered is stored and what failed is not (release looks), each effect once,
 * and no source hears of a ticket twice. */
static void random_traffic_keeps_the_promises(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("committer");
  end(fixture);
  begin(fixture, 60, 4);
  int name = 0, released = 0;
  for (int round = 0; round < 300; round++) {
    size_t count = chance_below(&chance, 8);
    for (size_t i = 0; i < count; i++, name += 2) {
      char key[16] = "";
      if (chance_below(&chance, 4) != 0) snprintf(key, sizeof key, "k%d", name);
      put(fixture, (int)chance_below(&chance, SOURCES), key, name);
    }
    if (chance_below(&chance, 10) == 0) fixture->faults.write_next = 1;
    bool worked = true;
    for (size_t steps = chance_below(&chance, 4); steps > 0 || round == 299; steps--) {
      assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
      if (!worked) break;
    }
    for (size_t i = 0; i < fixture->events.count; i++) {
      int source;
      unsigned long long epoch;
      released += fixture->events.lines[i][0] == 'e';
      if (sscanf(fixture->events.lines[i], "f%d %llu", &source, &epoch) != 2) continue;
      if (chance_below(&chance, 4) != 0) fixture->sources[source].epoch = epoch;   /* else it hears later */
    }
    fixture->events.count = 0;
  }
  assert_int_equal(released, name);
}

int main(void) {
#define COMMITTER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    COMMITTER_TEST(effects_leave_when_the_log_has_it),
    COMMITTER_TEST(nothing_to_write_is_no_write),
    COMMITTER_TEST(what_only_reads_waits_for_what_is_before_it),
    COMMITTER_TEST(the_last_write_of_a_key_stays),
    COMMITTER_TEST(a_batch_has_limits),
    COMMITTER_TEST(a_failed_batch_takes_its_epoch_with_it),
    COMMITTER_TEST(relaxed_syncs_later),
    COMMITTER_TEST(after_a_failed_sync_nothing_leaves),
    COMMITTER_TEST(survives_every_failing_allocation),
    COMMITTER_TEST(random_traffic_keeps_the_promises),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
