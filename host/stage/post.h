/* post.h -- letters between workers.
 *
 * WHY     Workers share nothing. What one has for another goes into that one's inbox, and belongs to it from then on.
 * ROOM    stage. Below: router, base (queue).
 * THREAD  post_send(), post_wake_all() and post_is_full() from any worker; post_set_full() from the one that it is about. What
 *         is posted and rung may also come from the thread of committer_step(). The table itself does not change once workers
 *         run.
 * OWNS    Nothing: a letter belongs to its receiver, which frees it by its kind.
 * ALWAYS  The letters of one worker to another arrive in the order in which they were sent, and those that are posted in the
 *         order in which they were.
 */
#ifndef TROUPE_POST_H
#define TROUPE_POST_H

#include <stdatomic.h>

#include "base/slice.h"
#include "stage/letter.h"

struct post {
  struct queue **inboxes;      /* of all workers */
  unsigned count;
  atomic_bool *full;           /* of each: its records take nothing more (records_is_full()) */
  atomic_bool *unrung;         /* something was posted since post_ring() */
};

/* The worker on which an actor lives. */
unsigned post_worker(const struct post *post, struct slice class_name, struct slice key);

/* Sends a letter and wakes its receiver. */
void post_send(const struct post *post, unsigned worker, struct letter *letter);

/* Sends a letter whose receiver hears of it with the next post_ring(). */
void post_leave(const struct post *post, unsigned worker, struct letter *letter);

/* Wakes those for whom something was left. */
void post_ring(const struct post *post);

/* Wakes one worker, or all, without a letter. */
void post_wake(const struct post *post, unsigned worker);
void post_wake_all(const struct post *post);

/* Says, and asks, whether a worker's records are full. */
void post_set_full(const struct post *post, unsigned worker, bool full);
bool post_is_full(const struct post *post, unsigned worker);

#endif
