/* verdicts.h -- how epochs ended.
 *
 * WHY     A worker hears of an epoch's end when it gets round to it, and may hold an answer that was made in an older one.
 *         Whether what that answer stands on is durable is a fact, and not a guess: here it is looked up.
 * ROOM    ledger.
 * THREAD  verdicts_put() on one at a time; verdicts_find() from any, at any time, without a lock.
 * OWNS    Its entries.
 * WORDS   The *verdict* of an epoch is the last ticket (committer.h) that was durable when the epoch ended. A smaller ticket of
 *         that epoch is durable, a greater one never will be.
 * LIMITS  VERDICTS_MAX entries. Epochs that end one after the other with the same ticket share one, so that a disk that stays
 *         full fills no more than one.
 */
#ifndef TROUPE_VERDICTS_H
#define TROUPE_VERDICTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { VERDICTS_MAX = 64 };

/* All zero: no epoch has ended. */
struct verdicts {
  struct verdict {
    _Atomic uint64_t first_epoch, last_epoch;
    _Atomic uint64_t ticket;
  } ring[VERDICTS_MAX];
  _Atomic uint64_t count;      /* of entries ever begun; the last VERDICTS_MAX of them are in the ring */
};

/* Notes how an epoch ended. Epochs come in order, from 0 and without a gap; their tickets do not fall. */
void verdicts_put(struct verdicts *verdicts, uint64_t epoch, uint64_t ticket);

/* Looks up how an epoch ended. False if it has not ended, or so long ago that its entry is gone. */
bool verdicts_find(const struct verdicts *verdicts, uint64_t epoch, uint64_t *ticket);

#endif
