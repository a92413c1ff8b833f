/* frame.c -- see frame.h. */
#include "door/frame.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

/* In the head: the last frame of its message; masked; and the sizes behind which another number says the size. */
enum {
  FIN = 0x80, MASKED = 0x80, SIZE_BITS = 0x7f, SIZE_IN_TWO = 126, SIZE_IN_EIGHT = 127, MASK_BYTES = 4, HEAD_BYTES_MAX = 10
};

static size_t write_head(uint8_t *head, enum frame_opcode opcode, size_t size) {
  head[0] = (uint8_t)(FIN | opcode);
  if (size < SIZE_IN_TWO) {
    head[1] = (uint8_t)size;
    return 2;
  }
  if (size <= UINT16_MAX) {
    head[1] = SIZE_IN_TWO;
    head[2] = (uint8_t)(size >> 8);
    head[3] = (uint8_t)size;
    return 4;
  }
  head[1] = SIZE_IN_EIGHT;
  write_u64(head + 2, size);
  return 10;
}

static struct frame *try_alloc(size_t size) {
  struct frame *made = mem_try_alloc(sizeof *made + size);
  if (made == NULL) return NULL;
  made->shares = 1;
  made->size = size;
  return made;
}

struct frame *frame_try_new(enum frame_opcode opcode, const struct slice *pieces, size_t count) {
  uint8_t head[HEAD_BYTES_MAX];
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += pieces[i].size;
  size_t at = write_head(head, opcode, size);
  struct frame *made = try_alloc(at + size);
  if (made == NULL) return NULL;
  memcpy(made->bytes, head, at);
  for (size_t i = 0; i < count; i++) {
    if (pieces[i].size > 0) memcpy(made->bytes + at, pieces[i].data, pieces[i].size);
    at += pieces[i].size;
  }
  return made;
}

struct frame *frame_try_close(unsigned code, struct slice reason) {
  const uint8_t number[] = { (uint8_t)(code >> 8), (uint8_t)code };
  reason.size = utf8_cut(reason, FRAME_REASON_BYTES_MAX);
  reason.size = utf8_valid_size(reason);
  const struct slice pieces[] = { slice_of(number, sizeof number), reason };
  return frame_try_new(FRAME_CLOSE, pieces, sizeof pieces / sizeof *pieces);
}

struct frame *frame_try_copy(struct slice bytes) {
  struct frame *made = try_alloc(bytes.size);
  if (made != NULL) memcpy(made->bytes, bytes.data, bytes.size);
  return made;
}

struct frame *frame_share(struct frame *frame) {
  frame->shares++;
  return frame;
}

void frame_free(struct frame *frame) {
  if (frame != NULL && --frame->shares == 0) mem_free(frame);
}

uint64_t frame_size(struct slice bytes) {
  if (bytes.size < 2) return 0;
  uint64_t head = 2 + ((bytes.data[1] & MASKED) != 0 ? MASK_BYTES : 0), size = bytes.data[1] & SIZE_BITS;
  if (size == SIZE_IN_TWO) {
    if (bytes.size < 4) return 0;
    return head + 2 + ((unsigned)bytes.data[2] << 8 | bytes.data[3]);
  }
  if (size < SIZE_IN_TWO) return head + size;
  if (bytes.size < 10) return 0;
  size = read_u64(bytes.data + 2);
  head += 8;
  return size > UINT64_MAX - head ? UINT64_MAX : head + size;
}
