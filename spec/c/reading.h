/* reading.h -- what the door's reader of frames makes of bytes, put down as one text: for the tests that send it some.
 *
 * The bytes come as they do to a channel: those that were not taken come again, with more behind them, and each time in a block
 * of their own size, so that a sanitizer sees a read beyond it. */
#ifndef TROUPE_SPEC_READING_H
#define TROUPE_SPEC_READING_H

#include "base/buf.h"
#include "door/inflow.h"

/* One connection. */
struct reading {
  struct inflows *inflows;
  struct inflow *inflow;
  struct buf early;            /* not taken yet */
  struct buf told;             /* `T` of a text, `A` of an answer, each with its size and its bytes; `O`: it is over */
  bool is_over;
};

static inline void reading_note(struct reading *reading, uint8_t what, struct slice bytes) {
  buf_put_byte(&reading->told, what);
  buf_put_u32(&reading->told, (uint32_t)bytes.size);
  buf_put(&reading->told, bytes);
}

static inline void reading_note_step(struct reading *reading, struct inflow_step *step) {
  if (step->text.data != NULL) reading_note(reading, 'T', step->text);
  if (step->answer != NULL) reading_note(reading, 'A', slice_of(step->answer->bytes, step->answer->size));
  if (step->is_over) buf_put_byte(&reading->told, 'O');
  frame_free(step->answer);
  reading->is_over = step->is_over;
}

/* More bytes of the connection. Those behind its end are not looked at. */
static inline void reading_put(struct reading *reading, struct slice bytes) {
  buf_put(&reading->early, bytes);
  while (!reading->is_over && reading->early.size > 0) {
    struct inflow_step step;
    size_t size = reading->early.size;
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, reading->early.data, size);
    inflow_read(reading->inflows, &reading->inflow, slice_of(copy, size), &step);
    assert_in_range(step.taken, 0, size);
    assert_false(step.is_over && reading->inflow != NULL);
    reading_note_step(reading, &step);
    free(copy);
    memmove(reading->early.data, reading->early.data + step.taken, size - step.taken);
    reading->early.size -= step.taken;
    if (step.taken == 0) return;
  }
}

static inline void reading_done(struct reading *reading) {
  inflow_free(reading->inflow);
  buf_done(&reading->early);
  buf_done(&reading->told);
}

/* The text or answer at the front of what was told; false if the next is something else. */
static inline bool reading_take(struct slice *told, uint8_t what, struct slice *bytes) {
  if (told->size < 5 || told->data[0] != what) return false;
  *bytes = slice_of(told->data + 5, read_u32(told->data + 1));
  *told = slice_after(*told, 5 + bytes->size);
  return true;
}

#endif
