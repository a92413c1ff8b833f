/* frame_test.c -- WebSockets of any bytes: what comes of them is the same however they are cut into reads, and it is what a plain
 * reader makes of RFC 6455, which has all the bytes before it. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "../c/reading.h"
#include "base/utf8.h"

enum { TEXT_BYTES_MAX = 300, CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* ---- connections ----------------------------------------------------------------------------------------- */

/* Almost always true. */
static bool is_right(struct fuzz *fuzz) {
  return !fuzz_once_in(fuzz, 60);
}

static void make_frame(struct fuzz *fuzz, unsigned opcode, bool is_last, struct slice payload) {
  struct buf *bytes = &fuzz->bytes;
  uint8_t mask[4];
  unsigned reserved = is_right(fuzz) ? 0 : (unsigned)fuzz_below(fuzz, 8) << 4;
  unsigned masked = is_right(fuzz) ? 0x80 : 0;
  uint64_t size = is_right(fuzz) ? payload.size : fuzz_number(fuzz);
  bool is_long = !is_right(fuzz), is_longer = !is_right(fuzz);
  if (!is_right(fuzz)) opcode = (unsigned)fuzz_below(fuzz, 16);
  buf_put_byte(bytes, (uint8_t)((is_last == is_right(fuzz) ? 0x80 : 0) | reserved | opcode));
  if (size < 126 && !is_long && !is_longer) {
    buf_put_byte(bytes, (uint8_t)(masked | size));
  } else if (size < 0x10000 && !is_longer) {
    buf_put_byte(bytes, (uint8_t)(masked | 126));
    buf_put_byte(bytes, (uint8_t)(size >> 8));
    buf_put_byte(bytes, (uint8_t)size);
  } else {
    buf_put_byte(bytes, (uint8_t)(masked | 127));
    buf_put_u64(bytes, size);
  }
  for (size_t i = 0; i < sizeof mask; i++) mask[i] = fuzz_once_in(fuzz, 2) ? 0 : (uint8_t)random_next(&fuzz->random);
  if (masked != 0) buf_put(bytes, slice_of(mask, sizeof mask));
  for (size_t i = 0; i < payload.size; i++) {
    buf_put_byte(bytes, masked != 0 ? payload.data[i] ^ mask[i % 4] : payload.data[i]);
  }
}

static void make_control(struct fuzz *fuzz) {
  static const unsigned codes[] = { 1000, 1001, 3000, 4999, 1004, 1005, 1012, 2999, 5000, 0, 65535 };
  uint8_t room[2002];
  unsigned opcode = fuzz_once_in(fuzz, 12) ? CLOSE : fuzz_once_in(fuzz, 3) ? PONG : PING;
  struct slice payload = fuzz_text(fuzz, room + 2);
  if (payload.size > 123 && is_right(fuzz)) payload.size = fuzz_below(fuzz, 124);
  if (opcode == CLOSE && is_right(fuzz)) {
    unsigned code = codes[fuzz_below(fuzz, fuzz_once_in(fuzz, 2) ? 4 : sizeof codes / sizeof *codes)];
    room[0] = (uint8_t)(code >> 8);
    room[1] = (uint8_t)code;
    payload = slice_of(room, payload.size + 2);
  }
  make_frame(fuzz, opcode, true, payload);
}

/* UTF-8 mostly, in one frame or in several. */
static void make_text(struct fuzz *fuzz) {
  uint8_t room[2000];
  struct slice text = fuzz_text(fuzz, room);
  if (is_right(fuzz)) text.size = utf8_valid_size(text);
  if (text.size > TEXT_BYTES_MAX && !fuzz_once_in(fuzz, 8)) text.size = utf8_cut(text, TEXT_BYTES_MAX);
  unsigned opcode = is_right(fuzz) ? TEXT : BINARY;
  while (fuzz_once_in(fuzz, 3)) {
    size_t size = fuzz_below(fuzz, text.size + 1);
    make_frame(fuzz, opcode, false, slice_of(text.data, size));
    text = slice_after(text, size);
    opcode = is_right(fuzz) ? CONTINUED : TEXT;
    while (fuzz_once_in(fuzz, 3)) make_control(fuzz);
  }
  make_frame(fuzz, opcode, true, text);
}

/* ---- a plain reader -------------------------------------------------------------------------------------- */

struct plain {
  struct slice rest;
  struct buf told;             /* as that of a reading, up to the end */
  struct buf text;
  bool in_text;
  bool is_over;
  unsigned code;               /* of the close that the server sends; 0: one without */
};

static void plain_over(struct plain *plain, unsigned code) {
  plain->is_over = true;
  plain->code = code;
}

static void plain_note(struct plain *plain, uint8_t what, struct slice head, struct slice bytes) {
  buf_put_byte(&plain->told, what);
  buf_put_u32(&plain->told, (uint32_t)(head.size + bytes.size));
  buf_put(&plain->told, head);
  buf_put(&plain->told, bytes);
}

/* Whether a text can still become UTF-8 when more comes: only its last character may be cut off. */
static bool is_begun_utf8(struct slice text) {
  static const char *const ends[] = { "", "\x80", "\x80\x80", "\x80\x80\x80", "\xbf", "\xbf\xbf", "\xbf\xbf\xbf", "\x90\x80" };
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    struct buf whole = { 0 };
    buf_put(&whole, text);
    buf_put_text(&whole, ends[i]);
    bool is_one = utf8_is_valid(buf_slice(&whole));
    buf_done(&whole);
    if (is_one) return true;
  }
  return false;
}

static void plain_close(struct plain *plain, struct slice payload) {
  unsigned code = payload.size < 2 ? 0 : (unsigned)payload.data[0] << 8 | payload.data[1];
  bool is_known = (code >= 1000 && code <= 1011 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
  if (payload.size > 2 && !utf8_is_valid(slice_after(payload, 2))) {
    plain_over(plain, 1007);
  } else if (payload.size > 0 && !is_known) {
    plain_over(plain, 1002);
  } else {
    plain_over(plain, code);
  }
}

/* A frame that may be; `is_whole` if all of its payload is here. */
static void plain_take(struct plain *plain, unsigned opcode, bool is_last, struct slice payload, bool is_whole) {
  const uint8_t pong[] = { 0x8a, (uint8_t)payload.size };
  if (opcode >= CLOSE) {
    if (!is_whole) return;
    if (opcode == CLOSE) plain_close(plain, payload);
    if (opcode == PING) plain_note(plain, 'A', slice_of(pong, sizeof pong), payload);
    return;
  }
  plain->in_text = true;
  buf_put(&plain->text, payload);
  bool is_over = is_last && is_whole;
  if (!(is_over ? utf8_is_valid : is_begun_utf8)(buf_slice(&plain->text))) {
    plain_over(plain, 1007);
  } else if (is_over) {
    plain_note(plain, 'T', slice_of(NULL, 0), buf_slice(&plain->text));
    buf_clear(&plain->text);
    plain->in_text = false;
  }
}

/* Whether the head of a frame breaks a rule, and with which code the connection ends then; 0: it breaks none. */
static unsigned plain_fault(const struct plain *plain, unsigned first, bool is_masked, unsigned size_bits, uint64_t size) {
  unsigned opcode = first & 15;
  bool is_last = (first & 0x80) != 0, is_control = opcode >= CLOSE;
  if (is_control && (size_bits > 125 || !is_last)) return 1002;
  if ((size_bits == 126 && size < 126) || (size_bits == 127 && (size < 0x10000 || size >> 63 != 0))) return 1002;
  if ((first & 0x70) != 0 || !is_masked) return 1002;
  if (opcode > PONG || (opcode > BINARY && opcode < CLOSE)) return 1002;
  if (!is_control && (opcode == CONTINUED) != plain->in_text) return 1002;
  if (is_control) return 0;
  if (size > TEXT_BYTES_MAX) return 1009;
  if (opcode == BINARY) return 1003;
  return plain->text.size + size > TEXT_BYTES_MAX ? 1009 : 0;
}

/* Reads one frame. False if what is left is not a whole one; what that one makes of the connection can then be told early, or
 * later. */
static bool plain_read(struct plain *plain) {
  struct slice rest = plain->rest;
  if (rest.size < 2) return false;
  unsigned size_bits = rest.data[1] & 0x7f;
  bool is_masked = (rest.data[1] & 0x80) != 0;
  size_t width = size_bits == 126 ? 2 : size_bits == 127 ? 8 : 0, head = 2 + width + (is_masked ? 4 : 0);
  if (rest.size < 2 + width) return false;
  uint64_t size = width == 8 ? read_u64(rest.data + 2) : width == 2 ? (unsigned)rest.data[2] << 8 | rest.data[3] : size_bits;
  unsigned fault = plain_fault(plain, rest.data[0], is_masked, size_bits, size);
  bool is_whole = rest.size >= head && rest.size - head >= size;
  if (fault != 0) {
    plain_over(plain, fault);
    return is_whole;
  }
  struct buf payload = { 0 };
  size_t here = is_whole ? (size_t)size : rest.size > head ? rest.size - head : 0;
  for (size_t i = 0; i < here; i++) buf_put_byte(&payload, rest.data[head + i] ^ rest.data[2 + width + i % 4]);
  plain_take(plain, rest.data[0] & 15, (rest.data[0] & 0x80) != 0, buf_slice(&payload), is_whole);
  buf_done(&payload);
  if (is_whole) plain->rest = slice_after(rest, head + (size_t)size);
  return is_whole;
}

static unsigned code_of(struct slice close) {
  assert_in_range(close.size, 2, 2 + FRAME_CONTROL_BYTES_MAX);
  assert_int_equal(close.data[0], 0x88);
  return close.size == 2 ? 0 : (unsigned)close.data[2] << 8 | close.data[3];
}

/* Holds what was told against what the plain reader says. */
static void assert_plain(struct slice bytes, const struct reading *reading) {
  struct plain plain = { .rest = bytes };
  bool is_whole = true;
  while (is_whole && !plain.is_over) is_whole = plain_read(&plain);
  struct slice told = buf_slice(&reading->told), close = slice_of(NULL, 0);
  assert_in_range(told.size, plain.told.size, SIZE_MAX);
  fuzz_assert_same(slice_of(told.data, plain.told.size), buf_slice(&plain.told));
  told = slice_after(told, plain.told.size);
  if (reading->is_over) {
    assert_true(plain.is_over);
    assert_true(reading_take(&told, 'A', &close));
    assert_int_equal(code_of(close), plain.code);
    assert_int_equal(told.size, 1);
  } else {
    assert_int_equal(told.size, 0);
    assert_false(plain.is_over && is_whole);
    if (is_whole) assert_int_equal(reading->inflow != NULL, plain.in_text);
  }
  buf_done(&plain.text);
  buf_done(&plain.told);
}

/* ---- tries ----------------------------------------------------------------------------------------------- */

static void read_in_pieces(struct fuzz *fuzz, struct reading *reading, struct slice bytes, size_t piece_max) {
  while (bytes.size > 0) {
    size_t size = piece_max >= bytes.size ? bytes.size : 1 + fuzz_below(fuzz, piece_max);
    reading_put(reading, slice_of(bytes.data, size));
    bytes = slice_after(bytes, size);
  }
}

static void connections(void **state) {
  (void)state;
  struct fuzz fuzz;
  struct inflows inflows;
  inflows_init(&inflows, TEXT_BYTES_MAX);
  fuzz_begin(&fuzz, "WebSockets");
  while (fuzz_next(&fuzz)) {
    struct reading whole = { .inflows = &inflows }, cut = { .inflows = &inflows };
    for (size_t count = 1 + fuzz_below(&fuzz, 6); count > 0; count--) {
      if (fuzz_once_in(&fuzz, 4)) make_control(&fuzz);
      else make_text(&fuzz);
    }
    if (fuzz_once_in(&fuzz, 2)) fuzz_mutate(&fuzz);
    struct slice bytes = fuzz_copy(&fuzz);
    read_in_pieces(&fuzz, &whole, bytes, bytes.size);
    read_in_pieces(&fuzz, &cut, bytes, 1 + fuzz_below(&fuzz, fuzz_once_in(&fuzz, 3) ? 3 : 60));
    fuzz_assert_same(buf_slice(&cut.told), buf_slice(&whole.told));
    assert_int_equal(cut.inflow != NULL, whole.inflow != NULL);
    assert_plain(bytes, &whole);
    fuzz.taken += !whole.is_over && whole.told.size > 0;
    reading_done(&cut);
    reading_done(&whole);
  }
  inflows_done(&inflows);
  fuzz_end(&fuzz);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(connections) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
