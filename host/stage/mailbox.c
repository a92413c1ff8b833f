/* mailbox.c -- see mailbox.h. Requests are linked by their queue item. */
#include "stage/mailbox.h"

bool mailbox_try_put(struct mailbox *mailbox, struct request **request, size_t count_max) {
  if (mailbox->count >= count_max) return false;
  struct request *put = *request;
  *request = NULL;
  put->item.next = NULL;
  if (mailbox->last == NULL) {
    mailbox->first = put;
  } else {
    mailbox->last->item.next = &put->item;
  }
  mailbox->last = put;
  mailbox->count++;
  return true;
}

struct request *mailbox_take(struct mailbox *mailbox) {
  struct request *taken = mailbox->first;
  if (taken == NULL) return NULL;
  mailbox->first = taken->item.next == NULL ? NULL : request_of(taken->item.next);
  if (mailbox->first == NULL) mailbox->last = NULL;
  mailbox->count--;
  taken->item.next = NULL;
  return taken;
}
