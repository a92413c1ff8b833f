/* outgoing.c -- see outgoing.h. */
#include "script/outgoing.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/key.h"

enum { ADDRESS_SHOWN_MAX = 128 };     /* so that there is room for the message itself behind long keys */

struct outgoing *outgoing_try_new(void) {
  struct outgoing *outgoing = mem_try_zero(sizeof *outgoing);
  if (outgoing != NULL) outgoing->create = true;
  return outgoing;
}

void outgoing_free(struct outgoing *outgoing) {
  if (outgoing == NULL) return;
  struct buf *bufs[] = { &outgoing->class_name, &outgoing->key,   &outgoing->method,
                         &outgoing->args,       &outgoing->input, &outgoing->idempotency_key, &outgoing->result };
  for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) buf_done(bufs[i]);
  failure_done(&outgoing->failure);
  mem_free(outgoing);
}

void outgoing_name_failure(struct outgoing *outgoing) {
  struct failure *failure = &outgoing->failure;
  struct buf text = { 0 };
  if (failure->hops >= FAILURE_HOPS_NAMED) return;
  key_print_address(&text, buf_slice(&outgoing->class_name), buf_slice(&outgoing->key));
  if (text.err == ERR_NONE && text.size > ADDRESS_SHOWN_MAX) {
    text.size = utf8_cut(buf_slice(&text), ADDRESS_SHOWN_MAX);
    buf_put_text(&text, "...");
  }
  buf_put_byte(&text, '.');
  buf_put(&text, buf_slice(&outgoing->method));
  buf_put_text(&text, ": ");
  buf_put(&text, buf_slice(&failure->message));
  if (text.err == ERR_NONE) {
    enum err err = failure->err;
    failure->err = ERR_NONE;
    failure_set_text(failure, err, buf_slice(&text));
    failure->hops++;
  }
  buf_done(&text);
}
