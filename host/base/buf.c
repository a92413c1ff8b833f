/* buf.c -- bytes that grow by doubling. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

enum { CAPACITY_FIRST = 64 };

void buf_init(struct buf *buf, size_t size_max) {
  *buf = (struct buf){ .size_max = size_max };
}

void buf_done(struct buf *buf) {
  mem_free(buf->data);
  *buf = (struct buf){ 0 };
}

void buf_clear(struct buf *buf) {
  buf->size = 0;
  buf->size_max = 0;
  buf->err = ERR_NONE;
}

static bool fail(struct buf *buf, enum err err) {
  buf->err = err;
  return false;
}

/* Whether `count` more bytes are within the limit. */
static bool try_limit(struct buf *buf, size_t count) {
  size_t size_max = buf->size_max == 0 ? SIZE_MAX / 2 : buf->size_max;
  if (buf->size > size_max || count > size_max - buf->size) return fail(buf, ERR_TOO_LARGE);
  return true;
}

/* Makes the memory hold `count` more bytes, be they within the limit or not. */
static bool try_grow(struct buf *buf, size_t count) {
  if (buf->capacity - buf->size >= count && buf->data != NULL) return true;
  size_t needed = buf->size + count;
  size_t capacity = buf->capacity < SIZE_MAX / 4 ? buf->capacity * 2 : needed;
  if (capacity < needed) capacity = needed;
  if (capacity < CAPACITY_FIRST) capacity = CAPACITY_FIRST;
  uint8_t *data = mem_try_resize(buf->data, capacity);
  if (data == NULL) return fail(buf, ERR_MEMORY);
  buf->data = data;
  buf->capacity = capacity;
  return true;
}

uint8_t *buf_try_make_room(struct buf *buf, size_t count) {
  CHECK_THAT(buf->size, <=, buf->capacity);
  if (buf->err != ERR_NONE || !try_limit(buf, count) || !try_grow(buf, count)) return NULL;
  return buf->data + buf->size;
}

void buf_put_u32(struct buf *buf, uint32_t number) {
  uint8_t bytes[sizeof number];
  write_u32(bytes, number);
  buf_put(buf, slice_of(bytes, sizeof bytes));
}

void buf_put_u64(struct buf *buf, uint64_t number) {
  uint8_t bytes[sizeof number];
  write_u64(bytes, number);
  buf_put(buf, slice_of(bytes, sizeof bytes));
}

/* printf writes the end of a string too, one byte more than counts; so the limit and the memory are asked apart. */
void buf_printf(struct buf *buf, const char *format, ...) {
  if (buf->err != ERR_NONE || !try_grow(buf, 1)) return;
  va_list args;
  size_t room = buf->capacity - buf->size;
  va_start(args, format);
  int printed = vsnprintf((char *)buf->data + buf->size, room, format, args);
  va_end(args);
  if (printed < 0) {
    fail(buf, ERR_TOO_LARGE);
    return;
  }
  size_t count = (size_t)printed;
  if (!try_limit(buf, count)) return;
  if (count >= room) {
    if (!try_grow(buf, count + 1)) return;
    va_start(args, format);
    printed = vsnprintf((char *)buf->data + buf->size, count + 1, format, args);
    va_end(args);
    CHECK_THAT((size_t)printed, ==, count);
  }
  buf->size += count;
}

void buf_move(struct buf *to, struct buf *from) {
  if (to == from) return;
  mem_free(to->data);
  *to = *from;
  *from = (struct buf){ 0 };
}

static int compare_numbers(const void *a, const void *b) {
  const uint64_t *left = a, *right = b;
  return (*left > *right) - (*left < *right);
}

void buf_sort_numbers(struct buf *buf) {
  if (buf->size > 0) qsort(buf->data, buf->size / sizeof(uint64_t), sizeof(uint64_t), compare_numbers);
}
