/* parcel.h -- messages of one commit on their way to one worker.
 *
 * WHY     A message stands among the records of its receiver, which belong to the receiver's worker: two workers that wrote
 *         one key would have a checkpoint write both, in the order in which they answer it. So the sender's commit makes it
 *         durable, and the receiver's worker takes it into its table.
 * ROOM    stage. Below: post, records, mail_record, script (outbox).
 * THREAD  Its sender's worker's, until it goes with a commit; then that of committer_step(); then its receiver's.
 * OWNS    Its records. It belongs to the commit whose effect it is, then to the worker in whose inbox it lies.
 * STATES  packed -> with its commit -> durable: a letter for the receiver's worker -> taken in (mail_take())
 *                                   -> failed with its epoch: a letter back to the sender's worker, without records
 *                                   -> dropped, as the host ends
 * ALWAYS  1. It leaves when its commit is synced, also where other effects leave before (commit.sync).
 *         2. Its letter is sent before the committer tells of the batch (committer.h, ALWAYS 4). So a worker that reads how far
 *            the log is durable, and then takes all its letters, has all messages of the log up to there.
 *         3. It counts as under way (records_under_way()) until it has left.
 */
#ifndef TROUPE_PARCEL_H
#define TROUPE_PARCEL_H

#include "ledger/committer.h"
#include "ledger/memtable.h"
#include "stage/post.h"

struct parcel {
  struct effect effect;
  struct letter letter;
  const struct post *post;
  unsigned from, to;           /* workers */
  struct memtable *records;    /* for the receiver's worker; NULL: it has failed */
  uint64_t sender_id;
  size_t count;                /* of its messages */
  size_t bytes;
  _Atomic size_t *under_way;
};

/* An empty one; NULL if memory runs out. */
struct parcel *parcel_try_new(const struct post *post, unsigned from, unsigned to, uint64_t sender_id,
                              _Atomic size_t *under_way);
void parcel_free(struct parcel *parcel);

/* From now on it is under way, with a commit. */
void parcel_leave(struct parcel *parcel);

static inline struct parcel *parcel_of(struct letter *letter) {
  return (struct parcel *)(void *)((uint8_t *)letter - offsetof(struct parcel, letter));
}

static inline struct parcel *parcel_of_effect(struct effect *effect) {
  return (struct parcel *)(void *)((uint8_t *)effect - offsetof(struct parcel, effect));
}

#endif
