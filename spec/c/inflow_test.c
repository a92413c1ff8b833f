/* inflow_test.c -- frames that come: texts, pongs and closes out of them, however the bytes are cut into reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "door/inflow.h"

enum { TEXT_MAX = 1000, FIN = 0x80, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* A client's frame, masked. */
static void put_frame(struct buf *bytes, unsigned first, struct slice payload) {
  static const uint8_t mask[] = { 0x37, 0xfa, 0x21, 0x3d };
  buf_put_byte(bytes, (uint8_t)first);
  if (payload.size < 126) {
    buf_put_byte(bytes, (uint8_t)(0x80 | payload.size));
  } else {
    buf_put_byte(bytes, 0x80 | 126);
    buf_put_byte(bytes, (uint8_t)(payload.size >> 8));
    buf_put_byte(bytes, (uint8_t)payload.size);
  }
  buf_put(bytes, slice_of(mask, sizeof mask));
  for (size_t i = 0; i < payload.size; i++) buf_put_byte(bytes, payload.data[i] ^ mask[i % 4]);
}

static void put(struct buf *bytes, unsigned first, const char *payload) {
  put_frame(bytes, first, slice_text(payload));
}

/* A connection, and a note of what came of its bytes: texts in parentheses, answers as their first byte and their payload. */
struct listener {
  struct inflows *inflows;
  struct inflow *inflow;
  struct buf waiting, heard;
  bool is_over;
};

static void note(struct listener *listener, struct inflow_step *step) {
  if (step->text.data != NULL) {
    buf_put_byte(&listener->heard, '(');
    buf_put(&listener->heard, step->text);
    buf_put_byte(&listener->heard, ')');
  }
  if (step->answer != NULL) {
    const struct frame *answer = step->answer;
    bool is_close = answer->bytes[0] == (FIN | CLOSE);
    buf_put_text(&listener->heard, is_close ? "<close " : "<pong ");
    if (is_close && answer->size >= 4) buf_printf(&listener->heard, "%u", (unsigned)answer->bytes[2] << 8 | answer->bytes[3]);
    if (!is_close) buf_put(&listener->heard, slice_of(answer->bytes + 2, answer->size - 2));
    buf_put_byte(&listener->heard, '>');
  }
  frame_free(step->answer);
  listener->is_over = step->is_over;
}

/* One read. What is not taken comes again with the next. */
static void hear(struct listener *listener, struct slice bytes) {
  buf_put(&listener->waiting, bytes);
  size_t at = 0;
  struct inflow_step step = { .taken = 1 };
  while (!listener->is_over && step.taken > 0 && at < listener->waiting.size) {
    struct slice rest = slice_after(buf_slice(&listener->waiting), at);
    uint8_t *copy = mem_alloc(rest.size);              /* so that a sanitizer sees a read beyond the end */
    memcpy(copy, rest.data, rest.size);
    inflow_read(listener->inflows, &listener->inflow, slice_of(copy, rest.size), &step);
    mem_free(copy);
    assert_in_range(step.taken, 0, rest.size);
    at += step.taken;
    note(listener, &step);
  }
  if (at > 0) memmove(listener->waiting.data, listener->waiting.data + at, listener->waiting.size - at);
  listener->waiting.size -= at;
}

static void listener_done(struct listener *listener) {
  if (listener->is_over) assert_null(listener->inflow);
  inflow_free(listener->inflow);
  buf_done(&listener->waiting);
  buf_done(&listener->heard);
}

static void assert_heard(struct listener *listener, const char *wanted, const char *how, size_t cut) {
  if (slice_equal(buf_slice(&listener->heard), slice_text(wanted))) return;
  fail_msg("%s %zu: heard %.*s, wanted %s", how, cut, (int)listener->heard.size, (const char *)listener->heard.data, wanted);
}

/* Whole, cut in two at each place, and byte by byte. Frees the bytes. */
static void assert_reads(struct buf *bytes, const char *wanted) {
  struct inflows inflows;
  inflows_init(&inflows, TEXT_MAX);
  for (size_t cut = 0; cut <= bytes->size; cut++) {
    struct listener listener = { .inflows = &inflows };
    hear(&listener, slice_of(bytes->data, cut));
    hear(&listener, slice_after(buf_slice(bytes), cut));
    assert_heard(&listener, wanted, "cut at", cut);
    listener_done(&listener);
  }
  struct listener listener = { .inflows = &inflows };
  for (size_t i = 0; i < bytes->size; i++) hear(&listener, slice_of(bytes->data + i, 1));
  assert_heard(&listener, wanted, "byte by byte of", bytes->size);
  listener_done(&listener);
  inflows_done(&inflows);
  buf_done(bytes);
  *bytes = (struct buf){ 0 };
}

static void texts_come_whole_however_they_are_cut(void **state) {
  (void)state;
  struct buf bytes = { 0 };
  put(&bytes, FIN | TEXT, "hello");
  put(&bytes, FIN | TEXT, "");
  put(&bytes, TEXT, "one ");
  put(&bytes, CONTINUATION, "");
  put(&bytes, CONTINUATION, "and ");
  put(&bytes, FIN | CONTINUATION, "all");
  put(&bytes, FIN | TEXT, "\xc3\xa9");
  assert_reads(&bytes, "(hello)()(one and all)(\xc3\xa9)");
}

static void control_frames_come_in_between(void **state) {
  (void)state;
  struct buf bytes = { 0 };
  put(&bytes, FIN | PING, "");
  put(&bytes, TEXT, "\xf0\x9f");
  put(&bytes, FIN | PING, "are you there");
  put(&bytes, CONTINUATION, "\x98");
  put(&bytes, FIN | PONG, "unasked");
  put(&bytes, FIN | CONTINUATION, "\x80");
  put(&bytes, FIN | CLOSE, "\x03\xe8" "caf\xc3\xa9 \xe2\x82\xac");
  put(&bytes, FIN | TEXT, "never read");
  assert_reads(&bytes, "<pong ><pong are you there>(\xf0\x9f\x98\x80)<close 1000>");
}

static void a_text_of_many_fragments_costs_its_bytes(void **state) {
  (void)state;
  struct buf bytes = { 0 }, wanted = { 0 };
  buf_put_byte(&wanted, '(');
  for (size_t i = 0; i < TEXT_MAX; i++) {
    put(&bytes, (i == 0 ? TEXT : CONTINUATION) | (i + 1 == TEXT_MAX ? FIN : 0), "x");
    if (i % 100 == 7) put(&bytes, FIN | PONG, "");
    buf_put_byte(&wanted, 'x');
  }
  buf_put_byte(&wanted, ')');
  buf_put_byte(&wanted, 0);
  struct inflows inflows;
  inflows_init(&inflows, TEXT_MAX);
  struct listener listener = { .inflows = &inflows };
  hear(&listener, buf_slice(&bytes));
  assert_heard(&listener, (const char *)wanted.data, "fragments", TEXT_MAX);
  assert_null(listener.inflow);
  listener_done(&listener);
  inflows_done(&inflows);
  buf_done(&bytes);
  buf_done(&wanted);
}

static void the_limit_of_a_text_is_exact(void **state) {
  (void)state;
  char text[TEXT_MAX + 4] = { '(' };
  memset(text + 1, 'y', TEXT_MAX);
  strcpy(text + 1 + TEXT_MAX, ")");
  struct buf bytes = { 0 };
  put_frame(&bytes, FIN | TEXT, slice_of(text + 1, TEXT_MAX));
  assert_reads(&bytes, text);
  memset(text, 'y', sizeof text);
  put_frame(&bytes, FIN | TEXT, slice_of(text, TEXT_MAX + 1));
  assert_reads(&bytes, "<close 1009>");
  put_frame(&bytes, TEXT, slice_of(text, TEXT_MAX));
  put(&bytes, CONTINUATION, "");
  put(&bytes, FIN | CONTINUATION, "y");
  assert_reads(&bytes, "<close 1009>");
}

static void each_fault_has_its_code(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    const char *heard;
  } cases[] = {
    { "\x81\x01x", 3, "<close 1002>" },                                  /* not masked */
    { "\xc1\x81\0\0\0\0x", 7, "<close 1002>" }, { "\xa1\x81\0\0\0\0x", 7, "<close 1002>" },
    { "\x91\x81\0\0\0\0x", 7, "<close 1002>" },                          /* reserved bits */
    { "\x83\x81\0\0\0\0x", 7, "<close 1002>" }, { "\x8b\x81\0\0\0\0x", 7, "<close 1002>" },   /* no such frames */
    { "\x80\x81\0\0\0\0x", 7, "<close 1002>" },                          /* goes on with nothing */
    { "\x01\x81\0\0\0\0x\x01\x81\0\0\0\0x", 14, "<close 1002>" },        /* a text within another */
    { "\x09\x80\0\0\0\0", 6, "<close 1002>" },                           /* a ping in pieces */
    { "\x89\xfe\0\x7e\0\0\0\0", 8, "<close 1002>" },                     /* a long ping */
    { "\x81\xfe\0\x01\0\0\0\0x", 9, "<close 1002>" },                    /* not the shortest size */
    { "\x81\xff\0\0\0\0\0\0\0\x01\0\0\0\0x", 15, "<close 1002>" },
    { "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0x", 15, "<close 1002>" },       /* 2^63 */
    { "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, "<close 1002>" },
    { "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x", 15, "<close 1009>" },
    { "\x81\xff\0\0\0\0\0\x01\0\0\0\0\0\0x", 15, "<close 1009>" },
    { "\x82\x81\0\0\0\0x", 7, "<close 1003>" }, { "\x02\x80\0\0\0\0", 6, "<close 1003>" },
    { "\x81\x81\0\0\0\0\xff", 7, "<close 1007>" }, { "\x81\x81\0\0\0\0\xc3", 7, "<close 1007>" },
    { "\x81\x83\0\0\0\0\xed\xa0\x80", 9, "<close 1007>" },               /* a surrogate */
    { "\x01\x81\0\0\0\0\xc3\x80\x81\0\0\0\0x", 14, "<close 1007>" },
    { "\x88\x80\0\0\0\0", 6, "<close >" }, { "\x88\x82\0\0\0\0\x03\xe9", 8, "<close 1001>" },
    { "\x88\x82\0\0\0\0\x0f\xa0", 8, "<close 4000>" },
    { "\x88\x81\0\0\0\0\x03", 7, "<close 1002>" },                       /* half a code */
    { "\x88\x82\0\0\0\0\x03\xed", 8, "<close 1002>" }, { "\x88\x82\0\0\0\0\0\0", 8, "<close 1002>" },
    { "\x88\x83\0\0\0\0\x03\xe8\xff", 9, "<close 1007>" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buf bytes = { 0 };
    buf_put(&bytes, slice_of(cases[i].bytes, cases[i].size));
    put(&bytes, FIN | TEXT, "never read");
    assert_reads(&bytes, cases[i].heard);
  }
}

static void a_connection_between_two_texts_holds_nothing(void **state) {
  (void)state;
  struct inflows inflows;
  struct buf whole = { 0 };
  inflows_init(&inflows, TEXT_MAX);
  put(&whole, FIN | TEXT, "abc");
  struct listener first = { .inflows = &inflows }, second = { .inflows = &inflows };
  hear(&first, buf_slice(&whole));
  assert_null(first.inflow);
  assert_non_null(inflows.spare);
  hear(&first, slice_of(whole.data, whole.size - 1));
  assert_non_null(first.inflow);
  assert_null(inflows.spare);
  hear(&second, slice_of(whole.data, whole.size - 1));
  hear(&second, slice_after(buf_slice(&whole), whole.size - 1));
  hear(&first, slice_after(buf_slice(&whole), whole.size - 1));
  assert_null(first.inflow);
  assert_null(second.inflow);
  assert_heard(&first, "(abc)(abc)", "first", 0);
  assert_heard(&second, "(abc)", "second", 0);
  listener_done(&first);
  listener_done(&second);
  inflows_done(&inflows);
  buf_done(&whole);
}

/* Each allocation of ours fails once: either nothing is lost, or the connection is over. */
static void memory_may_run_out(void **state) {
  (void)state;
  for (unsigned long k = 1;; k++) {
    struct inflows inflows;
    struct inflow *inflow = NULL;
    struct buf bytes = { 0 };
    bool is_over = false, has_text = false;
    inflows_init(&inflows, TEXT_MAX);
    put(&bytes, FIN | PING, "x");
    put(&bytes, FIN | TEXT, "y");
    mem_fail_at(k);
    for (size_t at = 0; at < bytes.size && !is_over;) {
      struct inflow_step step;
      inflow_read(&inflows, &inflow, slice_after(buf_slice(&bytes), at), &step);
      at += step.taken;
      is_over = step.is_over;
      has_text = step.text.data != NULL;
      frame_free(step.answer);
    }
    bool has_failed = mem_has_failed() != 0;
    mem_fail_at(0);
    assert_int_equal(is_over, has_failed);
    assert_int_equal(has_text, !has_failed);
    inflow_free(inflow);
    inflows_done(&inflows);
    buf_done(&bytes);
    if (!has_failed) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_come_whole_however_they_are_cut),
    cmocka_unit_test(control_frames_come_in_between),
    cmocka_unit_test(a_text_of_many_fragments_costs_its_bytes),
    cmocka_unit_test(the_limit_of_a_text_is_exact),
    cmocka_unit_test(each_fault_has_its_code),
    cmocka_unit_test(a_connection_between_two_texts_holds_nothing),
    cmocka_unit_test(memory_may_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
