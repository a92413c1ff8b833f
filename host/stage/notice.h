/* notice.h -- what connections of one door are told: an event, or that they end.
 *
 * WHY     Events of a call leave when it is durable, as its answer does. So each is an effect of the call's commit.
 * ROOM    stage. Below: outlet, ledger (it is an effect).
 * THREAD  Its worker's, until it goes with a commit; then that of committer_step(); then its outlet's.
 * OWNS    Its bytes. It belongs to the commit whose effect it is, then to its outlet, which frees it.
 * STATES  made -> with its commit -> durable: posted to its outlet
 *                                 -> failed with its epoch, or dropped as the host ends: freed
 */
#ifndef TROUPE_NOTICE_H
#define TROUPE_NOTICE_H

#include "ledger/committer.h"
#include "stage/outlet.h"

enum notice_kind {
  NOTICE_BROADCAST,    /* to the connections of an actor that have subscribed to the event */
  NOTICE_SEND,         /* to one connection */
  NOTICE_CLOSE         /* one connection ends: with `code` and the text as its reason */
};

enum {
  NOTICE_DISCONNECTED = 4000,      /* codes of a close (RFC 6455 section 7.4.2): connection:disconnect(reason) */
  NOTICE_DESTROYED = 4001          /* its actor was destroyed */
};

struct notice {
  struct outlet_item outlet_item;
  struct effect effect;
  struct outlet *outlet;
  enum notice_kind kind;
  uint64_t actor_id;               /* of a broadcast */
  uint64_t connection_id;          /* of the others */
  unsigned code;                   /* of a close */
  struct slice name;               /* of a broadcast: the event's */
  struct slice text;               /* what is sent, JSON; of a close: the reason, text */
  _Atomic size_t *under_way;       /* where its bytes count while it goes with a commit; else NULL */
};

/* A notice with copies of both slices, as an effect; NULL if memory runs out. */
struct notice *notice_try_new(struct outlet *outlet, const struct notice *like);
void notice_free(struct notice *notice);

/* From now on its bytes count as under way (records_under_way()), until it is posted or freed. */
void notice_leave(struct notice *notice, _Atomic size_t *under_way);

static inline struct notice *notice_of(struct outlet_item *item) {
  return (struct notice *)(void *)((uint8_t *)item - offsetof(struct notice, outlet_item));
}

static inline struct notice *notice_of_effect(struct effect *effect) {
  return (struct notice *)(void *)((uint8_t *)effect - offsetof(struct notice, effect));
}

#endif
