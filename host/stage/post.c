/* post.c -- see post.h. */
#include "stage/post.h"

#include "stage/router.h"

unsigned post_worker(const struct post *post, struct slice class_name, struct slice key) {
  return router_worker(class_name, key, post->count);
}

void post_send(const struct post *post, unsigned worker, struct letter *letter) {
  queue_put(post->inboxes[worker], &letter->item);
}

void post_leave(const struct post *post, unsigned worker, struct letter *letter) {
  queue_post(post->inboxes[worker], &letter->item);
  atomic_store(post->unrung, true);
}

void post_ring(const struct post *post) {
  if (!atomic_exchange(post->unrung, false)) return;
  for (unsigned i = 0; i < post->count; i++) queue_ring(post->inboxes[i]);
}

void post_set_full(const struct post *post, unsigned worker, bool full) {
  if (atomic_load_explicit(&post->full[worker], memory_order_relaxed) != full) atomic_store(&post->full[worker], full);
}

bool post_is_full(const struct post *post, unsigned worker) {
  return atomic_load(&post->full[worker]);
}

void post_wake(const struct post *post, unsigned worker) {
  queue_wake(post->inboxes[worker]);
}

void post_wake_all(const struct post *post) {
  for (unsigned i = 0; i < post->count; i++) post_wake(post, i);
}
