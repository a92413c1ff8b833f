/* failed.h -- what an operator has said is to become of a message or a schedule that was given up.
 *
 * WHY     What was given up runs no more by itself: somebody must look at why, and then let it begin anew, or drop it.
 * ROOM    stage. Below: failed_id, existence, rig, wakes, schedule, mail_record.
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * STATES  of a request: its worker finds out whose it is (failed_find()) -> in the mailbox of that actor, so that none of its
 *         turns is under way -> failed_settle(): a commit of the host's own -> answered, once that is durable
 * ALWAYS  1. A schedule that begins anew is pending, due now, as if it had never run. A message stands among those that wait
 *            for its receiver, as if it had not been tried; but what its sender has sent later may have been applied before
 *            it, and if one of those waits for another try, it waits for that one.
 *         2. What was given up by a run that has saved and is still under way is not settled before that run is over.
 */
#ifndef TROUPE_FAILED_H
#define TROUPE_FAILED_H

#include "stage/failed_id.h"
#include "stage/rig.h"

/* Sets class and key to those of the actor whose it is. ERR_FAILED_NOT_FOUND, ERR_STORAGE, ERR_MEMORY. */
enum err failed_find(const struct view *view, const struct failed_id *id, struct buf *class_name, struct buf *key,
                     struct failure *failure);

/* Begins it anew, or drops it: a commit of the host's own, which the actor has seen, and a line in the log. None of its turns
 * is under way. As failed_find(), or ERR_OVERLOADED: nothing can be written just now. */
enum err failed_settle(struct rig *rig, struct actor *actor, const struct request *request, struct failure *failure);

#endif
