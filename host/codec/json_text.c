/* json_text.c -- strings escaped, numbers with the fewest digits. */
#include "codec/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/utf8.h"
#include "codec/base64.h"

static void put_escape(struct buf *buf, uint8_t byte) {
  switch (byte) {
    case '"': buf_put_text(buf, "\\\""); return;
    case '\\': buf_put_text(buf, "\\\\"); return;
    case '/': buf_put_text(buf, "\\/"); return;
    case '\b': buf_put_text(buf, "\\b"); return;
    case '\f': buf_put_text(buf, "\\f"); return;
    case '\n': buf_put_text(buf, "\\n"); return;
    case '\r': buf_put_text(buf, "\\r"); return;
    case '\t': buf_put_text(buf, "\\t"); return;
    default: buf_printf(buf, "\\u%04x", byte);
  }
}

/* Bytes without quotes, in runs as long as nothing must be escaped. `more`: what may be is escaped too. */
static void put_escaped(struct buf *buf, struct slice text, bool more) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = text.data[i];
    bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
    if (plain && !(more && (byte == '/' || byte == 0x7f))) continue;
    buf_put(buf, slice_of(text.data + begin, i - begin));
    put_escape(buf, byte);
    begin = i + 1;
  }
  if (begin < text.size) buf_put(buf, slice_after(text, begin));
}

/* Bytes that are UTF-8, without quotes. */
static void put_valid(struct buf *buf, struct slice text) {
  put_escaped(buf, text, false);
}

static const uint64_t ones = 0x0101010101010101;

/* Of eight bytes at once: all are ASCII and none needs an escape. Where a subtraction borrows, the byte was below what is
 * taken from it, here 0x20, or 1 where it had been made 0. */
static bool are_plain(uint64_t eight) {
  uint64_t quotes = eight ^ ones * '"', slashes = eight ^ ones * '\\';
  return ((eight | (eight - ones * 0x20) | (quotes - ones) | (slashes - ones)) & ones * 0x80) == 0;
}

/* The same of a text, as most are. */
static bool is_plain(struct slice text) {
  uint64_t eight;
  for (; text.size >= sizeof eight; text = slice_after(text, sizeof eight)) {
    memcpy(&eight, text.data, sizeof eight);
    if (!are_plain(eight)) return false;
  }
  eight = ones * ' ';
  if (text.size > 0) memcpy(&eight, text.data, text.size);
  return are_plain(eight);
}

static void put_plain(struct buf *buf, struct slice text) {
  uint8_t *room = buf_try_reserve(buf, text.size + 2);
  if (room == NULL) return;
  room[0] = room[text.size + 1] = '"';
  if (text.size > 0) memcpy(room + 1, text.data, text.size);
  buf->size += text.size + 2;
}

bool json_put_string(struct buf *buf, struct slice text) {
  if (is_plain(text)) {
    put_plain(buf, text);
    return true;
  }
  if (!utf8_is_valid(text)) return false;
  buf_put_byte(buf, '"');
  put_valid(buf, text);
  buf_put_byte(buf, '"');
  return true;
}

void json_put_bytes(struct buf *buf, struct slice text) {
  buf_put_byte(buf, '"');
  put_escaped(buf, text, true);
  buf_put_byte(buf, '"');
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

enum { DIGITS_MAX = 20 };

/* Writes a number's digits so that they end at `end`; returns where they begin. */
static char *write_digits(uint64_t number, char *end) {
  do {
    *--end = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return end;
}

void json_put_integer(struct buf *buf, int64_t number) {
  char text[DIGITS_MAX + 1], *end = text + sizeof text;
  char *begin = write_digits(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, end);
  if (number < 0) *--begin = '-';
  buf_put(buf, slice_of(begin, (size_t)(end - begin)));
}

/* Numbers with few decimals, such as prices: with `whole` / 10^decimals, both exact, the quotient is the float nearest to
 * that decimal number; where it is this one, the text reads back, and with 15 digits at most no shorter one does. False,
 * and nothing written, for others. */
static bool put_few_decimals(struct buf *buf, double number) {
  static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
  double size = fabs(number);
  if (size < 1e-4 || size >= 1e9) return false;
  for (int decimals = 1; decimals <= 6; decimals++) {
    double whole = nearbyint(size * powers[decimals]);
    if (whole / powers[decimals] != size) continue;
    char text[DIGITS_MAX + 3], *end = text + sizeof text;
    uint64_t power = (uint64_t)powers[decimals], all = (uint64_t)whole;
    char *begin = write_digits(all % power + power, end);       /* with a 1 in front, which keeps the zeros behind it */
    *begin = '.';
    begin = write_digits(all / power, begin);
    if (number < 0) *--begin = '-';
    buf_put(buf, slice_of(begin, (size_t)(end - begin)));
    return true;
  }
  return false;
}

enum { FLOAT_TEXT_MAX = 32 };

/* %g with so many digits. */
static void print_rounded(char *text, double number, int digits) {
  int size = snprintf(text, FLOAT_TEXT_MAX, "%.*g", digits, number);
  CHECK(size > 0 && size < FLOAT_TEXT_MAX);
}

/* Puts it with a mark of a float. */
static void put_marked(struct buf *buf, const char *text) {
  buf_put_text(buf, text);
  if (strpbrk(text, ".e") == NULL) buf_put_text(buf, ".0");
}

/* A whole number below 10^15 is written out: 100.0, not 1e+02. Others have the fewest digits that read back. A text of
 * at most 15 digits survives the way into a normal float and back into 15 digits, so where 15 digits do not read back,
 * fewer do not either; where they do, %g leaves out the zeros at the end, and what is left are the fewest. */
void json_put_float(struct buf *buf, double number) {
  CHECK(isfinite(number));
  char text[FLOAT_TEXT_MAX];
  if (fabs(number) < 1e15 && trunc(number) == number) {
    if (number == 0 && signbit(number)) buf_put_byte(buf, '-');
    json_put_integer(buf, (int64_t)number);
    buf_put_text(buf, ".0");
    return;
  }
  if (put_few_decimals(buf, number)) return;
  int digits = fabs(number) < DBL_MIN ? 1 : 15;
  for (print_rounded(text, number, digits); strtod(text, NULL) != number; digits++) print_rounded(text, number, digits + 1);
  put_marked(buf, text);
}

void json_put_rounded(struct buf *buf, double number, int digits) {
  CHECK(isfinite(number));
  char text[FLOAT_TEXT_MAX];
  print_rounded(text, number, digits);
  put_marked(buf, text);
}

void json_put_not_finite(struct buf *buf, double number) {
  buf_put_text(buf, isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
}

void json_put_lossless_string(struct buf *buf, struct slice text) {
  if (json_put_string(buf, text)) return;
  buf_put_text(buf, "{\"$bytes\":\"");
  base64_put(buf, text);
  buf_put_text(buf, "\"}");
}

void json_put_lossless_float(struct buf *buf, double number) {
  if (isfinite(number)) {
    json_put_float(buf, number);
    return;
  }
  buf_put_text(buf, "{\"$number\":\"");
  json_put_not_finite(buf, number);
  buf_put_text(buf, "\"}");
}
