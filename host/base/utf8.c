/* utf8.c -- characters of RFC 3629. */
#include "base/utf8.h"

size_t utf8_first(struct slice text, uint32_t *code) {
  /* By size: the bits of the first byte that say so, what they are, and the smallest number that needs this size. */
  static const struct {
    uint8_t mask, mark;
    uint32_t least;
  } forms[] = { { 0, 0, 0 }, { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
  if (text.size == 0) return 0;
  uint8_t first = text.data[0];
  size_t size = 1;
  while (size <= 4 && (first & forms[size].mask) != forms[size].mark) size++;
  if (size > 4 || size > text.size) return 0;
  uint32_t number = (uint32_t)(first & (uint8_t)~forms[size].mask);
  for (size_t i = 1; i < size; i++) {
    if ((text.data[i] & 0xc0) != 0x80) return 0;
    number = number << 6 | (text.data[i] & 0x3f);
  }
  if (number < forms[size].least || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) return 0;
  *code = number;
  return size;
}

/* Eight bytes at once, all of them below 0x80. */
static bool is_ascii(const uint8_t *bytes) {
  uint64_t eight;
  memcpy(&eight, bytes, sizeof eight);
  return (eight & 0x8080808080808080) == 0;
}

size_t utf8_valid_size(struct slice text) {
  size_t at = 0;
  while (at < text.size) {
    if (text.size - at >= 8 && is_ascii(text.data + at)) {
      at += 8;
      continue;
    }
    if (text.data[at] < 0x80) {
      at++;
      continue;
    }
    uint32_t code;
    size_t size = utf8_first(slice_after(text, at), &code);
    if (size == 0) return at;
    at += size;
  }
  return at;
}

bool utf8_is_valid(struct slice text) {
  return utf8_valid_size(text) == text.size;
}

size_t utf8_cut(struct slice text, size_t size_max) {
  if (text.size <= size_max) return text.size;
  for (size_t back = 0; back < 4 && back <= size_max; back++) {
    size_t at = size_max - back;
    if ((text.data[at] & 0xc0) == 0x80) continue;
    uint32_t code;
    return utf8_first(slice_after(text, at), &code) > 0 ? at : size_max;
  }
  return size_max;
}
