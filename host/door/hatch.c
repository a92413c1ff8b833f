/* hatch.c -- see hatch.h. */
#include "door/hatch.h"

#include "base/check.h"

enum { LETTERS_A_RING = 16 };    /* how many go to the workers together */

/* -- from the host, on any of its threads -- */

static void post(struct outlet *outlet, struct outlet_item *item) {
  struct hatch *hatch = H2O_STRUCT_FROM_MEMBER(struct hatch, outlet, (void *)outlet);
  queue_post(hatch->arrived, &item->item);
  atomic_store(&hatch->has_arrived, true);
}

void hatch_ring(struct hatch *hatch) {
  if (!atomic_exchange(&hatch->has_arrived, false) || atomic_exchange(&hatch->is_rung, true)) return;
  h2o_multithread_send_message(&hatch->receiver, &hatch->bell);
}

/* -- on the server's thread -- */

static void meet(struct hatch *hatch, struct claim *claim) {
  h2o_linklist_unlink(&claim->link);
  atomic_fetch_sub(&hatch->count, 1);
  claim->meet(claim);
}

static void take(struct hatch *hatch, struct outlet_item *item) {
  if (item->kind == OUTLET_REPLY) {
    meet(hatch, claim_of(item));
  } else {
    struct notice *notice = notice_of(item);
    hatch->tell(hatch->context, notice);
    notice_free(notice);
  }
}

static struct outlet_item *outlet_item_of(struct queue_item *item) {
  return H2O_STRUCT_FROM_MEMBER(struct outlet_item, item, (void *)item);
}

static void take_all(struct hatch *hatch) {
  for (struct queue_item *item = queue_take(hatch->arrived), *next; item != NULL; item = next) {
    next = item->next;
    take(hatch, outlet_item_of(item));
  }
}

static void on_bell(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
  struct hatch *hatch = H2O_STRUCT_FROM_MEMBER(struct hatch, receiver, receiver);
  while (!h2o_linklist_is_empty(messages)) h2o_linklist_unlink(messages->next);
  /* Before anything is taken: a thread that found the bell rung had posted before, so nothing is missed. */
  atomic_store(&hatch->is_rung, false);
  take_all(hatch);
}

void hatch_open(struct hatch *hatch, struct host *host, void (*tell)(void *context, const struct notice *notice),
                void *context) {
  *hatch = (struct hatch){ .outlet.post = post, .host = host, .arrived = queue_new(), .tell = tell, .context = context };
  h2o_linklist_init_anchor(&hatch->under_way);
}

void hatch_close(struct hatch *hatch) {
  CHECK_THAT(atomic_load(&hatch->count), ==, 0);
  for (struct queue_item *item = queue_take(hatch->arrived), *next; item != NULL; item = next) {
    next = item->next;
    notice_free(notice_of(outlet_item_of(item)));
  }
  queue_free(hatch->arrived);
}

void hatch_attach(struct hatch *hatch, h2o_multithread_queue_t *queue) {
  h2o_multithread_register_receiver(queue, &hatch->receiver, on_bell);
}

void hatch_detach(struct hatch *hatch, h2o_multithread_queue_t *queue) {
  CHECK_THAT(atomic_load(&hatch->count), ==, 0);
  h2o_multithread_unregister_receiver(queue, &hatch->receiver);
}

void hatch_abandon(struct hatch *hatch) {
  take_all(hatch);
  while (!h2o_linklist_is_empty(&hatch->under_way)) {
    struct claim *claim = H2O_STRUCT_FROM_MEMBER(struct claim, link, (void *)hatch->under_way.next);
    buf_clear(&claim->reply.body);
    failure_clear(&claim->reply.failure);
    failure_set(&claim->reply.failure, ERR_OVERLOADED, "the host ended before the call did");
    meet(hatch, claim);
  }
}

static void count_letter(struct hatch *hatch) {
  if (++hatch->submitted >= LETTERS_A_RING) hatch_submit(hatch);
}

void hatch_begin(struct hatch *hatch, struct claim *claim, struct request **request) {
  h2o_linklist_insert(&hatch->under_way, &claim->link);
  atomic_fetch_add(&hatch->count, 1);
  host_submit(hatch->host, request);
  count_letter(hatch);
}

void hatch_part(struct hatch *hatch, struct parting **parting) {
  host_part(hatch->host, parting);
  count_letter(hatch);
}

void hatch_submit(struct hatch *hatch) {
  if (hatch->submitted > 0) host_ring(hatch->host);
  hatch->submitted = 0;
}
