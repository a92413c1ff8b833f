/* mail_record.h -- a message as it stands in the records.
 *
 * WHY     The sender's commit puts a message among the records of the receiver's shard, and the receiver's commit takes it
 *         away. In between it is one record and nothing else, so nothing can lose or double it.
 * ROOM    stage. Below: router, codec, ledger.
 * THREAD  Any.
 * OWNS    Nothing.
 * WORDS   A *stamp* orders what one actor has sent, without a clock, over all starts of a host.
 * BYTES   Of the receiver's shard, in the space `q`: ((address), stamp, sender's id) -> the message, an array of its fields as
 *         they stand in the struct below, from `method` to `error`. In the space `f`, once it is given up: ("message", stamp,
 *         sender's id) -> the same with two more fields, class and key of the receiver.
 *         Of a stamp: bits 0 to 23 count; above them stands the number of a batch of the log; bits 56 to 62 are for the epoch
 *         of the sender's shard, where shards move from host to host. In one host the epoch is 0, and batches beyond 2^32 go
 *         on into its bits.
 * ALWAYS  1. A message is in `q` or in `f`, not in both.
 *         2. Of two messages of one sender the one that was sent later has the greater stamp.
 */
#ifndef TROUPE_MAIL_RECORD_H
#define TROUPE_MAIL_RECORD_H

#include "base/buf.h"

enum { STAMP_BATCH_SHIFT = 24 };

/* Where a message of one receiver is: messages are in the order of their places. */
struct mail_place {
  uint64_t stamp, sender_id;
};

struct mail_record {
  struct slice method;
  struct slice args;                       /* a value, an array */
  struct slice input, idempotency_key;     /* as in script/outbox.h */
  bool create;
  bool revived;                            /* it was given up once, and begins anew: it counts for its sender no more */
  struct slice sender_class, sender_key;   /* the key is encoded */
  unsigned tries;                          /* that failed */
  int64_t due_ms;                          /* host time of the next one; 0: at once */
  struct slice error;                      /* of the last one; or empty */
  struct slice class_name, key;            /* of a receiver, if it is given up */
};

/* Whether `a` is before `b`: < 0, or the same: 0. */
static inline int mail_record_compare(struct mail_place a, struct mail_place b) {
  if (a.stamp != b.stamp) return a.stamp < b.stamp ? -1 : 1;
  return a.sender_id == b.sender_id ? 0 : a.sender_id < b.sender_id ? -1 : 1;
}

/* The next place behind it that there can be. */
static inline struct mail_place mail_record_behind(struct mail_place place) {
  return (struct mail_place){ place.stamp, place.sender_id + 1 };
}

/* Appends the key of a message for the actor of this address (router.h); or what is before all keys of its messages, and
 * behind them. */
void mail_record_put_key(struct buf *key, unsigned shard, struct slice address, struct mail_place place);
void mail_record_put_begin(struct buf *key, unsigned shard, struct slice address);
void mail_record_put_end(struct buf *key, unsigned shard, struct slice address);

/* Takes such a key apart; false if it is none. The address is a slice of it. */
bool mail_record_read_key(struct slice key, struct slice *address, struct mail_place *place);

/* The same of a message that is given up. */
void mail_record_put_failed_key(struct buf *key, unsigned shard, struct mail_place place);
bool mail_record_read_failed_key(struct slice key, struct mail_place *place);

/* Appends the value of a record; false, if bytes are none. The slices lie in `value`. */
void mail_record_write(struct buf *value, const struct mail_record *record, bool is_failed);
bool mail_record_read(struct slice value, bool is_failed, struct mail_record *record);

#endif
