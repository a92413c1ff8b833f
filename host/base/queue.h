/* queue.h -- how threads talk: many put, one takes all.
 *
 * WHY     A thread of the host is a step function over its queues; everything else that reaches it is in atomic fields. The
 *         taker takes everything at once, so that a batch costs one lock.
 * ROOM    base. Only here and in main.c: threads, and locks.
 * THREAD  queue_put(), _post(), _ring() and _wake() from any. queue_take() on one at a time, mostly the taker's own: main
 *         lets a worker's run the committer's step, under a lock of its own. queue_wait() on the taker's own.
 * OWNS    Nothing of its items: an item embeds its `struct queue_item`, belongs to the queue from queue_put() on,
 *         and to the taker after queue_take().
 * ALWAYS  1. Items of one thread are taken in the order in which it put them.
 *         2. Places are numbers from 1 without a gap, in the order in which items are taken.
 *         3. After queue_put() the taker wakes, if it waits or is about to; after queue_post() it does with the next
 *            queue_ring(). With many items, post them and ring once, since waking a thread costs more than a call.
 */
#ifndef TROUPE_QUEUE_H
#define TROUPE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct queue_item {
  struct queue_item *next;
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue);   /* must be empty */

/* Puts an item and wakes the taker. Returns the item's place among all that were ever put. */
uint64_t queue_put(struct queue *queue, struct queue_item *item);

/* Puts without waking. The item may be taken at once all the same. */
uint64_t queue_post(struct queue *queue, struct queue_item *item);
void queue_ring(struct queue *queue);

/* All items, oldest first, linked by `next`; NULL if there is none. Does not wait. */
struct queue_item *queue_take(struct queue *queue);

/* Waits until there is an item, or queue_wake() was called since the last wait, or `timeout_ns` is over
 * (negative: for ever). */
void queue_wait(struct queue *queue, int64_t timeout_ns);

/* Ends one queue_wait(), the present or the next, without an item. From any thread. */
void queue_wake(struct queue *queue);

#endif
