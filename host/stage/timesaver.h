/* timesaver.h -- saves the host's clocks, so that the next start goes on where they stand.
 *
 * WHY     Lived time and how far host time is ahead (base/timekeeper.h) are nowhere else. One worker writes their record, as
 *         each key is written by one worker only; whoever notices that the wall clock was set wakes it.
 * ROOM    stage. Below: rig, post, ledger (clock_record).
 * THREAD  Its worker's.
 * OWNS    Nothing.
 * ALWAYS  1. The first worker writes the record, and no other.
 *         2. A record that was lost with its epoch is written again.
 * LIMITS  TIMESAVER_PAUSE_MS between two tries.
 */
#ifndef TROUPE_TIMESAVER_H
#define TROUPE_TIMESAVER_H

#include "base/timekeeper.h"
#include "stage/post.h"
#include "stage/rig.h"

enum { TIMESAVER_PAUSE_MS = 1000 };

struct timesaver {
  struct timekeeper *timekeeper;       /* the host's */
  const struct post *post;
  struct rig *rig;                     /* of the first worker; NULL: this is another */
  uint64_t ticket;                     /* of the last record that was sent */
  int64_t next_ns;                     /* when it may try next, by the host's clock */
  bool ended;
};

void timesaver_init(struct timesaver *saver, struct timekeeper *timekeeper, const struct post *post, struct rig *rig);

/* Sends the record if it is time to. Whether it did. */
bool timesaver_step(struct timesaver *saver, int64_t now_ns);

/* The epoch has ended with this verdict. */
void timesaver_fail(struct timesaver *saver, uint64_t verdict, int64_t now_ns);

/* Sends the record for the last time, before the host ends in good order: only the first call does anything. Whether it did. */
bool timesaver_end(struct timesaver *saver);

/* When it will have something to do next, unless the wall clock is set; INT64_MAX: never. */
int64_t timesaver_due_ns(const struct timesaver *saver, int64_t now_ns);

#endif
