/* post.h -- letters between workers.
 *
 * WHY     Workers share nothing. What one has for another goes into that one's inbox, and belongs to it from then on.
 * ROOM    stage. Below: router, base (queue).
 * THREAD  post_send() from any worker. The table itself does not change once workers run.
 * OWNS    Nothing: a letter belongs to its receiver, which frees it by its kind.
 * ALWAYS  The letters of one worker to another arrive in the order in which they were sent.
 */
#ifndef TROUPE_POST_H
#define TROUPE_POST_H

#include "base/queue.h"
#include "base/slice.h"

enum letter_kind {
  LETTER_REQUEST,      /* request.h */
  LETTER_ANSWER,       /* ask.h: what another actor answered */
  LETTER_PROBE,        /* probe.h: a question about who waits for whom */
  LETTER_SURVEY        /* survey.h: a question about all calls */
};

/* The first member of all that is sent. */
struct letter {
  struct queue_item item;
  enum letter_kind kind;
};

static inline struct letter *letter_of(struct queue_item *item) {
  return (struct letter *)(void *)((uint8_t *)item - offsetof(struct letter, item));
}

struct post {
  struct queue **inboxes;      /* of all workers */
  unsigned count;
};

/* The worker on which an actor lives. */
unsigned post_worker(const struct post *post, struct slice class_name, struct slice key);

/* Sends a letter and wakes its receiver. */
void post_send(const struct post *post, unsigned worker, struct letter *letter);

/* Wakes all workers, without a letter. */
void post_wake_all(const struct post *post);

#endif
