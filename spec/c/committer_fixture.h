/* committer_fixture.h -- what the specs of the committer share: one with a log in a scratch folder, two sources that commit to
 * it, and a list of what it did.
 */
#ifndef TROUPE_SPEC_COMMITTER_FIXTURE_H
#define TROUPE_SPEC_COMMITTER_FIXTURE_H

#include "records.h"

#include "base/mem.h"
#include "ledger/committer.h"

enum { SOURCES = 2, EVENTS_MAX = 512, SEGMENT_BYTES = 64 * 1024 };

/* What the committer did, in order: "e12 ok" for an effect, "d0 3" for durable up to that ticket, "f1 2" for
 * failed and the epoch that begins. */
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
    uint64_t ticket;       /* of its last commit */
    uint64_t epoch;        /* that it has heard of */
    _Atomic uint64_t durable;
    struct queue *bell;    /* rung when it hears of that; NULL: nobody waits */
  } sources[SOURCES];
  struct commit_source *source_list[SOURCES];
};

struct test_effect {
  struct effect effect;
  struct fixture *fixture;
  int name;
  char key[16];            /* that must be in the log when it is let go, and must not when it fails; may be empty */
};

static inline void __attribute__((format(printf, 2, 3))) note(struct fixture *fixture, const char *format, ...) {
  va_list arguments;
  assert_true(fixture->events.count < EVENTS_MAX);
  va_start(arguments, format);
  vsnprintf(fixture->events.lines[fixture->events.count++], sizeof fixture->events.lines[0], format, arguments);
  va_end(arguments);
}

/* What the log holds, as a start would find it. */
static inline enum err apply(void *context, uint64_t number, struct slice body) {
  (void)number;
  return changes_apply(body, context);
}

static inline void read_log(struct fixture *fixture, struct memtable *memtable) {
  const struct log_config config = { .path = fixture->scratch.path, .segment_bytes = SEGMENT_BYTES };
  const struct log_visitor visitor = { .batch = apply, .context = memtable };
  uint64_t last;
  assert_int_equal(log_verify(&config, 0, &visitor, &last, &fixture->failure), ERR_NONE);
}

static inline bool is_stored(struct fixture *fixture, const char *key) {
  struct slice value;
  struct memtable *memtable = memtable_try_new();
  read_log(fixture, memtable);
  enum memtable_answer answer = memtable_get(memtable, slice_text(key), &value);
  memtable_free(memtable);
  return answer == MEMTABLE_VALUE;
}

static inline void release(struct effect *effect, enum err err) {
  struct test_effect *released = (struct test_effect *)effect;
  note(released->fixture, "e%d %s", released->name, err == ERR_NONE ? "ok" : err_code(err));
  if (released->key[0] != 0) assert_int_equal(is_stored(released->fixture, released->key), err == ERR_NONE);
  mem_free(released);
}

static inline void durable(struct commit_source *source, uint64_t ticket) {
  struct test_source *heard = (struct test_source *)source;
  if (ticket == heard->durable) return;
  note(heard->fixture, "d%d %llu", heard->name, (unsigned long long)ticket);
  assert_true(ticket > heard->durable);
  assert_true(ticket <= committer_durable(heard->fixture->committer));
  assert_true(ticket <= committer_released(heard->fixture->committer));
  heard->durable = ticket;
  if (heard->bell != NULL) queue_wake(heard->bell);
}

/* By now the epoch's verdict can be read: what this source has heard to be durable, and all that others have. */
static inline void failed(struct commit_source *source) {
  struct test_source *heard = (struct test_source *)source;
  uint64_t epoch = committer_epoch(heard->fixture->committer), verdict;
  note(heard->fixture, "f%d %llu", heard->name, (unsigned long long)epoch);
  assert_true(committer_find_verdict(heard->fixture->committer, epoch - 1, &verdict));
  assert_true(verdict == committer_durable(heard->fixture->committer));
  assert_true(heard->durable <= verdict);
}

static inline void begin(struct fixture *fixture, size_t batch_bytes_max, size_t batch_commits_max) {
  const struct log_config log_config = {
    .path = fixture->scratch.path, .segment_bytes = SEGMENT_BYTES, .logger = &fixture->log.logger,
    .faults = &fixture->faults,
  };
  assert_int_equal(log_open(&log_config, 0, NULL, &fixture->commit_log, &fixture->failure), ERR_NONE);
  for (int i = 0; i < SOURCES; i++) {
    fixture->sources[i] = (struct test_source){
      { .durable = durable, .failed = failed }, fixture, i, 0, 0, 0, NULL,
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

static inline void end(struct fixture *fixture) {
  committer_free(fixture->committer);
  log_close(fixture->commit_log);
}

static inline int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  clock_init_manual(&fixture->clock, 1);
  begin(fixture, 1 << 20, 1000);
  *state = fixture;
  return 0;
}

static inline int tear_down(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

/* A commit of a source that puts `key` (none where it is empty) and has effects `name` and `name + 1`. NULL for want of
 * memory. */
static inline struct commit *commit_try_make(struct fixture *fixture, int source, const char *key, int name) {
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
    *effects[i] = (struct test_effect){ { .release = release }, fixture, name + i, "" };
    snprintf(effects[i]->key, sizeof effects[i]->key, "%s", key);
  }
  effects[0]->effect.next = &effects[1]->effect;
  commit->effects = &effects[0]->effect;
  commit->source = &fixture->sources[source].source;
  commit->epoch = fixture->sources[source].epoch;
  return commit;
}

static inline void put(struct fixture *fixture, int source, const char *key, int name) {
  struct commit *commit = commit_try_make(fixture, source, key, name);
  assert_non_null(commit);
  uint64_t ticket = committer_put(fixture->committer, &commit);
  assert_true(ticket > fixture->sources[source].ticket);
  fixture->sources[source].ticket = ticket;
  assert_null(commit);
}

static inline void step(struct fixture *fixture) {
  bool worked;
  assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
  assert_true(worked);
}

static inline void assert_idle(struct fixture *fixture) {
  bool worked = true;
  assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
  assert_false(worked);
}

/* That just these events happened since the last look, in this order: "e1 ok, e2 ok, d0 1". */
static inline void assert_events(struct fixture *fixture, const char *expected) {
  char joined[EVENTS_MAX * 26] = "";
  for (size_t i = 0; i < fixture->events.count; i++) {
    if (i > 0) strcat(joined, ", ");
    strcat(joined, fixture->events.lines[i]);
  }
  assert_string_equal(joined, expected);
  fixture->events.count = 0;
}

#endif
