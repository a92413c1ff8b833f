/* mailbox.c -- see mailbox.h. Requests are linked by their queue item. */
#include "stage/mailbox.h"

struct request *mailbox_next(const struct request *request) {
  return request->letter.item.next == NULL ? NULL : request_of(request->letter.item.next);
}

bool mailbox_try_put(struct mailbox *mailbox, struct request **request, size_t count_max) {
  if ((*request)->errand == NULL && mailbox->count - mailbox->errands >= count_max) return false;
  struct request *put = *request;
  *request = NULL;
  put->letter.item.next = NULL;
  if (mailbox->last == NULL) {
    mailbox->first = put;
  } else {
    mailbox->last->letter.item.next = &put->letter.item;
  }
  mailbox->last = put;
  mailbox->count++;
  mailbox->errands += put->errand != NULL;
  return true;
}

struct request *mailbox_take(struct mailbox *mailbox) {
  struct request *taken = mailbox->first;
  if (taken == NULL) return NULL;
  mailbox->first = mailbox_next(taken);
  if (mailbox->first == NULL) mailbox->last = NULL;
  mailbox->count--;
  mailbox->errands -= taken->errand != NULL;
  taken->letter.item.next = NULL;
  return taken;
}

struct request *mailbox_find(const struct mailbox *mailbox, uint64_t call_id) {
  for (struct request *at = mailbox->first; at != NULL; at = mailbox_next(at)) {
    if (at->reply->call_id == call_id) return at;
  }
  return NULL;
}

void mailbox_take_out(struct mailbox *mailbox, struct request *request) {
  struct request *before = NULL, *at = mailbox->first;
  for (; at != request; at = mailbox_next(at)) before = at;
  if (before == NULL) {
    mailbox->first = mailbox_next(at);
  } else {
    before->letter.item.next = at->letter.item.next;
  }
  if (mailbox->last == at) mailbox->last = before;
  mailbox->count--;
  mailbox->errands -= at->errand != NULL;
  at->letter.item.next = NULL;
}
