/* outbox.c -- see outbox.h. Each message is one block, with its bytes behind it. */
#include "script/outbox.h"

#include "base/mem.h"

enum { RECORD_BYTES = 64 };      /* what a record has beside what is sent: its head, stamp, sender id */

struct outbox *outbox_try_new(void) {
  return mem_try_zero(sizeof(struct outbox));
}

void outbox_free(struct outbox *outbox) {
  if (outbox == NULL) return;
  for (struct message *message = outbox->first, *next; message != NULL; message = next) {
    next = message->next;
    mem_free(message);
  }
  mem_free(outbox);
}

static size_t content_size(const struct message *message) {
  return message->class_name.size + message->key.size + message->method.size + message->args.size + message->input.size +
         message->idempotency_key.size;
}

size_t outbox_bytes_of(const struct message *message) {
  return RECORD_BYTES + content_size(message);
}

bool outbox_try_put(struct outbox *outbox, const struct message *message) {
  struct message *put = mem_try_alloc(sizeof *put + content_size(message));
  if (put == NULL) return false;
  uint8_t *place = (uint8_t *)(put + 1);
  *put = (struct message){
    .class_name = slice_copy(message->class_name, &place), .key = slice_copy(message->key, &place),
    .method = slice_copy(message->method, &place), .args = slice_copy(message->args, &place),
    .input = slice_copy(message->input, &place), .idempotency_key = slice_copy(message->idempotency_key, &place),
    .create = message->create,
  };
  if (outbox->last == NULL) {
    outbox->first = put;
  } else {
    outbox->last->next = put;
  }
  outbox->last = put;
  outbox->count++;
  outbox->bytes += outbox_bytes_of(put);
  return true;
}
