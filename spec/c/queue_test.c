/* queue_test.c -- what four threads put is taken once and in order, and nobody sleeps through it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/queue.h"

enum { PRODUCERS = 4, ITEMS_EACH = 20000 };

static const int64_t LONG_NS = INT64_C(60) * 1000000000;

struct parcel {
  struct queue_item item;
  unsigned producer;
  unsigned number;
  uint64_t place;              /* as the queue told who put it */
  uint64_t taken;              /* the how manieth it was when it was taken */
};

struct producer {
  pthread_t thread;
  struct queue *queue;
  unsigned number;
  struct parcel *parcels;
};

static struct parcel *parcel_of(struct queue_item *item) {
  return (struct parcel *)(void *)((char *)item - offsetof(struct parcel, item));
}

static void *produce(void *context) {
  struct producer *producer = context;
  for (unsigned i = 0; i < ITEMS_EACH; i++) {
    producer->parcels[i] = (struct parcel){ .producer = producer->number, .number = i };
    producer->parcels[i].place = i % 2 == 0 ? queue_put(producer->queue, &producer->parcels[i].item)
                                            : queue_post(producer->queue, &producer->parcels[i].item);
    if (i % 2 == 1) queue_ring(producer->queue);
  }
  return NULL;
}

static void four_threads_put_and_one_takes(void **state) {
  (void)state;
  struct queue *queue = queue_new();
  struct producer producers[PRODUCERS];
  unsigned next[PRODUCERS] = { 0 };
  size_t taken = 0;
  for (unsigned i = 0; i < PRODUCERS; i++) {
    producers[i] = (struct producer){ .queue = queue, .number = i };
    producers[i].parcels = calloc(ITEMS_EACH, sizeof *producers[i].parcels);
    assert_non_null(producers[i].parcels);
    assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
  }
  while (taken < PRODUCERS * ITEMS_EACH) {
    queue_wait(queue, -1);   /* a lost item or a lost bell hangs here */
    struct queue_item *item = queue_take(queue);
    while (item != NULL) {
      struct parcel *parcel = parcel_of(item);
      item = item->next;
      assert_int_equal(parcel->number, next[parcel->producer]);
      next[parcel->producer]++;
      parcel->taken = ++taken;
    }
  }
  for (unsigned i = 0; i < PRODUCERS; i++) {
    pthread_join(producers[i].thread, NULL);
    for (unsigned j = 0; j < ITEMS_EACH; j++) {
      assert_int_equal(producers[i].parcels[j].place, producers[i].parcels[j].taken);
    }
    free(producers[i].parcels);
  }
  assert_null(queue_take(queue));
  queue_free(queue);
}

static void items_keep_their_order(void **state) {
  (void)state;
  struct queue *queue = queue_new();
  struct queue_item items[3];
  assert_null(queue_take(queue));
  for (int i = 0; i < 3; i++) queue_put(queue, &items[i]);
  queue_wait(queue, -1);
  assert_ptr_equal(queue_take(queue), &items[0]);
  assert_ptr_equal(items[0].next, &items[1]);
  assert_ptr_equal(items[1].next, &items[2]);
  assert_null(items[2].next);
  queue_put(queue, &items[1]);
  assert_ptr_equal(queue_take(queue), &items[1]);
  assert_null(items[1].next);
  queue_free(queue);
  queue_free(NULL);
}

static int64_t wait_ns(struct queue *queue, int64_t timeout_ns) {
  struct clock clock;
  clock_init(&clock);
  int64_t begin = clock_monotonic_ns(&clock);
  queue_wait(queue, timeout_ns);
  return clock_monotonic_ns(&clock) - begin;
}

static void a_wake_ends_one_wait(void **state) {
  (void)state;
  struct queue *queue = queue_new();
  queue_wake(queue);
  queue_wake(queue);
  assert_true(wait_ns(queue, LONG_NS) < LONG_NS);
  assert_true(wait_ns(queue, 20000000) >= 20000000);   /* both were for the one wait before */
  assert_true(wait_ns(queue, 0) < LONG_NS);
  queue_wake(queue);
  assert_true(wait_ns(queue, INT64_MAX) < LONG_NS);    /* beyond all time is for ever */
  queue_free(queue);
}

static void *wake(void *queue) {
  queue_wake(queue);
  return NULL;
}

static void a_wake_reaches_who_sleeps(void **state) {
  (void)state;
  struct queue *queue = queue_new();
  for (int i = 0; i < 200; i++) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake, queue), 0);
    queue_wait(queue, -1);
    pthread_join(thread, NULL);
  }
  queue_free(queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(four_threads_put_and_one_takes),
    cmocka_unit_test(items_keep_their_order),
    cmocka_unit_test(a_wake_ends_one_wait),
    cmocka_unit_test(a_wake_reaches_who_sleeps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
