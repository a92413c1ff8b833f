/* arrivals.h -- messages that were fetched from the records: from the mailboxes of their receivers until they are applied for
 * good, given up, or put off.
 *
 * WHY     A message is applied once, for good: what it does and its removal are one commit of its receiver. Until then it is a
 *         record (mail_record.h), and neither a crash nor a failed epoch can lose or double it.
 * ROOM    stage. Below: receivers, errand, rig, wakes, sends.
 * THREAD  Its worker's.
 * OWNS    What is known of receivers, the arrivals, words that were not sent yet.
 * STATES  of an arrival: fetched, an errand in its receiver's mailbox
 *         -> done: its removal is committed; once that is durable, its sender's worker gets word
 *         -> failed: rolled back. A commit of the host's own notes the try, the error, and when the next one is; until then its
 *            sender is held back. After RETRY_TRIES it is given up, and the log says so
 *         -> the disk took nothing: its record is as it was, and it begins again after ARRIVALS_PAUSE_MS
 *         -> lost with its epoch: its record is there again, and it is fetched anew
 *         A run that has saved and then fails is given up at once, since a second one would do twice what was saved.
 * LIMITS  ARRIVALS_IN_HAND_MAX of a receiver are in its mailbox at a time. Of a worker, ARRIVALS_MESSAGES_MAX and
 *         ARRIVALS_BYTES_MAX, and one more of each receiver.
 */
#ifndef TROUPE_ARRIVALS_H
#define TROUPE_ARRIVALS_H

#include "stage/receivers.h"
#include "stage/rig.h"
#include "stage/sends.h"
#include "stage/wakes.h"

enum {
  ARRIVALS_IN_HAND_MAX = 100, ARRIVALS_MESSAGES_MAX = 10000, ARRIVALS_BYTES_MAX = 64 * 1024 * 1024, ARRIVALS_PAUSE_MS = 1000
};

struct arrivals_config {
  struct rig *rig;
  struct actors *actors;
  struct wakes *wakes;
  struct sends *sends;
  struct deadlines *deadlines;
  const struct post *post;
  const struct vm_config *vm;          /* the worker's */
  _Atomic uint64_t *next_call_id;      /* the host's */
};

/* Of one worker: `all`. */
struct arrivals {
  struct arrivals_config config;
  struct receivers receivers;
  struct arrival_list applied; /* their commits are under way, in the order of their tickets */
  size_t in_hand, bytes;       /* of all receivers */
  uint64_t first_stamp;        /* of this life of the host */
  struct buf *words;           /* for each worker: word_entries that wait for the end of a step */
};

void arrivals_init(struct arrivals *all, const struct arrivals_config *config);

/* Nothing may be in hand: the actors and performances are gone. */
void arrivals_done(struct arrivals *all);

/* Before the first step, once the committer is known. */
void arrivals_begin(struct arrivals *all);

/* Whether another message of this receiver may be fetched; one of each always may. */
bool arrivals_have_room(const struct arrivals *all, const struct receiver *receiver);

/* Puts a message into its receiver's mailbox. False if memory runs out. */
bool arrivals_try_fetch(struct arrivals *all, struct receiver *receiver, struct mail_place place,
                        const struct mail_record *record);

/* After that time what is held back in memory begins again; `whole`: nothing of this receiver is fetched before. */
void arrivals_pause(struct arrivals *all, struct receiver *receiver, int64_t ms, bool whole);

/* Sends word of what is durable now. Whether there was anything; whether there would be; and whether it waits for more to
 * become durable. */
bool arrivals_settle(struct arrivals *all);
bool arrivals_are_due(const struct arrivals *all);
bool arrivals_want_durable(const struct arrivals *all);

/* When an epoch has ended, and the turns that were lost with it have: what was applied in it is to be applied anew. */
void arrivals_hear_lost(struct arrivals *all);

#endif
