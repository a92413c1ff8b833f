/* topics_test.c -- subscriptions: once each, told to those who have them, gone without a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "door/topics.h"

enum { SUBSCRIBERS = 6, NAMES = 5, ACTORS = 2 };

/* One that notes what it is told. */
struct listener {
  struct subscriber subscriber;
  unsigned heard;
  bool leaves;                         /* when it hears something */
};

static void tell(struct subscriber *subscriber, void *context) {
  struct listener *listener = (struct listener *)(void *)((uint8_t *)subscriber - offsetof(struct listener, subscriber));
  listener->heard++;
  if (listener->leaves) topics_leave(context, subscriber);
}

static bool add(struct topics *topics, struct listener *listener, const char *name) {
  return topics_try_add(topics, &listener->subscriber, slice_text(name));
}

static void say(struct topics *topics, uint64_t actor_id, const char *name) {
  topics_tell(topics, actor_id, slice_text(name), tell, topics);
}

static void an_event_reaches_who_has_subscribed_and_no_other(void **state) {
  (void)state;
  struct topics topics;
  struct listener ann = { .subscriber.actor_id = 1 }, bob = { .subscriber.actor_id = 1 }, other = { .subscriber.actor_id = 2 };
  topics_init(&topics);
  say(&topics, 1, "news");
  assert_true(add(&topics, &ann, "news") && add(&topics, &ann, "new") && add(&topics, &bob, "news") && add(&topics, &other, "news"));
  assert_true(topics_has(&topics, &ann.subscriber, slice_text("new")));
  assert_false(topics_has(&topics, &bob.subscriber, slice_text("new")));
  say(&topics, 1, "news");
  say(&topics, 1, "new");
  say(&topics, 1, "newsy");
  assert_int_equal(ann.heard, 2);
  assert_int_equal(bob.heard, 1);
  assert_int_equal(other.heard, 0);
  topics_leave(&topics, &ann.subscriber);
  topics_leave(&topics, &bob.subscriber);
  topics_leave(&topics, &other.subscriber);
  topics_leave(&topics, &other.subscriber);
  assert_int_equal(ann.subscriber.count, 0);
  topics_done(&topics);
}

static void twice_is_once(void **state) {
  (void)state;
  struct topics topics;
  struct listener ann = { .subscriber.actor_id = 1 };
  topics_init(&topics);
  for (int i = 0; i < 3; i++) assert_true(add(&topics, &ann, "news"));
  assert_int_equal(ann.subscriber.count, 1);
  say(&topics, 1, "news");
  assert_int_equal(ann.heard, 1);
  for (int i = 0; i < 3; i++) topics_remove(&topics, &ann.subscriber, slice_text("news"));
  topics_remove(&topics, &ann.subscriber, slice_text("never"));
  say(&topics, 1, "news");
  assert_int_equal(ann.heard, 1);
  topics_done(&topics);                /* a topic without subscriptions does not exist */
}

static void who_hears_may_leave(void **state) {
  (void)state;
  struct topics topics;
  struct listener all[SUBSCRIBERS] = { 0 };
  topics_init(&topics);
  for (unsigned leaving = 0; leaving < 1u << SUBSCRIBERS; leaving++) {
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
      all[i] = (struct listener){ .leaves = (leaving >> i & 1) != 0 };
      assert_true(add(&topics, &all[i], "a") && add(&topics, &all[i], "b"));
    }
    say(&topics, 0, "a");
    say(&topics, 0, "b");
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
      assert_int_equal(all[i].heard, all[i].leaves ? 1 : 2);
      topics_leave(&topics, &all[i].subscriber);
    }
  }
  topics_done(&topics);
}

static void names_are_bytes_of_any_kind_and_up_to_a_limit(void **state) {
  (void)state;
  struct topics topics;
  struct listener ann = { .subscriber.actor_id = UINT64_MAX };
  char name[TOPIC_NAME_BYTES_MAX + 1] = { 0 };
  topics_init(&topics);
  for (size_t size = 1; size <= TOPIC_NAME_BYTES_MAX; size++) {
    assert_true(topics_try_add(&topics, &ann.subscriber, slice_of(name, size)));
  }
  assert_int_equal(ann.subscriber.count, TOPIC_NAME_BYTES_MAX);
  for (size_t size = 0; size <= sizeof name; size++) topics_tell(&topics, UINT64_MAX, slice_of(name, size), tell, &topics);
  assert_int_equal(ann.heard, TOPIC_NAME_BYTES_MAX);
  topics_leave(&topics, &ann.subscriber);
  topics_done(&topics);
}

/* Against a table of who has subscribed to what. */
static void a_model_agrees(void **state) {
  (void)state;
  static const char *const names[NAMES] = { "a", "b", "ab", "ba", "\xc3\xa9" };
  struct topics topics;
  struct listener all[SUBSCRIBERS] = { 0 };
  bool has[SUBSCRIBERS][NAMES] = { { false } };
  unsigned seed = 16, heard[SUBSCRIBERS] = { 0 };
  topics_init(&topics);
  for (unsigned i = 0; i < SUBSCRIBERS; i++) all[i].subscriber.actor_id = i % ACTORS;
  for (unsigned round = 0; round < 20000; round++) {
    seed = seed * 1103515245 + 12345;
    unsigned who = seed >> 16 & 0xff, what = seed >> 24;
    unsigned i = who % SUBSCRIBERS, name = what % NAMES;
    switch (seed >> 12 & 3) {
      case 0: assert_true(add(&topics, &all[i], names[name])); has[i][name] = true; break;
      case 1: topics_remove(&topics, &all[i].subscriber, slice_text(names[name])); has[i][name] = false; break;
      case 2:
        say(&topics, i % ACTORS, names[name]);
        for (unsigned k = i % ACTORS; k < SUBSCRIBERS; k += ACTORS) heard[k] += has[k][name];
        break;
      default:
        if (who % 16 != 0) break;
        topics_leave(&topics, &all[i].subscriber);
        memset(has[i], 0, sizeof has[i]);
    }
    unsigned count = 0;
    for (unsigned k = 0; k < NAMES; k++) count += has[i][k];
    assert_int_equal(all[i].subscriber.count, count);
  }
  for (unsigned i = 0; i < SUBSCRIBERS; i++) {
    assert_int_equal(all[i].heard, heard[i]);
    topics_leave(&topics, &all[i].subscriber);
  }
  topics_done(&topics);
}

static void memory_may_run_out(void **state) {
  (void)state;
  struct topics topics;
  struct listener ann = { 0 };
  topics_init(&topics);
  for (unsigned long k = 1;; k++) {
    mem_fail_at(k);
    bool is_added = add(&topics, &ann, "news");
    bool has_failed = mem_has_failed() != 0;
    mem_fail_at(0);
    assert_int_equal(is_added, topics_has(&topics, &ann.subscriber, slice_text("news")));
    topics_leave(&topics, &ann.subscriber);
    if (!has_failed) break;
  }
  topics_done(&topics);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_event_reaches_who_has_subscribed_and_no_other),
    cmocka_unit_test(twice_is_once),
    cmocka_unit_test(who_hears_may_leave),
    cmocka_unit_test(names_are_bytes_of_any_kind_and_up_to_a_limit),
    cmocka_unit_test(a_model_agrees),
    cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
