/* json_text.c -- strings escaped, numbers with the fewest digits. */
#include "codec/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/utf8.h"

static void put_escape(struct buf *buf, uint8_t byte) {
  switch (byte) {
    case '"': buf_put_text(buf, "\\\""); return;
    case '\\': buf_put_text(buf, "\\\\"); return;
    case '\b': buf_put_text(buf, "\\b"); return;
    case '\f': buf_put_text(buf, "\\f"); return;
    case '\n': buf_put_text(buf, "\\n"); return;
    case '\r': buf_put_text(buf, "\\r"); return;
    case '\t': buf_put_text(buf, "\\t"); return;
    default: buf_printf(buf, "\\u%04x", byte);
  }
}

/* Bytes that are UTF-8, without quotes: in runs as long as nothing must be escaped. */
static void put_valid(struct buf *buf, struct slice text) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = text.data[i];
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    buf_put(buf, slice_of(text.data + begin, i - begin));
    put_escape(buf, byte);
    begin = i + 1;
  }
  if (begin < text.size) buf_put(buf, slice_after(text, begin));
}

bool json_put_string(struct buf *buf, struct slice text) {
  if (!utf8_is_valid(text)) return false;
  buf_put_byte(buf, '"');
  put_valid(buf, text);
  buf_put_byte(buf, '"');
  return true;
}

void json_put_text(struct buf *buf, struct slice text) {
  buf_put_byte(buf, '"');
  while (text.size > 0) {
    size_t valid = utf8_valid_size(text);
    put_valid(buf, slice_of(text.data, valid));
    text = slice_after(text, valid);
    if (text.size == 0) break;
    buf_put_text(buf, "\\ufffd");
    text = slice_after(text, 1);
  }
  buf_put_byte(buf, '"');
}

void json_put_integer(struct buf *buf, int64_t number) {
  buf_printf(buf, "%lld", (long long)number);
}

enum { FLOAT_TEXT_MAX = 32 };

/* %g with so many digits, and whether it is still the same number. */
static bool reads_back(char *text, double number, int digits) {
  int size = snprintf(text, FLOAT_TEXT_MAX, "%.*g", digits, number);
  CHECK(size > 0 && size < FLOAT_TEXT_MAX);
  return strtod(text, NULL) == number;
}

/* A whole number below 10^15 is written out: 100.0, not 1e+02. Others have the fewest digits that read back. A text of
 * at most 15 digits survives the way into a normal float and back into 15 digits, so where 15 digits do not read back,
 * fewer do not either; where they do, %g leaves out the zeros at the end, and what is left are the fewest. */
void json_put_float(struct buf *buf, double number) {
  CHECK(isfinite(number));
  char text[FLOAT_TEXT_MAX];
  if (fabs(number) < 1e15 && trunc(number) == number) {
    buf_printf(buf, "%.1f", number);
    return;
  }
  int digits = fabs(number) < DBL_MIN ? 1 : 15;
  while (!reads_back(text, number, digits)) digits++;
  buf_put_text(buf, text);
  if (strpbrk(text, ".e") == NULL) buf_put_text(buf, ".0");
}
