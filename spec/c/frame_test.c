/* frame_test.c -- frames that are sent: their bytes, how they are shared, and what of them a socket has taken. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "door/outflow.h"

static void assert_bytes(const struct frame *frame, const char *bytes, size_t size) {
  assert_int_equal(frame->size, size);
  assert_memory_equal(frame->bytes, bytes, size);
}

static struct frame *text_of(size_t size) {
  struct buf text = { 0 };
  for (size_t i = 0; i < size; i++) buf_put_byte(&text, (uint8_t)('a' + i % 26));
  struct slice pieces[] = { buf_slice(&text) };
  struct frame *made = frame_try_new(FRAME_TEXT, pieces, 1);
  assert_non_null(made);
  assert_int_equal(made->size - size, size < 126 ? 2 : size <= 0xffff ? 4 : 10);
  assert_true(slice_equal(slice_of(made->bytes + made->size - size, size), buf_slice(&text)));
  buf_done(&text);
  return made;
}

static void the_head_has_the_shortest_size(void **state) {
  (void)state;
  static const struct {
    size_t size;
    char head[11];
  } cases[] = {
    { 0, "\x81\0" }, { 1, "\x81\x01" }, { 125, "\x81\x7d" }, { 126, "\x81\x7e\0\x7e" }, { 256, "\x81\x7e\x01\0" },
    { 0xffff, "\x81\x7e\xff\xff" }, { 0x10000, "\x81\x7f\0\0\0\0\0\x01\0\0" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct frame *frame = text_of(cases[i].size);
    size_t head = frame->size - cases[i].size;
    assert_memory_equal(frame->bytes, cases[i].head, head);
    for (size_t given = 0; given <= head; given++) {
      uint64_t size = frame_size(slice_of(frame->bytes, given));
      assert_int_equal(size, given < head ? 0 : frame->size);
    }
    frame_free(frame);
  }
}

static void the_size_of_what_comes_counts_the_mask(void **state) {
  (void)state;
  static const uint8_t eight[] = { 0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf1 };
  assert_int_equal(frame_size(slice_of("\x81\x85", 2)), 2 + 4 + 5);
  assert_int_equal(frame_size(slice_of("\x01\xfe\x01", 3)), 0);
  assert_int_equal(frame_size(slice_of("\x01\xfe\x01\x02", 4)), 4 + 4 + 0x102);
  assert_int_equal(frame_size(slice_of(eight, 9)), 0);
  assert_true(frame_size(slice_of(eight, 10)) == UINT64_MAX);
  assert_true(frame_size(slice_of("\x81\x7f\x80\0\0\0\0\0\0\0", 10)) == (UINT64_C(1) << 63) + 10);
}

static void pieces_are_joined(void **state) {
  (void)state;
  struct slice pieces[] = { slice_text("{"), slice_of(NULL, 0), slice_text("}\n"), slice_text("") };
  struct frame *frame = frame_try_new(FRAME_TEXT, pieces, 4), *ping = frame_try_new(FRAME_PING, NULL, 0);
  struct frame *copy = frame_try_copy(slice_of(frame->bytes, frame->size));
  assert_bytes(frame, "\x81\x03{}\n", 5);
  assert_bytes(copy, "\x81\x03{}\n", 5);
  assert_bytes(ping, "\x89\0", 2);
  frame_free(frame);
  frame_free(copy);
  frame_free(ping);
}

static void a_close_has_a_code_and_what_fits_of_the_reason(void **state) {
  (void)state;
  struct frame *frame = frame_try_close(FRAME_GOING_AWAY, slice_text("bye"));
  assert_bytes(frame, "\x88\x05\x03\xe9" "bye", 7);
  frame_free(frame);
  frame = frame_try_close(4404, slice_of(NULL, 0));
  assert_bytes(frame, "\x88\x02\x11\x34", 4);
  frame_free(frame);
  frame = frame_try_close(4000, slice_text("a\xff" "b"));
  assert_bytes(frame, "\x88\x03\x0f\xa0" "a", 5);
  frame_free(frame);

  struct buf reason = { 0 };
  for (int i = 0; i < 100; i++) buf_put_text(&reason, "\xc3\xa9");
  frame = frame_try_close(4000, buf_slice(&reason));
  assert_int_equal(frame->size, 2 + 2 + 122);                   /* not through a character */
  frame_free(frame);
  buf_done(&reason);
}

static void it_is_freed_with_its_last_share(void **state) {
  (void)state;
  struct frame *frame = text_of(3);
  for (int i = 0; i < 3; i++) assert_ptr_equal(frame_share(frame), frame);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(frame->bytes[0], 0x81);
    frame_free(frame);
  }
  frame_free(NULL);
}

/* -- the outflow -- */

struct ends {
  int ours, theirs;
};

static struct ends open_ends(void) {
  int both[2], size = 4096;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
  assert_int_equal(setsockopt(both[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
  return (struct ends){ both[0], both[1] };
}

static void close_ends(struct ends ends) {
  close(ends.ours);
  close(ends.theirs);
}

static void read_all(struct ends ends, struct buf *into) {
  uint8_t bytes[1000];
  ssize_t got;
  while ((got = read(ends.theirs, bytes, sizeof bytes)) > 0) buf_put(into, slice_of(bytes, (size_t)got));
}

static void frames_leave_in_order_however_little_is_taken(void **state) {
  (void)state;
  struct ends ends = open_ends();
  struct outflow outflow = { 0 };
  struct buf sent = { 0 }, taken = { 0 };
  for (size_t round = 0; round < 50; round++) {
    for (size_t i = 0; i < 1 + round % 90; i++) {
      struct frame *frame = text_of((round * 131 + i * 17) % 3000);
      buf_put(&sent, slice_of(frame->bytes, frame->size));
      assert_true(outflow_try_put(&outflow, &frame));
      assert_null(frame);
    }
    assert_true(outflow_write(&outflow, ends.ours));
    if (round % 3 == 0) read_all(ends, &taken);
    assert_in_range(outflow.bytes, 0, sent.size - taken.size);
  }
  while (outflow.count > 0) {
    read_all(ends, &taken);
    assert_true(outflow_write(&outflow, ends.ours));
  }
  read_all(ends, &taken);
  assert_int_equal(outflow.bytes, 0);
  assert_null(outflow.frames);
  assert_true(slice_equal(buf_slice(&sent), buf_slice(&taken)));
  buf_done(&sent);
  buf_done(&taken);
  close_ends(ends);
}

/* As many frames as do not fit; the last put is a mark. */
static void fill(struct outflow *outflow, struct ends ends) {
  while (outflow->count < 3) {
    struct frame *frame = text_of(700);
    assert_true(outflow_try_put(outflow, &frame));
    assert_true(outflow_write(outflow, ends.ours));
  }
}

static void what_is_dropped_is_what_has_not_begun(void **state) {
  (void)state;
  struct ends ends = open_ends();
  struct outflow outflow = { 0 };
  struct buf taken = { 0 };
  fill(&outflow, ends);
  size_t begun = outflow.sent > 0 ? outflow.frames[outflow.first]->size - outflow.sent : 0;
  outflow_drop(&outflow);
  assert_int_equal(outflow.bytes, begun);
  struct frame *close_frame = frame_try_close(1013, slice_text("slow"));
  assert_true(outflow_try_put(&outflow, &close_frame));
  while (outflow.count > 0) {
    read_all(ends, &taken);
    assert_true(outflow_write(&outflow, ends.ours));
  }
  read_all(ends, &taken);
  struct slice rest = buf_slice(&taken);
  while (rest.data[0] == 0x81) rest = slice_after(rest, frame_size(rest));
  assert_int_equal(frame_size(rest), rest.size);
  assert_memory_equal(rest.data, "\x88\x06\x03\xf5slow", rest.size);
  buf_done(&taken);
  close_ends(ends);
}

static void a_file_that_takes_nothing_any_more_is_told(void **state) {
  (void)state;
  struct ends ends = open_ends();
  struct outflow outflow = { 0 };
  struct frame *frame = text_of(10);
  assert_true(outflow_write(&outflow, ends.ours));
  close(ends.theirs);
  assert_true(outflow_try_put(&outflow, &frame));
  assert_false(outflow_write(&outflow, ends.ours));
  outflow_done(&outflow);
  assert_int_equal(outflow.count, 0);
  close(ends.ours);
}

static void memory_may_run_out(void **state) {
  (void)state;
  struct slice pieces[] = { slice_text("x") };
  mem_fail_at(1);
  assert_null(frame_try_new(FRAME_TEXT, pieces, 1));
  struct outflow outflow = { 0 };
  struct frame *frame = text_of(1);
  mem_fail_at(1);
  assert_false(outflow_try_put(&outflow, &frame));
  assert_null(frame);
  mem_fail_at(0);
  assert_int_equal(outflow.bytes, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_head_has_the_shortest_size),
    cmocka_unit_test(the_size_of_what_comes_counts_the_mask),
    cmocka_unit_test(pieces_are_joined),
    cmocka_unit_test(a_close_has_a_code_and_what_fits_of_the_reason),
    cmocka_unit_test(it_is_freed_with_its_last_share),
    cmocka_unit_test(frames_leave_in_order_however_little_is_taken),
    cmocka_unit_test(what_is_dropped_is_what_has_not_begun),
    cmocka_unit_test(a_file_that_takes_nothing_any_more_is_told),
    cmocka_unit_test(memory_may_run_out),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
