/* queue.c -- a linked list, a lock, and a bell that rings only when somebody sleeps. */
#include "base/queue.h"

#include <pthread.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"

struct queue {
  pthread_mutex_t lock;
  pthread_cond_t bell;
  struct queue_item *first;
  struct queue_item *last;   /* only where first is not NULL */
  uint64_t count;            /* of all items that were ever put */
  bool is_waiting;           /* the taker sleeps, or is about to */
  bool is_woken;             /* queue_wake() since the last wait */
};

struct queue *queue_new(void) {
  struct queue *queue = mem_zero(sizeof *queue);
  pthread_condattr_t attributes;
  CHECK_THAT(pthread_mutex_init(&queue->lock, NULL), ==, 0);
  CHECK_THAT(pthread_condattr_init(&attributes), ==, 0);
  CHECK_THAT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), ==, 0);
  CHECK_THAT(pthread_cond_init(&queue->bell, &attributes), ==, 0);
  CHECK_THAT(pthread_condattr_destroy(&attributes), ==, 0);
  return queue;
}

void queue_free(struct queue *queue) {
  if (queue == NULL) return;
  CHECK(queue->first == NULL);
  CHECK(!queue->is_waiting);
  CHECK_THAT(pthread_cond_destroy(&queue->bell), ==, 0);
  CHECK_THAT(pthread_mutex_destroy(&queue->lock), ==, 0);
  mem_free(queue);
}

static void lock(struct queue *queue) {
  CHECK_THAT(pthread_mutex_lock(&queue->lock), ==, 0);
}

static void unlock(struct queue *queue) {
  CHECK_THAT(pthread_mutex_unlock(&queue->lock), ==, 0);
}

static uint64_t append(struct queue *queue, struct queue_item *item) {
  item->next = NULL;
  if (queue->first == NULL) {
    queue->first = item;
  } else {
    queue->last->next = item;
  }
  queue->last = item;
  return ++queue->count;
}

/* Lets go of the lock before the bell: the thread that wakes up wants it at once. */
static void unlock_and_ring(struct queue *queue, bool rings) {
  rings = rings && queue->is_waiting;
  unlock(queue);
  if (rings) CHECK_THAT(pthread_cond_signal(&queue->bell), ==, 0);
}

uint64_t queue_put(struct queue *queue, struct queue_item *item) {
  lock(queue);
  uint64_t place = append(queue, item);
  unlock_and_ring(queue, true);
  return place;
}

uint64_t queue_post(struct queue *queue, struct queue_item *item) {
  lock(queue);
  uint64_t place = append(queue, item);
  unlock(queue);
  return place;
}

void queue_ring(struct queue *queue) {
  lock(queue);
  unlock_and_ring(queue, queue->first != NULL);
}

struct queue_item *queue_take(struct queue *queue) {
  lock(queue);
  struct queue_item *items = queue->first;
  queue->first = NULL;
  queue->last = NULL;
  unlock(queue);
  return items;
}

/* When a wait of so many nanoseconds is over; false where that is beyond all time. */
static bool deadline_after(int64_t timeout_ns, struct timespec *deadline) {
  struct timespec now;
  CHECK_THAT(clock_gettime(CLOCK_MONOTONIC, &now), ==, 0);
  int64_t now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
  if (timeout_ns < 0 || timeout_ns > INT64_MAX - now_ns) return false;
  deadline->tv_sec = (time_t)((now_ns + timeout_ns) / 1000000000);
  deadline->tv_nsec = (long)((now_ns + timeout_ns) % 1000000000);
  return true;
}

void queue_wait(struct queue *queue, int64_t timeout_ns) {
  struct timespec deadline;
  bool is_bounded = deadline_after(timeout_ns, &deadline);
  bool is_over = false;
  lock(queue);
  CHECK(!queue->is_waiting);
  queue->is_waiting = true;
  while (queue->first == NULL && !queue->is_woken && !is_over) {
    int error = is_bounded ? pthread_cond_timedwait(&queue->bell, &queue->lock, &deadline)
                           : pthread_cond_wait(&queue->bell, &queue->lock);
    is_over = error != 0;
  }
  queue->is_waiting = false;
  queue->is_woken = false;
  unlock(queue);
}

void queue_wake(struct queue *queue) {
  lock(queue);
  queue->is_woken = true;
  unlock_and_ring(queue, true);
}
