/* receivers.c -- see receivers.h. */
#include "stage/receivers.h"

enum { REFILL_AT = 50 };       /* so few in hand, and more are fetched */

/* -- the table -- */

void receivers_init(struct receivers *receivers, struct deadlines *deadlines) {
  *receivers = (struct receivers){ .deadlines = deadlines, .hash_key = siphash_key_new() };
  TAILQ_INIT(&receivers->line);
  TAILQ_INIT(&receivers->hungry);
}

size_t receivers_count(const struct receivers *receivers) {
  return HASH_COUNT(receivers->by_address);
}

struct receiver *receivers_find(const struct receivers *receivers, struct slice address) {
  struct receiver *found;
  unsigned hash = (unsigned)siphash(&receivers->hash_key, address);
  HASH_FIND_BYHASHVALUE(hh, receivers->by_address, address.data, address.size, hash, found);
  return found;
}

struct receiver *receivers_try_add(struct receivers *receivers, struct slice address, struct mail_place next) {
  unsigned hash = (unsigned)siphash(&receivers->hash_key, address);
  struct receiver *made = receiver_try_new(address, next);
  if (made == NULL) return NULL;
  HASH_ADD_KEYPTR_BYHASHVALUE(hh, receivers->by_address, made->address, made->address_size, hash, made);
  if (made->hashed) return made;
  receiver_free(made);
  return NULL;
}

static void remove_receiver(struct receivers *receivers, struct receiver *receiver) {
  deadlines_clear(receivers->deadlines, &receiver->again);
  receivers_step_aside(receivers, receiver, false);
  HASH_DEL(receivers->by_address, receiver);
  receiver_free(receiver);
}

void receivers_done(struct receivers *receivers) {
  struct receiver *receiver, *next;
  HASH_ITER(hh, receivers->by_address, receiver, next) {
    remove_receiver(receivers, receiver);
  }
}

void receivers_tidy(struct receivers *receivers, struct receiver *receiver) {
  bool has_any = receiver->more || receiver->in_hand > 0 || receiver->unsettled > 0 || receiver->held != NULL ||
                 receiver->again.is_set;
  if (!has_any) remove_receiver(receivers, receiver);
}

/* -- the line -- */

void receivers_step_aside(struct receivers *receivers, struct receiver *receiver, bool hungry) {
  if (receiver->is_in_line) TAILQ_REMOVE(&receivers->line, receiver, link);
  if (receiver->is_hungry) TAILQ_REMOVE(&receivers->hungry, receiver, link);
  receiver->is_in_line = false;
  receiver->is_hungry = hungry;
  if (hungry) TAILQ_INSERT_TAIL(&receivers->hungry, receiver, link);
}

void receivers_line_up(struct receivers *receivers, struct receiver *receiver) {
  bool wants = (receiver->more && receiver->in_hand <= REFILL_AT) || !TAILQ_EMPTY(&receiver->due);
  if (!wants || receiver->paused || receiver->is_in_line) return;
  receivers_step_aside(receivers, receiver, false);
  receiver->is_in_line = true;
  TAILQ_INSERT_TAIL(&receivers->line, receiver, link);
}

void receivers_feed(struct receivers *receivers) {
  struct receiver *receiver, *next;
  TAILQ_FOREACH_SAFE(receiver, &receivers->hungry, link, next) {
    receivers_step_aside(receivers, receiver, false);
    receivers_line_up(receivers, receiver);
  }
}
