/* failure.c -- what went wrong, kept until somebody hears it. */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/utf8.h"

void failure_init(struct failure *failure) {
  *failure = (struct failure){ 0 };
}

void failure_done(struct failure *failure) {
  buf_done(&failure->message);
  buf_done(&failure->code);
  buf_done(&failure->metadata);
  failure->err = ERR_NONE;
  failure->hops = 0;
}

void failure_clear(struct failure *failure) {
  failure->err = ERR_NONE;
  failure->hops = 0;
  buf_clear(&failure->message);
  buf_clear(&failure->code);
  buf_clear(&failure->metadata);
}

enum err failure_set(struct failure *failure, enum err err, const char *format, ...) {
  if (failure->err != ERR_NONE) return failure->err;
  char text[FAILURE_MESSAGE_MAX + 5];   /* enough that failure_set_text() sees whether it must cut, and where */
  va_list args;
  va_start(args, format);
  int printed = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (printed < 0) text[0] = 0;
  return failure_set_text(failure, err, slice_text(text));
}

enum err failure_set_text(struct failure *failure, enum err err, struct slice message) {
  static const char mark[] = "...";
  CHECK(err != ERR_NONE);
  if (failure->err != ERR_NONE) return failure->err;
  failure->err = err;
  bool is_cut = message.size > FAILURE_MESSAGE_MAX;
  if (is_cut) message.size = utf8_cut(message, FAILURE_MESSAGE_MAX - (sizeof mark - 1));
  buf_clear(&failure->message);
  buf_put(&failure->message, message);
  if (is_cut) buf_put_text(&failure->message, mark);
  /* Where memory is wanting for the words, the kind of the failure must do. */
  if (failure->message.err != ERR_NONE) buf_clear(&failure->message);
  return err;
}

struct slice failure_code(const struct failure *failure) {
  if (failure->err == ERR_USER && failure->code.size > 0) return buf_slice(&failure->code);
  return slice_text(err_code(failure->err));
}

void failure_move(struct failure *to, struct failure *from) {
  if (to == from) return;
  to->err = from->err;
  from->err = ERR_NONE;
  to->hops = from->hops;
  from->hops = 0;
  buf_move(&to->message, &from->message);
  buf_move(&to->code, &from->code);
  buf_move(&to->metadata, &from->metadata);
}
