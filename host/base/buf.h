/* buf.h -- bytes that grow.
 *
 * WHY    Replies, changes and values are written piece by piece. A buffer remembers its first failure, so that a
 *        writer checks once, at the end, as with stdio.
 * ROOM   base.
 * OWNS   Its bytes. buf_init() or `= {0}` ... buf_done(). buf_move() hands them on and leaves the source empty.
 * ALWAYS After a failure `err` is ERR_MEMORY or ERR_TOO_LARGE, writes do nothing, and the bytes so far stay.
 * LIMITS `size_max`; 0 means none.
 */
#ifndef TROUPE_BUF_H
#define TROUPE_BUF_H

#include "base/err.h"
#include "base/slice.h"

struct buf {
  uint8_t *data;
  size_t size;
  size_t capacity;
  size_t size_max;
  enum err err;
};

/* An empty buffer that refuses to grow beyond `size_max` bytes (0: no limit). Allocates nothing. */
void buf_init(struct buf *buf, size_t size_max);
void buf_done(struct buf *buf);

/* Empties it and forgets its failure and its limit, so that neither affects the next use; keeps the memory. */
void buf_clear(struct buf *buf);

/* Makes room for `count` more bytes and returns where they go, or NULL after a failure. The caller writes them
 * and then adds to `size`. */
static inline uint8_t *buf_try_reserve(struct buf *buf, size_t count);

static inline void buf_put(struct buf *buf, struct slice bytes);
static inline void buf_put_byte(struct buf *buf, uint8_t byte);
static inline void buf_put_text(struct buf *buf, const char *text);

/* Big-endian, so that byte order is number order. */
void buf_put_u32(struct buf *buf, uint32_t number);
void buf_put_u64(struct buf *buf, uint64_t number);

/* Sorts what it holds as an array of uint64_t's of the machine, put in by buf_put(). */
void buf_sort_numbers(struct buf *buf);

/* printf into it, without the end of the string. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves bytes, failure and limit from one to the other (which is released first); the source is empty and without a
 * limit afterwards. */
void buf_move(struct buf *to, struct buf *from);

static inline struct slice buf_slice(const struct buf *buf) {
  return slice_of(buf->data, buf->size);
}

/* The same into bytes, and back. */
static inline void write_u32(uint8_t *bytes, uint32_t number) {
  for (int i = 3; i >= 0; i--, number >>= 8) bytes[i] = (uint8_t)number;
}

static inline void write_u64(uint8_t *bytes, uint64_t number) {
  write_u32(bytes, (uint32_t)(number >> 32));
  write_u32(bytes + 4, (uint32_t)number);
}

static inline uint32_t read_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint64_t read_u64(const uint8_t *bytes) {
  return (uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4);
}

/* buf_try_reserve() calls this when the buffer must grow, or has failed. */
uint8_t *buf_try_make_room(struct buf *buf, size_t count);

/* Most writes are of a few bytes that there is room for: inline, they cost less than a call. */

static inline uint8_t *buf_try_reserve(struct buf *buf, size_t count) {
  bool is_at_hand = buf->err == ERR_NONE && buf->size < buf->capacity && count < buf->capacity - buf->size &&
                    (buf->size_max == 0 || buf->size + count <= buf->size_max);
  return is_at_hand ? buf->data + buf->size : buf_try_make_room(buf, count);
}

static inline void buf_put(struct buf *buf, struct slice bytes) {
  if (bytes.size == 0) return;
  uint8_t *room = buf_try_reserve(buf, bytes.size);
  if (room == NULL) return;
  memcpy(room, bytes.data, bytes.size);
  buf->size += bytes.size;
}

static inline void buf_put_byte(struct buf *buf, uint8_t byte) {
  uint8_t *room = buf_try_reserve(buf, 1);
  if (room == NULL) return;
  *room = byte;
  buf->size++;
}

static inline void buf_put_text(struct buf *buf, const char *text) {
  buf_put(buf, slice_text(text));
}

#endif
