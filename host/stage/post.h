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

#include "base/slice.h"
#include "stage/letter.h"

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
