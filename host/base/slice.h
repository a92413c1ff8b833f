/* slice.h -- bytes that somebody else owns.
 *
 * WHY   Keys, values, paths and texts travel through every room; most only look at them.
 * ROOM  base.
 * OWNS  Nothing. A slice is dead when what it looks into is.
 */
#ifndef TROUPE_SLICE_H
#define TROUPE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
  const uint8_t *data;
  size_t size;
};

static inline struct slice slice_of(const void *data, size_t size) {
  return (struct slice){ .data = data, .size = size };
}

/* The bytes of a C string, without its end. */
static inline struct slice slice_text(const char *text) {
  return slice_of(text, strlen(text));
}

/* Byte order; a prefix before its extensions. Negative, 0 or positive. */
static inline int slice_compare(struct slice a, struct slice b) {
  size_t size = a.size < b.size ? a.size : b.size;
  int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
  if (order != 0) return order;
  return (a.size > b.size) - (a.size < b.size);
}

static inline bool slice_equal(struct slice a, struct slice b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_begins(struct slice whole, struct slice prefix) {
  return whole.size >= prefix.size && (prefix.size == 0 || memcmp(whole.data, prefix.data, prefix.size) == 0);
}

/* What is left of a slice after its first `count` bytes; count <= size. */
static inline struct slice slice_after(struct slice whole, size_t count) {
  return slice_of(count == 0 ? whole.data : whole.data + count, whole.size - count);
}

/* Copies bytes to `*place`, moves that behind them, and returns where they are now: for blocks with bytes behind them. */
static inline struct slice slice_copy(struct slice bytes, uint8_t **place) {
  struct slice copy = slice_of(*place, bytes.size);
  if (bytes.size > 0) memcpy(*place, bytes.data, bytes.size);
  *place += bytes.size;
  return copy;
}

#endif
