/* post.c -- see post.h. */
#include "stage/post.h"

#include "stage/router.h"

unsigned post_worker(const struct post *post, struct slice class_name, struct slice key) {
  return router_worker(class_name, key, post->count);
}

void post_send(const struct post *post, unsigned worker, struct letter *letter) {
  queue_put(post->inboxes[worker], &letter->item);
}

void post_wake_all(const struct post *post) {
  for (unsigned i = 0; i < post->count; i++) queue_wake(post->inboxes[i]);
}
