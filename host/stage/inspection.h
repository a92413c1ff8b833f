/* inspection.h -- what an operator sees of an actor beside its state: its schedules, the messages that wait for it, its
 *                 connections.
 *
 * WHY     Who wonders why an actor does something, or does not, must see what acts by itself, and who is there to call. Also
 *         where its state cannot be loaded or there is no such actor yet.
 * ROOM    stage. Below: actor, existence, schedule, mail_record, ledger (view).
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * ALWAYS  It reads records only, and changes none; the actor need not be in memory.
 * LIMITS  INSPECTION_SHOWN schedules, and as many messages, are shown; INSPECTION_COUNTED messages are counted, or as many as
 *         have INSPECTION_BYTES; of the records that were deleted on the way, INSPECTION_STEPS are passed.
 */
#ifndef TROUPE_INSPECTION_H
#define TROUPE_INSPECTION_H

#include "ledger/view.h"
#include "stage/actor.h"

enum {
  INSPECTION_SHOWN = 100, INSPECTION_COUNTED = 1000, INSPECTION_BYTES = 16 * 1024 * 1024, INSPECTION_STEPS = 10000
};

/* Appends the fields as JSON, without braces: "schedules":[...],"schedule_count":n,"messages":{...},"connections":n
 * (lua/README.md, "What an actor is about to do"). What cannot be read is null. If memory runs out, the buffer says so. The
 * actor's id is known, or it does not exist. */
void inspection_put(struct buf *text, const struct view *view, const struct actor *actor, size_t connections);

#endif
