/* committer_threads_test.c -- the committer among threads that put and step at the same time. */
#include "committer_fixture.h"

#include <pthread.h>

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
  while (committer_durable(fixture->committer) < 200) {
    bool worked;
    committer_wait(fixture->committer, committer_rest_ns(fixture->committer));
    assert_int_equal(committer_step(fixture->committer, &worked), ERR_NONE);
    fixture->events.count = 0;
  }
  for (int i = 0; i < SOURCES; i++) pthread_join(threads[i], NULL);
  assert_int_equal(committer_stats(fixture->committer)->commits, 200);
}

/* As main.c has it: the step runs on the committer's own thread, and under a lock on that of who has put something. */
struct team {
  struct fixture *fixture;
  pthread_mutex_t committing;
  struct clock clock;          /* the system's */
  int released[SOURCES];        /* effects of each source; under `committing`, as the next one */
  atomic_bool idle;            /* a step of theirs had nothing to do, or left nothing */
  atomic_int at_work;          /* sources that still put */
  atomic_bool late;            /* one waited in vain */
};

struct member {
  struct team *team;
  struct test_source *source;
  pthread_t thread;
};

enum { ROUNDS = 40, COMMITS_A_ROUND = 3, NAMES_A_SOURCE = 1000 };

/* A step, by who holds `committing`. Each source's effects go in the order of its commits, and those of all commits up to a
 * ticket before a source hears of that. */
static int64_t step_in_turn(struct team *team, bool *worked) {
  struct events *events = &team->fixture->events;
  assert_int_equal(committer_step(team->fixture->committer, worked), ERR_NONE);
  for (size_t i = 0; i < events->count; i++) {
    int number, ticket;
    if (sscanf(events->lines[i], "e%d ok", &number) == 1) {
      assert_int_equal(number % NAMES_A_SOURCE, team->released[number / NAMES_A_SOURCE]++);
    } else {
      assert_int_equal(sscanf(events->lines[i], "d%d %d", &number, &ticket), 2);
      assert_int_equal(team->released[0] + team->released[1], 2 * ticket);
    }
  }
  events->count = 0;
  return committer_rest_ns(team->fixture->committer);
}

/* More than goes into a batch. */
static void put_some(struct test_source *source, int round) {
  for (int i = 0; i < COMMITS_A_ROUND; i++) {
    char key[16];
    int name = 2 * (round * COMMITS_A_ROUND + i);
    snprintf(key, sizeof key, "%d/%d", source->name, name);
    put(source->fixture, source->name, key, source->name * NAMES_A_SOURCE + name);
  }
}

/* Where it has the lock before it puts, there is something left for its step, and after that for others. */
static void put_and_step(struct team *team, struct test_source *source, int round) {
  bool worked;
  assert_int_equal(pthread_mutex_lock(&team->committing), 0);
  put_some(source, round);
  int64_t rest_ns = step_in_turn(team, &worked);
  assert_int_equal(pthread_mutex_unlock(&team->committing), 0);
  if (!worked || rest_ns != 0) team->idle = true;
  committer_wake(team->fixture->committer);
}

/* What is put next waits for all that is put: nothing comes after it that would wake the committer in its place. */
static void *put_in_rounds(void *argument) {
  const int64_t patience_ns = INT64_C(30) * 1000000000;
  struct member *member = argument;
  struct team *team = member->team;
  struct test_source *source = member->source;
  for (int round = 0; round < ROUNDS && !team->late; round++) {
    if (round % 2 == 1) {
      put_and_step(team, source, round);
    } else {
      put_some(source, round);
      committer_ring(source->fixture->committer);
    }
    int64_t end_ns = clock_monotonic_ns(&team->clock) + patience_ns;
    while (source->durable < source->ticket && !team->late) {
      queue_wait(source->bell, patience_ns);
      if (clock_monotonic_ns(&team->clock) >= end_ns) team->late = true;
    }
  }
  atomic_fetch_sub(&team->at_work, 1);
  committer_wake(source->fixture->committer);
  return NULL;
}

static void steps_on_whose_thread_comes(void **state) {
  struct fixture *fixture = *state;
  end(fixture);
  begin(fixture, 1 << 20, 1);
  struct team team = { .fixture = fixture, .committing = PTHREAD_MUTEX_INITIALIZER, .at_work = SOURCES };
  struct member members[SOURCES];
  clock_init(&team.clock);
  for (int i = 0; i < SOURCES; i++) {
    fixture->sources[i].bell = queue_new();
    members[i] = (struct member){ .team = &team, .source = &fixture->sources[i] };
    assert_int_equal(pthread_create(&members[i].thread, NULL, put_in_rounds, &members[i]), 0);
  }
  for (bool worked = true; worked || team.at_work > 0;) {
    assert_int_equal(pthread_mutex_lock(&team.committing), 0);
    int64_t rest_ns = step_in_turn(&team, &worked);
    assert_int_equal(pthread_mutex_unlock(&team.committing), 0);
    if (!worked && team.at_work > 0) committer_wait(fixture->committer, rest_ns);
  }
  for (int i = 0; i < SOURCES; i++) {
    pthread_join(members[i].thread, NULL);
    queue_free(fixture->sources[i].bell);
    fixture->sources[i].bell = NULL;
  }
  assert_false(team.late);
  assert_false(team.idle);
  assert_int_equal(committer_stats(fixture->committer)->commits, SOURCES * ROUNDS * COMMITS_A_ROUND);
}

int main(void) {
#define COMMITTER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    COMMITTER_TEST(takes_from_many_threads),
    COMMITTER_TEST(steps_on_whose_thread_comes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
