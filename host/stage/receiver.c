/* receiver.c -- see receiver.h. */
#include "stage/receiver.h"

#include "base/check.h"
#include "base/mem.h"
#include "ledger/record_key.h"
#include "stage/router.h"

struct slice receiver_class(const struct receiver *receiver) {
  struct slice class_name, key;
  router_read_address(receiver_address(receiver), &class_name, &key);
  return class_name;
}

struct slice receiver_key(const struct receiver *receiver) {
  struct slice class_name, key;
  router_read_address(receiver_address(receiver), &class_name, &key);
  return key;
}

struct receiver *receiver_try_new(struct slice address, struct mail_place next) {
  struct receiver *made = mem_try_zero(sizeof *made + address.size);
  if (made == NULL) return NULL;
  memcpy(made->address, address.data, address.size);
  made->address_size = (uint32_t)address.size;
  made->shard = (uint16_t)router_shard_of(address);
  made->next = next;
  made->more = true;
  made->hashed = true;
  TAILQ_INIT(&made->hand);
  TAILQ_INIT(&made->due);
  return made;
}

void receiver_free(struct receiver *receiver) {
  struct held *held, *next;
  CHECK_THAT(receiver->in_hand, ==, 0);
  HASH_ITER(hh, receiver->held, held, next) receiver_let_go(receiver, held);
  mem_free(receiver);
}

void receiver_rewind(struct receiver *receiver, struct mail_place place) {
  receiver->more = true;
  if (mail_record_compare(place, receiver->next) < 0) receiver->next = place;
}

bool receiver_has_in_hand(const struct receiver *receiver, struct mail_place place) {
  const struct arrival *arrival;
  if (mail_record_compare(place, receiver->behind) >= 0) return false;
  TAILQ_FOREACH(arrival, &receiver->hand, link) {
    if (mail_record_compare(arrival->place, place) == 0) return true;
  }
  return false;
}

/* -- senders that are held back -- */

struct held *receiver_find_held(const struct receiver *receiver, uint64_t sender_id) {
  struct held *found;
  HASH_FIND_BYHASHVALUE(hh, receiver->held, &sender_id, sizeof sender_id, record_id_hash(sender_id), found);
  return found;
}

struct held *receiver_try_hold(struct receiver *receiver, struct mail_place place) {
  struct held *held = receiver_find_held(receiver, place.sender_id);
  if (held == NULL) {
    held = mem_try_zero(sizeof *held);
    if (held == NULL) return NULL;
    held->place = place;
    held->hashed = true;
    HASH_ADD_BYHASHVALUE(hh, receiver->held, place.sender_id, sizeof place.sender_id, record_id_hash(place.sender_id), held);
    if (!held->hashed) {
      mem_free(held);
      return NULL;
    }
  }
  receiver_clear_due(receiver, held);
  held->place = place;
  held->ticket = 0;
  held->in_memory = false;
  return held;
}

void receiver_set_due(struct receiver *receiver, struct held *held) {
  if (held->is_due) return;
  held->is_due = true;
  TAILQ_INSERT_TAIL(&receiver->due, held, link);
}

void receiver_clear_due(struct receiver *receiver, struct held *held) {
  if (!held->is_due) return;
  held->is_due = false;
  TAILQ_REMOVE(&receiver->due, held, link);
}

void receiver_note(struct receiver *receiver, struct mail_place place) {
  struct held *held = receiver_find_held(receiver, place.sender_id);
  receiver_rewind(receiver, place);
  if (held == NULL || mail_record_compare(place, held->place) >= 0) return;
  if (held->has_revived && mail_record_compare(held->revived, place) < 0) return;
  held->has_revived = true;
  held->revived = place;
}

void receiver_let_go(struct receiver *receiver, struct held *held) {
  receiver_clear_due(receiver, held);
  if (held->has_revived) receiver_rewind(receiver, held->revived);
  receiver_rewind(receiver, mail_record_behind(held->place));
  HASH_DEL(receiver->held, held);
  mem_free(held);
}
