/* base64.c -- see base64.h. */
#include "codec/base64.h"

const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const char base64_url_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64_write(struct slice bytes, const char *letters, char *to) {
  for (; bytes.size > 0; bytes = slice_after(bytes, bytes.size < 3 ? bytes.size : 3)) {
    uint8_t triple[3] = { 0 };
    size_t size = bytes.size < sizeof triple ? bytes.size : sizeof triple;
    memcpy(triple, bytes.data, size);
    unsigned bits = (unsigned)triple[0] << 16 | (unsigned)triple[1] << 8 | triple[2];
    for (size_t i = 0; i <= size; i++) *to++ = letters[bits >> (18 - 6 * i) & 63];
  }
  return to;
}

void base64_put(struct buf *buf, struct slice bytes) {
  size_t size = (bytes.size + 2) / 3 * 4;
  char *room = (char *)buf_try_reserve(buf, size);
  if (room == NULL) return;
  for (char *end = base64_write(bytes, base64_letters, room); end < room + size; end++) *end = '=';
  buf->size += size;
}
