/* committer_test.c -- no effect before its changes are in the log and synced; a batch that fails takes its epoch with it. */
#include "records.h"

#include <pthread.h>

#include "base/mem.h"
#include "ledger/committer.h"

enum { SOURCES = 2, EVENTS_MAX = 512, SEGMENT_BYTES = 64 * 1024 };

/* What the committer did, in order: "e12 ok" for an effect, "d0 3" for durable, "f1 2" for failed. */
struct events {
  char lines[EVENTS_MAX][24];
  size_t count;
};

struct fixture {
  struct scratch scratch;
  struct memory_log log;
  struct faults faults;
  struct failure failure;
  struct clock clock;
  struct log *commit_log;
  struct committer *committer;
  bool relaxed;
  struct events events;
  struct test_source {
    struct commit_source source;
    struct fixture *fixture;
    int name;
    uint64_t seq;
    uint64_t epoch;        /* that it has heard of */
    uint64_t durable;
  } sources[SOURCES];
  struct commit_source *source_list[SOURCES];
};

struct test_effect {
  struct effect effect;
  struct fixture *fixture;
  int name;
  char key[16];            /* that must be in the log when it is let go, and must not when it fails; may be empty */
};

static void note(struct fixture *fixture, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct fixture *fixture, const char *format, ...) {
  va_list arguments;
  assert_true(fixture->events.count < EVENTS_MAX);
  va_start(arguments, format);
  vsnprintf(fixture->events.lines[fixture->events.count++], sizeof fixture->events.lines[0], format, arguments);
  va_end(arguments);
}

/* What the log holds, as a start would find it. */
static enum err apply(void *context, uint64_t number, struct slice body) {
  (void)number;
  return changes_apply(body, context);
}

static void read_log(struct fixture *fixture, struct memtable *memtable) {
  const struct log_config config = { .path = fixture->scratch.path, .segment_bytes = SEGMENT_BYTES };
  const struct log_visitor visitor = { .batch = apply, .context = memtable };
  uint64_t last;
  assert_int_equal(log_verify(&config, 0, &visitor, &last, &fixture->failure), ERR_NONE);
}

static bool is_stored(struct fixture *fixture, const char *key) {
  struct slice value;
  struct memtable *memtable = memtable_try_new();
  read_log(fixture, memtable);
  enum memtable_answer answer = memtable_get(memtable, slice_text(key), &value);
  memtable_free(memtable);
  return answer == MEMTABLE_VALUE;
}

static void settle(struct effect *effect, enum err err) {
  struct test_effect *settled = (struct test_effect *)effect;
  note(settled->fixture, "e%d %s", settled->name, err == ERR_NONE ? "ok" : err_code(err));
  if (settled->key[0] != 0) assert_int_equal(is_stored(settled->fixture, settled->key), err == ERR_NONE);
  mem_free(settled);
}

/* With relaxed the two come apart, and this one is noted too. */
static void released(struct commit_source *source, uint64_t seq) {
  struct test_source *heard = (struct test_source *)source;
  if (heard->fixture->relaxed) note(heard->fixture, "r%d %llu", heard->name, (unsigned long long)seq);
  assert_true(seq > heard->durable);
}

static void durable(struct commit_source *source, uint64_t seq) {
  struct test_source *heard = (struct test_source *)source;
  note(heard->fixture, "d%d %llu", heard->name, (unsigned long long)seq);
  assert_true(seq > heard->durable);
  heard->durable = seq;
}

static void failed(struct commit_source *source, uint64_t epoch) {
  struct test_source *heard = (struct test_source *)source;
  note(heard->fixture, "f%d %llu", heard->name, (unsigned long long)epoch);
}

static void begin(struct fixture *fixture, size_t batch_bytes_max, size_t batch_commits_max) {
  const struct log_config log_config = {
    .path = fixture->scratch.path, .segment_bytes = SEGMENT_BYTES, .logger = &fixture->log.logger,
    .faults = &fixture->faults,
  };
  assert_int_equal(log_open(&log_config, 0, NULL, &fixture->commit_log, &fixture->failure), ERR_NONE);
  for (int i = 0; i < SOURCES; i++) {
    fixture->sources[i] = (struct test_source){
      { .released = released, .durable = durable, .failed = failed }, fixture, i, 0, 0, 0,
    };
    fixture->source_list[i] = &fixture->sources[i].source;
  }
  const struct committer_config config = {
    .log = fixture->commit_log, .relaxed = fixture->relaxed, .clock = &fixture->clock, .sources = fixture->source_list, .source_count = SOURCES,
    .batch_bytes_max = batch_bytes_max, .batch_commits_max = batch_commits_max, .logger = &fixture->log.logger,
  };
  fixture->committer = committer_new(&config);
  fixture->events.count = 0;
}

static void end(struct fixture *fixture) {
  committer_free(fixture->committer);
  log_close(fixture->commit_log);
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  clock_init_manual(&fixture->clock, 1);
  begin(fixture, 1 << 20, 1000);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

/* A commit of a source that puts `key` (none where it is empty) and has effects `name` and `name + 1`. NULL for want of
 * memory. */
static struct commit *commit_try_make(struct fixture *fixture, int source, const char *key, int name) {
  struct memtable *memtable = memtable_try_new();
  struct commit *commit = commit_try_new();
  struct test_effect *effects[2] = { mem_try_zero(sizeof *effects[0]), mem_try_zero(sizeof *effects[0]) };
  bool made = memtable != NULL && commit != NULL && effects[0] != NULL && effects[1] != NULL;
  made = made && (key[0] == 0 || memtable_try_put(memtable, slice_text(key), slice_text("value")));
  if (made) changes_put_all(&commit->changes, memtable);
  made = made && commit->changes.err == ERR_NONE;
  memtable_free(memtable);
  if (!made) {
    commit_free(commit);
    mem_free(effects[0]);
    mem_free(effects[1]);
    return NULL;
  }
  for (int i = 0; i < 2; i++) {
    *effects[i] = (struct test_effect){ { NULL, settle }, fixture, name + i, "" };
    snprintf(effects[i]->key, sizeof effects[i]->key, "%s", key);
  }
  effects[0]->effect.next = &effects[1]->effect;
  commit->effects = &effects[0]->effect;
  commit->source = &fixture->sources[source].source;
  commit->epoch = fixture->sources[source].epoch;
  commit->seq = ++fixture->sources[source].seq;
  return commit;
}

static void put(struct fixture *fixture, int source, const char *key, int name) {
  struct commit *commit = commit_try_make(fixture, source, key, name);
  assert_non_null(commit);
  committer_put(fixture->committer, &commit);
  assert_null(commit);
}

static void step(struct fixture *fixture) {
  bool worked;
  assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
  assert_true(worked);
}

static void assert_idle(struct fixture *fixture) {
  bool worked = true;
  assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
  assert_false(worked);
}

/* That just these events happened since the last look, in this order: "e1 ok, e2 ok, d0 1". */
static void assert_events(struct fixture *fixture, const char *expected) {
  char joined[EVENTS_MAX * 26] = "";
  for (size_t i = 0; i < fixture->events.count; i++) {
    if (i > 0) strcat(joined, ", ");
    strcat(joined, fixture->events.lines[i]);
  }
  assert_string_equal(joined, expected);
  fixture->events.count = 0;
}

static void effects_leave_when_the_log_has_it(void **state) {
  struct fixture *fixture = *state;
  assert_idle(fixture);
  put(fixture, 0, "a", 10);
  put(fixture, 1, "b", 20);
  put(fixture, 0, "c", 30);
  assert_events(fixture, "");   /* not before the step */
  assert_false(is_stored(fixture, "a"));
  step(fixture);
  assert_events(fixture, "e10 ok, e11 ok, e20 ok, e21 ok, e30 ok, e31 ok, d0 2, d1 1");
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
  assert_events(fixture, "e1 ok, e2 ok, e3 ok, e4 ok, d0 1, d1 1");
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
    commit->seq = i + 1;
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
  assert_events(fixture, "e0 ok, e1 ok, e10 ok, e11 ok, d0 1, d1 1");
  committer_wait(fixture->committer, committer_rest_ns(fixture->committer));   /* does not wait: there is more */
  step(fixture);
  assert_events(fixture, "e20 ok, e21 ok, e30 ok, e31 ok, d0 2, d1 2");
  step(fixture);
  assert_events(fixture, "e40 ok, e41 ok, d0 3");
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

  /* One source has heard of the new epoch, the other has not yet. */
  fixture->sources[0].epoch = 1;
  put(fixture, 1, "d", 60);
  put(fixture, 0, "e", 70);
  step(fixture);
  assert_events(fixture, "e60 storage_error, e61 storage_error, e70 ok, e71 ok, d0 4");
  put(fixture, 1, "f", 80);
  step(fixture);
  assert_events(fixture, "e80 storage_error, e81 storage_error");
  fixture->sources[1].epoch = 1;
  put(fixture, 1, "g", 90);
  step(fixture);
  assert_events(fixture, "e90 ok, e91 ok, d1 5");
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
  assert_events(fixture, "e10 ok, e11 ok, r0 1, e20 ok, e21 ok, r0 1, r1 1");
  assert_int_equal(committer_stats(fixture->committer)->syncs, 0);
  assert_int_equal(committer_durable_batch(fixture->committer), 0);
  clock_advance(&fixture->clock, (int64_t)SYNC_MS * 1000000 - 1);
  assert_idle(fixture);
  assert_events(fixture, "");
  clock_advance(&fixture->clock, 1);
  committer_wait(fixture->committer, committer_rest_ns(fixture->committer));   /* does not wait */
  assert_idle(fixture);
  assert_events(fixture, "d0 1, d1 1");
  assert_int_equal(committer_stats(fixture->committer)->syncs, 1);
  assert_int_equal(committer_durable_batch(fixture->committer), 2);

  /* One that wants it is synced at once, and all with it. */
  put(fixture, 0, "c", 30);
  struct commit *commit = commit_try_make(fixture, 1, "d", 40);
  commit->sync = true;
  committer_put(fixture->committer, &commit);
  step(fixture);
  assert_events(fixture, "e30 ok, e31 ok, e40 ok, e41 ok, r0 2, r1 2, d0 2, d1 2");

  /* What was released is durable before the next one fails. */
  put(fixture, 0, "e", 50);
  step(fixture);
  put(fixture, 0, "f", 60);
  fixture->faults.write_next = 1;
  step(fixture);
  assert_events(fixture, "e50 ok, e51 ok, r0 3, d0 3, f0 1, f1 1, e60 storage_error, e61 storage_error");
}

/* Also: who abandons has taken the effects back, here by freeing them before, and none is settled. */
static void after_a_failed_sync_nothing_leaves(void **state) {
  struct fixture *fixture = *state;
  struct effect *effects[3];
  put(fixture, 0, "before", 50);     /* there is a segment: to make one is another matter */
  step(fixture);
  fixture->events.count = 0;
  fixture->faults.sync_next = 1;
  for (int i = 0; i < 3; i++) {
    bool worked;
    struct commit *commit = commit_try_make(fixture, 0, i == 0 ? "a" : "", i);   /* no write is asked for */
    effects[i] = commit->effects;
    committer_put(fixture->committer, &commit);
    if (i < 2) assert_int_equal(committer_step(fixture->committer, &worked), ERR_FATAL);
  }
  assert_non_null(strstr(fixture->log.last, "unknown"));
  for (int i = 0; i < 3; i++) {
    mem_free(effects[i]->next);
    mem_free(effects[i]);
  }
  committer_abandon(fixture->committer);
  assert_events(fixture, "");
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

/* Random traffic with failing writes: what was answered is stored and what failed is not (settle looks), each effect once,
 * and no source hears of a seq twice. */
static void random_traffic_keeps_the_promises(void **state) {
  struct fixture *fixture = *state;
  struct chance chance = chance_begin("committer");
  end(fixture);
  begin(fixture, 60, 4);
  int name = 0, settled = 0;
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
      settled += fixture->events.lines[i][0] == 'e';
      if (sscanf(fixture->events.lines[i], "f%d %llu", &source, &epoch) != 2) continue;
      if (chance_below(&chance, 4) != 0) fixture->sources[source].epoch = epoch;   /* else it hears later */
    }
    fixture->events.count = 0;
  }
  assert_int_equal(settled, name);
}

/* Two threads that only put, one that only steps: as in the host. */
static void *put_many(void *argument) {
  struct test_source *source = argument;
  for (int i = 0; i < 100; i++) {
    put(source->fixture, source->name, source->name == 0 ? "a" : "b", 0);
    if (i % 10 == 0) committer_wake(source->fixture->committer);
  }
  return NULL;
}

static void takes_from_many_threads(void **state) {
  struct fixture *fixture = *state;
  pthread_t threads[SOURCES];
  for (int i = 0; i < SOURCES; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, put_many, &fixture->sources[i]), 0);
  }
  while (fixture->sources[0].durable < 100 || fixture->sources[1].durable < 100) {
    bool worked;
    committer_wait(fixture->committer, committer_rest_ns(fixture->committer));
    assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
    fixture->events.count = 0;
  }
  for (int i = 0; i < SOURCES; i++) pthread_join(threads[i], NULL);
  assert_int_equal(committer_stats(fixture->committer)->commits, 200);
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
    COMMITTER_TEST(takes_from_many_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
