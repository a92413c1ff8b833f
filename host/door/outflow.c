/* outflow.c -- see outflow.h. */
#include "door/outflow.h"

#include <errno.h>
#include <sys/uio.h>

#include "base/mem.h"

enum { PIECES_MAX = 64, CAPACITY_MIN = 4 };

static struct frame **place_of(const struct outflow *outflow, unsigned index) {
  return &outflow->frames[(outflow->first + index) & (outflow->capacity - 1)];
}

void outflow_done(struct outflow *outflow) {
  for (unsigned i = 0; i < outflow->count; i++) frame_free(*place_of(outflow, i));
  mem_free(outflow->frames);
  *outflow = (struct outflow){ 0 };
}

static bool try_grow(struct outflow *outflow) {
  struct outflow grown = *outflow;
  grown.capacity = outflow->capacity == 0 ? CAPACITY_MIN : outflow->capacity * 2;
  grown.first = 0;
  grown.frames = mem_try_alloc(grown.capacity * sizeof *grown.frames);
  if (grown.frames == NULL) return false;
  for (unsigned i = 0; i < outflow->count; i++) grown.frames[i] = *place_of(outflow, i);
  mem_free(outflow->frames);
  *outflow = grown;
  return true;
}

bool outflow_try_put(struct outflow *outflow, struct frame **frame) {
  struct frame *taken = *frame;
  *frame = NULL;
  if (outflow->count == outflow->capacity && !try_grow(outflow)) {
    frame_free(taken);
    return false;
  }
  *place_of(outflow, outflow->count++) = taken;
  outflow->bytes += taken->size;
  return true;
}

void outflow_drop(struct outflow *outflow) {
  while (outflow->count > (outflow->sent > 0 ? 1 : 0)) {
    struct frame *last = *place_of(outflow, --outflow->count);
    outflow->bytes -= last->size;
    frame_free(last);
  }
  if (outflow->count == 0) outflow_done(outflow);
}

static int gather(const struct outflow *outflow, struct iovec pieces[PIECES_MAX]) {
  int count = 0;
  size_t skipped = outflow->sent;
  while (count < PIECES_MAX && (unsigned)count < outflow->count) {
    struct frame *frame = *place_of(outflow, (unsigned)count);
    pieces[count++] = (struct iovec){ frame->bytes + skipped, frame->size - skipped };
    skipped = 0;
  }
  return count;
}

/* So many bytes have left. */
static void pass(struct outflow *outflow, size_t size) {
  outflow->bytes -= size;
  outflow->sent += size;
  while (outflow->count > 0 && outflow->sent >= (*place_of(outflow, 0))->size) {
    struct frame *frame = *place_of(outflow, 0);
    outflow->sent -= frame->size;
    outflow->first = (outflow->first + 1) & (outflow->capacity - 1);
    outflow->count--;
    frame_free(frame);
  }
}

bool outflow_write(struct outflow *outflow, int fd) {
  while (outflow->count > 0) {
    struct iovec pieces[PIECES_MAX];
    ssize_t written = writev(fd, pieces, gather(outflow, pieces));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno == EAGAIN;
    pass(outflow, (size_t)written);
  }
  outflow_done(outflow);
  return true;
}
