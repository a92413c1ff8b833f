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

/* Copies bytes to `*place`, moves that behind them, and returns where they are now. */
static struct slice take_in(uint8_t **place, struct slice bytes) {
  struct slice copy = slice_of(*place, bytes.size);
  if (bytes.size > 0) memcpy(*place, bytes.data, bytes.size);
  *place += bytes.size;
  return copy;
}

bool outbox_try_put(struct outbox *outbox, const struct message *message) {
  struct message *put = mem_try_alloc(sizeof *put + content_size(message));
  if (put == NULL) return false;
  uint8_t *place = (uint8_t *)(put + 1);
  *put = (struct message){
    .class_name = take_in(&place, message->class_name), .key = take_in(&place, message->key),
    .method = take_in(&place, message->method), .args = take_in(&place, message->args),
    .input = take_in(&place, message->input), .idempotency_key = take_in(&place, message->idempotency_key),
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
