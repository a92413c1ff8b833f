/* framing_test.c -- connections of any bytes: what is passed on is the same however they are cut into reads, and means the
 * same to who reads it again; and it is what a reader without states makes of it. */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "door/framing.h"

/* ---- requests -------------------------------------------------------------------------------------------- */

static const char *any_of(struct fuzz *fuzz, const char *const *texts, size_t count) {
  return texts[fuzz_below(fuzz, fuzz_once_in(fuzz, 8) ? count : 2)];
}

#define ANY(fuzz, ...) any_of(fuzz, (const char *const[]){ __VA_ARGS__ }, \
                              sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(const char *))

static void make_chunks(struct fuzz *fuzz) {
  struct buf *bytes = &fuzz->bytes;
  for (size_t count = fuzz_below(fuzz, 4); count > 0; count--) {
    size_t size = 1 + fuzz_below(fuzz, 30);
    buf_printf(bytes, ANY(fuzz, "%zx", "0%zX", "%zx ", "0x%zx", " %zx", "%zx x", "-%zx", "0000000000000000%zx"), size);
    buf_put_text(bytes, ANY(fuzz, "\r\n", ";a=\"b\"\r\n", ";\r\n", "\n", "\r", ""));
    fuzz_put_random(fuzz, size);
    buf_put_text(bytes, ANY(fuzz, "\r\n", "\r\n", "\n", "", "x\r\n"));
  }
  buf_put_text(bytes, ANY(fuzz, "0\r\n", "00;x\r\n", "0\n", "", "g\r\n"));
  buf_put_text(bytes, ANY(fuzz, "\r\n", "X: y\r\n\r\n", "\n", " x\r\n\r\n", "x\r\n\r\n"));
}

static void make_request(struct fuzz *fuzz) {
  struct buf *bytes = &fuzz->bytes;
  size_t length = fuzz_below(fuzz, 20);
  buf_put_text(bytes, ANY(fuzz, "POST /a HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.0\r\n", "\r\nPUT * HTTP/1.1\r\n",
                          "GET  / HTTP/1.1\r\n", "? / HTTP/1.0\r\n", "GET / HTTP/2.0\r\n", "\n", "GET /\n"));
  buf_put_text(bytes, ANY(fuzz, "Host: a\r\n", "host:[::1]:80 \t\r\n", "", "Host: a\r\nHost: a\r\n", "Host: \r\n", "Host: a\n"));
  buf_put_text(bytes, ANY(fuzz, "", "X: y\r\n", "X : y\r\n", " x\r\n", "X\r\n", "X: \x01\r\n"));
  size_t kind = fuzz_below(fuzz, 4);
  if (kind < 2) {
    buf_printf(bytes, ANY(fuzz, "Content-Length: %zu\r\n", "content-length:0%zu \r\n", "Content-Length: +%zu\r\n",
                          "Content-Length: %zu\r\nContent-Length: 1\r\n", "Content-Length: %zux\r\n"), length);
  }
  if (kind == 2 || fuzz_once_in(fuzz, 30)) {
    buf_put_text(bytes, ANY(fuzz, "Transfer-Encoding: chunked\r\n", "TRANSFER-ENCODING:\tChunked\t\r\n",
                            "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"));
  }
  buf_put_text(bytes, ANY(fuzz, "\r\n", "\r\n", "\n", "", "\r"));
  if (kind < 2) fuzz_put_random(fuzz, length);
  if (kind == 2) make_chunks(fuzz);
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static void read_piece(struct framing *framing, struct slice piece, struct buf *into) {
  uint8_t *copy = malloc(piece.size);
  assert_non_null(copy);
  memcpy(copy, piece.data, piece.size);
  for (size_t at = 0; at < piece.size;) {
    struct slice passed;
    size_t taken = framing_read(framing, copy + at, piece.size - at, &passed);
    assert_in_range(taken, 1, piece.size - at);
    buf_put(into, passed);
    at += taken;
  }
  free(copy);
}

/* Reads all; in pieces of at most so many bytes. */
static void read_all(struct fuzz *fuzz, struct slice bytes, size_t piece_max, struct framing *framing, struct buf *into) {
  *framing = (struct framing){ 0 };
  while (bytes.size > 0) {
    size_t size = piece_max >= bytes.size ? bytes.size : 1 + fuzz_below(fuzz, piece_max);
    if (size > bytes.size) size = bytes.size;
    read_piece(framing, slice_of(bytes.data, size), into);
    bytes = slice_after(bytes, size);
  }
}

/* ---- a reader without states: of what was passed on, which is whole and in one piece --------------------------- */

static size_t line_end(struct slice bytes, size_t at) {
  const uint8_t *end = at >= bytes.size ? NULL : memmem(bytes.data + at, bytes.size - at, "\r\n", 2);
  assert_non_null(end);
  return (size_t)(end - bytes.data);
}

/* Where the body of the request at `at` begins, and how it is framed: -1 in chunks. */
static size_t read_head(struct slice bytes, size_t at, int64_t *length) {
  unsigned hosts = 0, framings = 0;
  bool is_old = memmem(bytes.data + at, line_end(bytes, at) - at, " HTTP/1.0", 9) != NULL;
  *length = 0;
  for (at = line_end(bytes, at) + 2; line_end(bytes, at) != at; at = line_end(bytes, at) + 2) {
    char line[200];
    size_t size = line_end(bytes, at) - at;
    snprintf(line, sizeof line, "%.*s", (int)size, (const char *)bytes.data + at);
    for (size_t i = 0; i < size; i++) assert_true(bytes.data[at + i] == '\t' || bytes.data[at + i] >= ' ');
    if (strncasecmp(line, "Host:", 5) == 0) hosts++;
    if (strncasecmp(line, "Content-Length:", 15) == 0) {
      char *end;
      *length = strtoll(line + 15, &end, 10);
      assert_int_equal(*end, 0);
      assert_null(strpbrk(line + 15, "+-"));
      framings++;
    }
    if (strncasecmp(line, "Transfer-Encoding:", 18) == 0) {
      assert_int_equal(strcasecmp(line + 18 + strspn(line + 18, " \t"), "chunked"), 0);
      assert_false(is_old);
      *length = -1;
      framings++;
    }
  }
  assert_in_range(framings, 0, 1);
  assert_in_range(hosts, is_old ? 0 : 1, 1);
  return at + 2;
}

/* Whether what was passed on is requests, up to the end or to one that is cut off. */
static void assert_is_strict(struct slice passed, bool is_refused) {
  size_t at = 0, stand_in = strlen(FRAMING_STAND_IN);
  while (at < passed.size) {
    if (is_refused && passed.size - at == stand_in && memcmp(passed.data + at, FRAMING_STAND_IN, stand_in) == 0) return;
    int64_t left;
    at = read_head(passed, at, &left);
    if (left >= 0) at += (size_t)left;
    while (left < 0 && at < passed.size) {
      if (passed.data[at] == 'x') {
        assert_true(is_refused && at + 1 == passed.size);
        return;
      }
      char *end;
      size_t size = strtoull((const char *)passed.data + at, &end, 16);
      assert_ptr_equal(end, passed.data + line_end(passed, at));
      at = line_end(passed, at) + 2 + size;
      if (at < passed.size && passed.data[at] != 'x') {
        assert_int_equal(line_end(passed, at), at);
        at += 2;
      }
      if (size == 0) left = 0;
    }
  }
}

static void connections(void **state) {
  (void)state;
  struct fuzz fuzz;
  fuzz_begin(&fuzz, "connections");
  while (fuzz_next(&fuzz)) {
    struct framing framing, again;
    struct buf whole = { 0 }, cut = { 0 }, twice = { 0 };
    for (size_t count = 1 + fuzz_below(&fuzz, 4); count > 0; count--) make_request(&fuzz);
    fuzz_mutate(&fuzz);
    struct slice bytes = fuzz_copy(&fuzz);
    read_all(&fuzz, bytes, bytes.size, &framing, &whole);
    bool is_refused = framing.fault != NULL, is_between = framing_is_between(&framing);
    read_all(&fuzz, bytes, 1 + fuzz_below(&fuzz, 40), &again, &cut);
    fuzz_assert_same(buf_slice(&cut), buf_slice(&whole));
    assert_int_equal(again.fault != NULL, is_refused);
    assert_int_equal(framing_is_between(&again), is_between);
    framing_done(&again);

    buf_put_text(&whole, "\r\n");       /* strtoull() wants an end; and so the line of a break has one */
    whole.size -= 2;
    assert_is_strict(buf_slice(&whole), is_refused);
    read_all(&fuzz, slice_of(whole.data, whole.size + (is_refused ? 2 : 0)), 100, &again, &twice);
    fuzz_assert_same(buf_slice(&twice), buf_slice(&whole));
    fuzz.taken += !is_refused && is_between && whole.size > 0;
    framing_done(&again);
    framing_done(&framing);
    buf_done(&twice);
    buf_done(&cut);
    buf_done(&whole);
  }
  fuzz_end(&fuzz);
}

int main(void) {
  const struct CMUnitTest tests[] = { FUZZ_TEST(connections) };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
