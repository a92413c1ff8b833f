/* receiver.h -- an actor for which messages are in the records.
 *
 * WHY     Messages wait on the disk, and few of them in mailboxes. What is known of each receiver says which one is fetched
 *         next: each is taken once, those of one sender in their order, and nobody looks twice at what was taken away.
 * ROOM    stage. Below: errand, deadlines, mail_record.
 * THREAD  Its worker's.
 * OWNS    What it knows of senders. Arrivals belong to arrivals.c.
 * WORDS   An *arrival* is a message that was fetched from the records. It is *in hand* until its turn is over. A sender is
 *         *held back* while one of its messages for this receiver waits for another try: its later ones are not fetched.
 * ALWAYS  A message before `next` is in hand, or its sender is held back, or it is gone as far as the commits of the receiver
 *         hold.
 */
#ifndef TROUPE_RECEIVER_H
#define TROUPE_RECEIVER_H

#include <bsd/sys/queue.h>

#include "base/hash.h"
#include "stage/deadlines.h"
#include "stage/errand.h"
#include "stage/mail_record.h"

struct arrivals;
struct receiver;

struct arrival {
  struct errand errand;
  struct arrivals *all;
  struct receiver *receiver;
  TAILQ_ENTRY(arrival) link;   /* in hand; then among those that are settled when their commits are durable */
  struct mail_place place;
  struct request *request;     /* while it waits in the mailbox; else NULL */
  int64_t due_ms;              /* its entry among the wake-ups; 0: none */
  size_t bytes;                /* that it holds while it is in hand */
  uint64_t ticket;             /* of the commit that takes its record away */
  unsigned tries;              /* that failed */
  bool creates;                /* whether it may create its receiver */
  bool counts;                 /* for its sender (sends.h) */
  struct buf sender;           /* class and key */
  struct slice sender_class, sender_key;
};

TAILQ_HEAD(arrival_list, arrival);

/* A sender that is held back. */
struct held {
  UT_hash_handle hh;           /* by the sender's id, in `place` */
  TAILQ_ENTRY(held) link;      /* among those that are due, if it is */
  struct mail_place place;     /* of its message that waits for another try, or is having it */
  uint64_t ticket;             /* of the commit that says so; 0: it is durable, or nothing does */
  bool in_memory;              /* it begins again when the receiver's pause is over, and not by a wake-up */
  struct mail_place revived;   /* the first of its earlier messages that was given up and begins anew meanwhile, if any has */
  bool has_revived;
  bool is_due, hashed;
};

TAILQ_HEAD(held_list, held);

struct receiver {
  UT_hash_handle hh;           /* by its address */
  TAILQ_ENTRY(receiver) link;  /* in line, or among those for which there is no room */
  bool is_in_line, is_hungry;
  bool more;                   /* there may be messages from `next` on */
  bool paused;                 /* until `again` */
  bool hashed;
  bool has_lost;               /* something of it was lost with an epoch (arrivals_hear_lost()) */
  uint16_t shard;
  struct mail_place next;
  struct mail_place behind;    /* behind all that were ever fetched */
  struct arrival_list hand;
  size_t in_hand;
  size_t unsettled;            /* arrivals whose commits are not durable yet */
  struct held *held;
  struct held_list due;
  struct deadline again;
  uint32_t address_size;
  uint8_t address[];           /* router.h */
};

static inline struct slice receiver_address(const struct receiver *receiver) {
  return slice_of(receiver->address, receiver->address_size);
}

struct slice receiver_class(const struct receiver *receiver);
struct slice receiver_key(const struct receiver *receiver);

/* One of which nothing was fetched from `next` on; NULL if memory runs out. It stands in no table and no line. */
struct receiver *receiver_try_new(struct slice address, struct mail_place next);
void receiver_free(struct receiver *receiver);

/* There is, or may be, a message at this place that was not fetched. */
void receiver_rewind(struct receiver *receiver, struct mail_place place);

/* Whether the message at this place is in hand. */
bool receiver_has_in_hand(const struct receiver *receiver, struct mail_place place);

/* What holds a sender back, or NULL. */
struct held *receiver_find_held(const struct receiver *receiver, uint64_t sender_id);

/* Holds a sender back from this place on, or notes another place. NULL if memory runs out. */
struct held *receiver_try_hold(struct receiver *receiver, struct mail_place place);

/* Its message may be tried again. */
void receiver_set_due(struct receiver *receiver, struct held *held);
void receiver_clear_due(struct receiver *receiver, struct held *held);

/* A message is at this place. If its sender is held back by a later one, since it had been given up, it waits for that one. */
void receiver_note(struct receiver *receiver, struct mail_place place);

/* Lets the sender go on behind that place, or where one of its messages began anew. */
void receiver_let_go(struct receiver *receiver, struct held *held);

#endif
