/* framing_test.c -- where requests begin and end, and what is in no way one; however the bytes are cut into reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "door/framing.h"

/* What a connection passed on of some bytes. */
struct passage {
  struct framing framing;
  struct buf passed;
};

static void passage_done(struct passage *passage) {
  framing_done(&passage->framing);
  buf_done(&passage->passed);
}

/* One read; its bytes are in a block of their own. */
static void read_piece(struct passage *passage, struct slice piece) {
  uint8_t *bytes = mem_alloc(piece.size + 1);
  bytes += 1;      /* so that a sanitizer sees a read beyond the end */
  if (piece.size > 0) memcpy(bytes, piece.data, piece.size);
  for (size_t at = 0; at < piece.size;) {
    struct slice passed;
    size_t taken = framing_read(&passage->framing, bytes + at, piece.size - at, &passed);
    assert_in_range(taken, 1, piece.size - at);
    buf_put(&passage->passed, passed);
    at += taken;
  }
  mem_free(bytes - 1);
}

static void fail_at(struct slice bytes, const char *how, size_t cut, const struct buf *passed) {
  print_message("%.*s\n%s %zu passed on:\n%.*s\n", (int)bytes.size, (const char *)bytes.data, how, cut, (int)passed->size,
                (const char *)passed->data);
  fail();
}

static void assert_passed(const struct passage *passage, struct slice bytes, const char *wanted, bool is_refused,
                          const char *how, size_t cut) {
  bool is_right = slice_equal(buf_slice(&passage->passed), slice_text(wanted));
  if (!is_right || is_refused != (passage->framing.fault != NULL)) fail_at(bytes, how, cut, &passage->passed);
}

/* Whole, cut in two at each place, and byte by byte. */
static void assert_reads(struct slice bytes, const char *wanted, bool is_refused) {
  for (size_t cut = 0; cut < bytes.size; cut++) {
    struct passage passage = { 0 };
    if (cut > 0) read_piece(&passage, slice_of(bytes.data, cut));
    read_piece(&passage, slice_after(bytes, cut));
    assert_passed(&passage, bytes, wanted, is_refused, "cut at", cut);
    passage_done(&passage);
  }
  struct passage passage = { 0 };
  for (size_t i = 0; i < bytes.size; i++) read_piece(&passage, slice_of(bytes.data + i, 1));
  assert_passed(&passage, bytes, wanted, is_refused, "byte by byte", bytes.size);
  passage_done(&passage);
}

#define POST "POST /a HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

/* What comes, and what is passed on where that is something else. */
static const struct {
  const char *bytes, *passed;
} rights[] = {
  { POST "\r\n", NULL },
  { "GET /health HTTP/1.0\r\n\r\n", NULL },
  { "GET http://host/health HTTP/1.1\r\nHost: host:80\r\n\r\n", NULL },
  { "OPTIONS * HTTP/1.9\r\nHOST:[::1]:7420\r\n\r\n", NULL },
  { "GET /\xc3\xa9\xff HTTP/1.1\r\nHost: a.b-c_d:\r\nX:\r\nY: \xe9\t\"\r\n\r\n", NULL },
  { POST "Content-Length: 3\r\n\r\n[1]", NULL },
  { POST "content-length:0003\r\n\r\n[1]", NULL },
  { POST "Content-Length: 0\r\n\r\n", NULL },
  { POST "Content-Length: 4\r\n\r\n\r\n\r\n", NULL },
  { POST "X-Content-Length: x\r\n\r\n", NULL },
  { POST "Content-Length: 3 \t\r\nX: a b \r\n\r\n[1]", POST "Content-Length:   3\r\nX:  a b\r\n\r\n[1]" },
  { "\r\n\r\n" POST "\r\n", POST "\r\n" },
  { CHUNKED "3\r\n[1]\r\n0\r\n\r\n", NULL },
  { CHUNKED "0\r\n\r\n", NULL },
  { POST "transfer-encoding:\tCHUNKED\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n", NULL },
  { CHUNKED "A\r\n0123\r\n6789\r\n0\r\n\r\n", CHUNKED "a\r\n0123\r\n6789\r\n0\r\n\r\n" },
  { CHUNKED "0003;a=\"b;c\"\r\n[1]\r\n000 ;x\r\n\r\n", CHUNKED "3\r\n[1]\r\n0\r\n\r\n" },
  { CHUNKED "3 \r\n[1]\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\n", CHUNKED "3\r\n[1]\r\n0\r\n\r\n" },
};

static void what_is_right_is_passed_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
    assert_reads(slice_text(rights[i].bytes), rights[i].passed == NULL ? rights[i].bytes : rights[i].passed, false);
  }
}

static const char *const wrong_heads[] = {
  "POST\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / \r\nHost: a\r\n\r\n",
  " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "G?T / HTTP/1.1\r\nHost: a\r\n\r\n", "? / HTTP/1.0\r\n\r\n",
  "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.x\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "GET / HTTP/1.1\nHost: a\n\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02",
  "GET / HTTP/1.1\r\n\r\n", POST "Host: a\r\n\r\n", POST "host: b\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
  "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET / HTTP/1.1\r\nHost: []\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", "GET / HTTP/1.1\r\nHost: [g::]\r\n\r\n", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
  POST "no colon\r\n\r\n", POST ": no name\r\n\r\n", POST "X : y\r\n\r\n", POST "X Y: z\r\n\r\n", POST "\xc3\xa9: z\r\n\r\n",
  POST "X: a\r\n b\r\n\r\n", POST "X: a\r\n\tb\r\n\r\n", POST " X: a\r\n\r\n", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n",
  POST "X: a\nY: b\r\n\r\n", POST "X: a\rb\r\n\r\n", POST "X: a\r\r\n\r\n", POST "X: a\x7f\r\n\r\n", POST "X: a\x1b\r\n\r\n",
  POST "\n", POST "Content-Length: 3\n\r\n[1]",
  POST "Content-Length: 3\r\nContent-Length: 5\r\n\r\n[1]", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n[1]",
  POST "Content-Length: 3, 3\r\n\r\n[1]", POST "Content-Length:\r\n\r\n", POST "Content-Length: +3\r\n\r\n[1]",
  POST "Content-Length: -1\r\n\r\n", POST "Content-Length: 0x3\r\n\r\n[1]", POST "Content-Length: 3.0\r\n\r\n[1]",
  POST "Content-Length: blah\r\n\r\n", POST "Content-Length: 1 2\r\n\r\n[1]", POST "Content-Length : 3\r\n\r\n[1]",
  POST "Content-Length: 9223372036854775810\r\n\r\n", POST "Content-Length: 18446744073709551619\r\n\r\n[1]",
  POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n",
  POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\n[1]\r\n0\r\n\r\n",
  POST "Transfer-Encoding: chunked\r\nContent-Length: blah\r\n\r\n",
  POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  POST "Transfer-Encoding: chunked, chunked\r\n\r\n", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
  POST "Transfer-Encoding: identity\r\n\r\n", POST "Transfer-Encoding: xchunked\r\n\r\n", POST "Transfer-Encoding:\r\n\r\n",
  POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n", POST "Transfer-Encoding: \"chunked\"\r\n\r\n",
  "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

/* In the place of each, whatever is before it and behind it, there is the stand-in, and then nothing. */
static void a_wrong_head_is_refused_and_all_behind_it(void **state) {
  (void)state;
  static const char before[] = POST "Content-Length: 3\r\n\r\n[1]" CHUNKED "3\r\n[2]\r\n0\r\n\r\n";
  for (size_t i = 0; i < sizeof wrong_heads / sizeof *wrong_heads; i++) {
    struct buf bytes = { 0 };
    assert_reads(slice_text(wrong_heads[i]), FRAMING_STAND_IN, true);
    buf_printf(&bytes, "%s%s%s", before, wrong_heads[i], before);
    struct passage passage = { 0 };
    read_piece(&passage, buf_slice(&bytes));
    assert_passed(&passage, buf_slice(&bytes), POST "Content-Length: 3\r\n\r\n[1]" CHUNKED "3\r\n[2]\r\n0\r\n\r\n" FRAMING_STAND_IN,
                  true, "in between", i);
    passage_done(&passage);
    buf_done(&bytes);
  }
}

static void a_nul_is_in_no_line(void **state) {
  (void)state;
  static const char in_header[] = POST "X: a\0b\r\n\r\n", in_target[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
  static const char in_size[] = CHUNKED "3\0\r\n[1]\r\n0\r\n\r\n";
  assert_reads(slice_of(in_header, sizeof in_header - 1), FRAMING_STAND_IN, true);
  assert_reads(slice_of(in_target, sizeof in_target - 1), FRAMING_STAND_IN, true);
  assert_reads(slice_of(in_size, sizeof in_size - 1), CHUNKED FRAMING_BREAK, true);
}

static void a_wrong_chunk_breaks_the_body(void **state) {
  (void)state;
  static const char *const sizes[] = {
    "0x3", "0X3", "0_3", "0 3", "3x", "3h", "3.5", "3,3", "3 zz", "+3", "-3", " 3", "", "x", ";a", "3\r", "3\n", "3;a\n",
    "3;\x01", "8000000000000000", "ffffffffffffffff", "10000000000000003", "fffffffffffffffff",
  };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct buf bytes = { 0 };
    buf_printf(&bytes, CHUNKED "%s\r\n[1]\r\n0\r\n\r\n" POST "\r\n", sizes[i]);
    assert_reads(buf_slice(&bytes), CHUNKED FRAMING_BREAK, true);
    buf_done(&bytes);
  }
  assert_reads(slice_text(CHUNKED "3\r\n[1]XX0\r\n\r\n"), CHUNKED "3\r\n[1]" FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "3\r\n[1],\r\n0\r\n\r\n"), CHUNKED "3\r\n[1]" FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "3\r\n[1]\n0\r\n\r\n"), CHUNKED "3\r\n[1]" FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "0\r\n\n"), CHUNKED FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "0\r\nno colon\r\n\r\n"), CHUNKED FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "0\r\nX: y\r\n folded\r\n\r\n"), CHUNKED FRAMING_BREAK, true);
  assert_reads(slice_text(CHUNKED "0\r\nX: y\nZ: y\r\n\r\n"), CHUNKED FRAMING_BREAK, true);
}

static void requests_follow_one_another(void **state) {
  (void)state;
  struct buf bytes = { 0 }, passed = { 0 };
  for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
    buf_put_text(&bytes, rights[i].bytes);
    buf_put_text(&passed, rights[i].passed == NULL ? rights[i].bytes : rights[i].passed);
  }
  buf_put_byte(&passed, 0);
  assert_reads(buf_slice(&bytes), (const char *)passed.data, false);
  buf_done(&passed);
  buf_done(&bytes);
}

/* Reads `head`, `count` times `line`, and `end`, in pieces of 1,000 bytes. Whether that is taken. */
static bool takes(const char *head, const char *line, size_t count, const char *end) {
  struct buf bytes = { 0 };
  struct passage passage = { 0 };
  buf_put_text(&bytes, head);
  for (size_t i = 0; i < count; i++) buf_put_text(&bytes, line);
  buf_put_text(&bytes, end);
  for (struct slice rest = buf_slice(&bytes); rest.size > 0;) {
    size_t size = rest.size < 1000 ? rest.size : 1000;
    read_piece(&passage, slice_of(rest.data, size));
    rest = slice_after(rest, size);
  }
  bool is_taken = passage.framing.fault == NULL;
  assert_int_equal(is_taken, framing_is_between(&passage.framing));
  passage_done(&passage);
  buf_done(&bytes);
  return is_taken;
}

static void each_limit_is_exact(void **state) {
  (void)state;
  assert_true(takes(POST, "X: y\r\n", FRAMING_HEADERS_MAX - 1, "\r\n"));
  assert_false(takes(POST, "X: y\r\n", FRAMING_HEADERS_MAX, "\r\n"));
  size_t around = strlen(POST "X: \r\n\r\n");
  assert_true(takes(POST "X: ", "y", FRAMING_HEAD_BYTES_MAX - around, "\r\n\r\n"));
  assert_false(takes(POST "X: ", "y", FRAMING_HEAD_BYTES_MAX - around + 1, "\r\n\r\n"));
  assert_true(takes(CHUNKED "1;", "y", FRAMING_LINE_BYTES_MAX - 4, "\r\n1\r\n0\r\n\r\n"));
  assert_false(takes(CHUNKED "1;", "y", FRAMING_LINE_BYTES_MAX - 3, "\r\n1\r\n0\r\n\r\n"));
  assert_true(takes(CHUNKED "0\r\n", "X: y\r\n", FRAMING_HEAD_BYTES_MAX / 4, "\r\n"));
  assert_false(takes(CHUNKED "0\r\n", "X: y\r\n", FRAMING_HEAD_BYTES_MAX / 4 + 1, "\r\n"));
}

#define ASKS "GET /connect/C/k HTTP/1.1\r\nHost: a\r\n"

/* Reads the head and what follows, cut in two at each place: whether the rest is kept as it is, and not passed on. */
static void assert_upgrade(const char *head, bool is_one) {
  static const char rest[] = "\x81\x80 \r\n\n\0x";
  struct buf bytes = { 0 };
  buf_put_text(&bytes, POST "\r\n");
  buf_put_text(&bytes, head);
  size_t size = bytes.size;
  buf_put(&bytes, slice_of(rest, sizeof rest));
  for (size_t cut = 0; cut <= bytes.size; cut++) {
    struct passage passage = { 0 };
    struct buf raw = { 0 };
    read_piece(&passage, slice_of(bytes.data, cut));
    read_piece(&passage, slice_after(buf_slice(&bytes), cut));
    if (is_one) {
      assert_null(passage.framing.fault);
      assert_int_equal(passage.framing.heads, 2);
      assert_true(slice_equal(buf_slice(&passage.passed), slice_of(bytes.data, size)));
      assert_int_equal(framing_raw_bytes(&passage.framing), sizeof rest);
      assert_false(framing_is_between(&passage.framing));
    } else {
      assert_int_equal(framing_raw_bytes(&passage.framing), 0);
      assert_non_null(passage.framing.fault);
    }
    framing_take_raw(&passage.framing, &raw);
    assert_true(slice_equal(buf_slice(&raw), slice_of(rest, is_one ? sizeof rest : 0)));
    buf_done(&raw);
    passage_done(&passage);
  }
  buf_done(&bytes);
}

static void behind_a_head_that_asks_for_a_websocket_there_is_no_http(void **state) {
  (void)state;
  assert_upgrade(ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", true);
  assert_upgrade(ASKS "connection:keep-alive ,\tUPGRADE\t,\r\nupgrade: h2c, WebSocket ,\r\n\r\n", true);
  assert_upgrade(ASKS "Connection: upgrade\r\nConnection: close\r\nUpgrade: x\r\nUpgrade: websocket\r\n\r\n", true);
  assert_upgrade(ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n", true);
  assert_upgrade(ASKS "Upgrade: websocket\r\n\r\n", false);
  assert_upgrade(ASKS "Connection: Upgrade\r\n\r\n", false);
  assert_upgrade(ASKS "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", false);
  assert_upgrade(ASKS "Connection: Upgrades\r\nUpgrade: websocket\r\n\r\n", false);
  assert_upgrade(ASKS "Connection: Upgrade\r\nUpgrade: websocket/13\r\n\r\n", false);
  assert_upgrade(POST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false);
  assert_upgrade("GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false);
  assert_upgrade(ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 1\r\n\r\n.", false);
  assert_upgrade(ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false);
}

static void a_request_that_has_begun_is_told_from_none(void **state) {
  (void)state;
  static const char request[] = "\r\n" POST "Content-Length: 3\r\n\r\n[1]";
  size_t size = sizeof request - 1;
  for (size_t cut = 0; cut <= size; cut++) {
    struct passage passage = { 0 };
    read_piece(&passage, slice_of(request, cut));
    assert_int_equal(framing_is_between(&passage.framing), cut == 0 || cut == 2 || cut == size);
    passage_done(&passage);
  }
}

static void without_memory_it_is_refused(void **state) {
  (void)state;
  struct passage passage = { 0 };
  mem_fail_at(1);
  uint8_t bytes[] = "GET / HTTP";
  struct slice passed;
  framing_read(&passage.framing, bytes, sizeof bytes - 1, &passed);
  mem_fail_at(0);
  assert_true(slice_equal(passed, slice_text(FRAMING_STAND_IN)));
  assert_non_null(passage.framing.fault);
  passage_done(&passage);

  struct passage raw = { 0 };
  read_piece(&raw, slice_text(ASKS "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"));
  mem_fail_at(1);
  framing_read(&raw.framing, bytes, sizeof bytes - 1, &passed);
  mem_fail_at(0);
  assert_int_equal(passed.size, 0);
  assert_non_null(raw.framing.fault);
  passage_done(&raw);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_right_is_passed_on),
    cmocka_unit_test(a_wrong_head_is_refused_and_all_behind_it),
    cmocka_unit_test(a_nul_is_in_no_line),
    cmocka_unit_test(a_wrong_chunk_breaks_the_body),
    cmocka_unit_test(requests_follow_one_another),
    cmocka_unit_test(each_limit_is_exact),
    cmocka_unit_test(behind_a_head_that_asks_for_a_websocket_there_is_no_http),
    cmocka_unit_test(a_request_that_has_begun_is_told_from_none),
    cmocka_unit_test(without_memory_it_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
