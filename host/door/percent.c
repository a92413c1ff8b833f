/* percent.c -- see percent.h. */
#include "door/percent.h"

static int hex_digit(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

enum err percent_decode(const char *what, struct slice raw, struct buf *into, struct failure *failure) {
  uint8_t *to = buf_try_reserve(into, raw.size + 1);   /* decoded text is never longer */
  if (to == NULL) return failure_set(failure, ERR_MEMORY, "no memory to read the request");
  size_t size = 0;
  for (size_t i = 0; i < raw.size; i++) {
    if (raw.data[i] != '%') {
      to[size++] = raw.data[i];
      continue;
    }
    struct slice escape = slice_of(raw.data + i, raw.size - i < 3 ? raw.size - i : 3);
    int high = escape.size < 3 ? -1 : hex_digit(escape.data[1]);
    int low = escape.size < 3 ? -1 : hex_digit(escape.data[2]);
    if (high < 0 || low < 0) {
      return failure_set(failure, ERR_REQUEST,
                         "%s holds \"%.*s\", which is not a percent escape; write a plain %% as %%25", what,
                         (int)escape.size, (const char *)escape.data);
    }
    to[size++] = (uint8_t)(high * 16 + low);
    i += 2;
  }
  into->size += size;
  return ERR_NONE;
}
