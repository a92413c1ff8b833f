/* peer_test.c -- the door's frames and wslay's: what one side writes, the other one reads, however the bytes are cut; and what
 * no side may write ends the connection, with the code that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <wslay/wslay.h>

#include "random.h"

#include "reading.h"

enum { TEXT_BYTES_MAX = 70000 };

/* wslay as the client. */
struct peer {
  wslay_event_context_ptr ws;
  struct random random;
  struct buf written;          /* by it */
  struct slice given;          /* what it may read */
  size_t read_max;             /* at once */
  struct buf texts;            /* that it has read, one behind the other */
  unsigned text_count, pings, close_code;
  struct buf reason;
};

static ssize_t on_read(wslay_event_context_ptr ws, uint8_t *to, size_t size, int flags, void *context) {
  struct peer *peer = context;
  (void)flags;
  if (size > peer->read_max) size = peer->read_max;
  if (size > peer->given.size) size = peer->given.size;
  if (size == 0) {
    wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  memcpy(to, peer->given.data, size);
  peer->given = slice_after(peer->given, size);
  return (ssize_t)size;
}

static ssize_t on_write(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags, void *context) {
  struct peer *peer = context;
  (void)ws, (void)flags;
  buf_put(&peer->written, slice_of(bytes, size));
  return (ssize_t)size;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *mask, size_t size, void *context) {
  struct peer *peer = context;
  (void)ws;
  for (size_t i = 0; i < size; i++) mask[i] = (uint8_t)random_next(&peer->random);
  return 0;
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *message, void *context) {
  struct peer *peer = context;
  (void)ws;
  if (message->opcode == WSLAY_PING) peer->pings++;
  if (message->opcode == WSLAY_CONNECTION_CLOSE) {
    peer->close_code = message->status_code;
    if (message->msg_length > 2) buf_put(&peer->reason, slice_of(message->msg + 2, message->msg_length - 2));
  }
  if (message->opcode != WSLAY_TEXT_FRAME) return;
  peer->text_count++;
  buf_put(&peer->texts, slice_of(message->msg, message->msg_length));
}

static void peer_init(struct peer *peer, struct random *random) {
  static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_read, .send_callback = on_write, .genmask_callback = on_mask, .on_msg_recv_callback = on_message,
  };
  *peer = (struct peer){ .random = { random_next(random) }, .read_max = SIZE_MAX };
  assert_int_equal(wslay_event_context_client_init(&peer->ws, &callbacks, peer), 0);
}

static void peer_done(struct peer *peer) {
  wslay_event_context_free(peer->ws);
  buf_done(&peer->written);
  buf_done(&peer->texts);
  buf_done(&peer->reason);
}

static void peer_flush(struct peer *peer) {
  assert_int_equal(wslay_event_send(peer->ws), 0);
  assert_false(wslay_event_want_write(peer->ws));
}

static void peer_queue(struct peer *peer, uint8_t opcode, struct slice payload) {
  const struct wslay_event_msg message = { opcode, payload.data, payload.size };
  assert_int_equal(wslay_event_queue_msg(peer->ws, &message), 0);
}

static void peer_send(struct peer *peer, uint8_t opcode, struct slice payload) {
  peer_queue(peer, opcode, payload);
  peer_flush(peer);
}

/* A text in fragments, with pings between them. */
struct fragments {
  struct peer *peer;
  struct slice rest;
  size_t size_max;
  unsigned pings;
  bool with_pings;
};

static ssize_t next_fragment(wslay_event_context_ptr ws, uint8_t *to, size_t size, const union wslay_event_msg_source *source,
                             int *eof, void *context) {
  struct fragments *fragments = source->data;
  (void)ws, (void)context;
  if (size > fragments->size_max) size = fragments->size_max;
  if (size > fragments->rest.size) size = fragments->rest.size;
  if (size > 0) memcpy(to, fragments->rest.data, size);
  fragments->rest = slice_after(fragments->rest, size);
  *eof = fragments->rest.size == 0;
  if (!*eof && fragments->with_pings) {
    peer_queue(fragments->peer, WSLAY_PING, slice_text("between"));
    fragments->pings++;
  }
  return (ssize_t)size;
}

/* Returns how many pings came between. wslay makes no fragments over 4 KiB. */
static unsigned peer_send_fragments(struct peer *peer, struct slice text, size_t size_max, bool with_pings) {
  struct fragments fragments = { .peer = peer, .rest = text, .size_max = size_max, .with_pings = with_pings };
  const struct wslay_event_fragmented_msg message = { WSLAY_TEXT_FRAME, { .data = &fragments }, next_fragment };
  assert_int_equal(wslay_event_queue_fragmented_msg(peer->ws, &message), 0);
  peer_flush(peer);
  return fragments.pings;
}

/* -- what wslay writes, read by the door -- */

static void assert_told(const struct reading *reading, struct slice wanted) {
  if (slice_equal(buf_slice(&reading->told), wanted)) return;
  fail_msg("told %.*s\nwanted %.*s", (int)reading->told.size, (const char *)reading->told.data, (int)wanted.size,
           (const char *)wanted.data);
}

static void put_text(struct buf *told, struct slice text) {
  buf_put_byte(told, 'T');
  buf_put_u32(told, (uint32_t)text.size);
  buf_put(told, text);
}

/* A pong, as the server writes it: not masked. */
static void put_pong(struct buf *told, const char *payload) {
  size_t size = strlen(payload);
  buf_put_byte(told, 'A');
  buf_put_u32(told, (uint32_t)size + 2);
  buf_put_byte(told, 0x8a);
  buf_put_byte(told, (uint8_t)size);
  buf_put_text(told, payload);
}

static void assert_reads(struct inflows *inflows, const struct slice *pieces, size_t count, struct slice wanted) {
  struct reading reading = { .inflows = inflows };
  for (size_t i = 0; i < count; i++) reading_put(&reading, pieces[i]);
  assert_told(&reading, wanted);
  assert_null(reading.inflow);         /* an idle connection holds no reader */
  reading_done(&reading);
}

/* In one piece, in single bytes, in all pairs of pieces and, if it is not long, in all sets of three. */
static void assert_reads_in_every_split(struct slice bytes, struct slice wanted) {
  enum { THREE_MAX = 220 };
  struct inflows inflows;
  inflows_init(&inflows, TEXT_BYTES_MAX);
  struct reading reading = { .inflows = &inflows };
  for (size_t i = 0; i < bytes.size; i++) reading_put(&reading, slice_of(bytes.data + i, 1));
  assert_told(&reading, wanted);
  reading_done(&reading);
  for (size_t first = 0; first <= bytes.size; first++) {
    for (size_t second = bytes.size <= THREE_MAX ? first : bytes.size; second <= bytes.size; second++) {
      const struct slice pieces[] = { slice_of(bytes.data, first), slice_of(bytes.data + first, second - first),
                                      slice_after(bytes, second) };
      assert_reads(&inflows, pieces, 3, wanted);
    }
  }
  inflows_done(&inflows);
}

static void texts_pings_and_fragments_come_through_every_split(void **state) {
  (void)state;
  struct slice call = slice_text("{\"id\":1,\"method\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}");
  struct slice odd = slice_text("\xf0\x9f\x98\x80\xc3\xa9!");
  struct random random = random_begin("texts, pings and fragments");
  struct peer peer;
  struct buf wanted = { 0 };
  peer_init(&peer, &random);
  peer_send(&peer, WSLAY_TEXT_FRAME, call);
  peer_send(&peer, WSLAY_PING, slice_text("are you there?"));
  peer_send(&peer, WSLAY_TEXT_FRAME, slice_text(""));
  peer_send(&peer, WSLAY_PONG, slice_text("nobody asked"));
  assert_int_equal(peer_send_fragments(&peer, odd, 1, true), odd.size - 1);
  peer_send(&peer, WSLAY_TEXT_FRAME, slice_text("last"));
  put_text(&wanted, call);
  put_pong(&wanted, "are you there?");
  put_text(&wanted, slice_text(""));
  for (size_t i = 1; i < odd.size; i++) put_pong(&wanted, "between");
  put_text(&wanted, odd);
  put_text(&wanted, slice_text("last"));
  assert_reads_in_every_split(buf_slice(&peer.written), buf_slice(&wanted));
  buf_done(&wanted);
  peer_done(&peer);
}

static struct slice text_of(size_t size, struct buf *room) {
  for (size_t i = room->size; i < size; i++) buf_put_byte(room, (uint8_t)(' ' + i % 90));
  return slice_of(room->data, size);
}

static void texts_of_each_size_come_through(void **state) {
  (void)state;
  static const size_t sizes[] = { 0, 1, 2, 124, 125, 126, 127, 128, 4095, 4096, 4097, 65534, 65535, 65536, 65537, TEXT_BYTES_MAX };
  struct random random = random_begin("texts of each size");
  struct buf room = { 0 };
  text_of(TEXT_BYTES_MAX, &room);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    struct peer peer;
    struct buf wanted = { 0 };
    struct slice text = text_of(sizes[i], &room);
    peer_init(&peer, &random);
    peer_send(&peer, WSLAY_TEXT_FRAME, text);
    put_text(&wanted, text);
    for (unsigned pings = peer_send_fragments(&peer, text, 1 + sizes[i] / 3, true); pings > 0; pings--) {
      put_pong(&wanted, "between");
    }
    put_text(&wanted, text);

    struct inflows inflows;
    inflows_init(&inflows, TEXT_BYTES_MAX);
    for (size_t piece = 1; piece < 200000; piece = piece * 7 + 1) {
      struct reading reading = { .inflows = &inflows };
      struct slice bytes = buf_slice(&peer.written);
      for (; bytes.size > piece; bytes = slice_after(bytes, piece)) reading_put(&reading, slice_of(bytes.data, piece));
      reading_put(&reading, bytes);
      assert_told(&reading, buf_slice(&wanted));
      reading_done(&reading);
    }
    inflows_done(&inflows);
    buf_done(&wanted);
    peer_done(&peer);
  }
  buf_done(&room);
}

/* Each keeps its own place, though they borrow readers from one another. */
static void connections_do_not_mix(void **state) {
  (void)state;
  enum { CONNECTIONS = 3, TEXTS = 40 };
  struct random random = random_begin("connections");
  struct inflows inflows;
  inflows_init(&inflows, TEXT_BYTES_MAX);
  struct reading readings[CONNECTIONS];
  struct buf bytes[CONNECTIONS] = { 0 }, wanted[CONNECTIONS] = { 0 };
  size_t at[CONNECTIONS] = { 0 }, left = 0;
  for (size_t c = 0; c < CONNECTIONS; c++) {
    struct peer peer;
    readings[c] = (struct reading){ .inflows = &inflows };
    peer_init(&peer, &random);
    for (int i = 0; i < TEXTS; i++) {
      char text[300];
      int size = snprintf(text, sizeof text, "%d of %zu: %.*s", i, c, (int)random_below(&random, 200), "................................"
                          "................................................................................................................"
                          "........................................................");
      (void)peer_send_fragments(&peer, slice_of(text, (size_t)size), 1 + random_below(&random, 300), false);
      put_text(&wanted[c], slice_of(text, (size_t)size));
    }
    buf_put(&bytes[c], buf_slice(&peer.written));
    left += bytes[c].size;
    peer_done(&peer);
  }
  while (left > 0) {
    size_t c = random_below(&random, CONNECTIONS), rest = bytes[c].size - at[c];
    size_t size = random_below(&random, 150);
    if (size > rest) size = rest;
    reading_put(&readings[c], slice_of(bytes[c].data + at[c], size));
    at[c] += size;
    left -= size;
  }
  for (size_t c = 0; c < CONNECTIONS; c++) {
    assert_told(&readings[c], buf_slice(&wanted[c]));
    assert_null(readings[c].inflow);
    reading_done(&readings[c]);
    buf_done(&wanted[c]);
    buf_done(&bytes[c]);
  }
  inflows_done(&inflows);
}

/* -- how it ends -- */

/* The code of a close frame of the server's; 0: it has none. */
static unsigned code_of_close(struct slice frame) {
  assert_in_range(frame.size, 2, 2 + FRAME_CONTROL_BYTES_MAX);
  assert_int_equal(frame.data[0], 0x88);
  assert_int_equal(frame.data[1], frame.size - 2);
  return frame.size == 2 ? 0 : (unsigned)frame.data[2] << 8 | frame.data[3];
}

/* That a connection which sends these bytes behind a text is closed for them, in every split, with such a code. */
static void assert_is_closed(const char *what, const char *bytes, size_t size, unsigned code) {
  static const char before[] = "\x81\x82\0\0\0\0ok";
  struct buf all = { 0 };
  struct inflows inflows;
  inflows_init(&inflows, TEXT_BYTES_MAX);
  buf_put(&all, slice_of(before, sizeof before - 1));
  buf_put(&all, slice_of(bytes, size));
  buf_put_text(&all, "\x81\x85\0\0\0\0never");                   /* is not read any more */
  for (size_t split = 0; split <= all.size + 1; split++) {
    struct reading reading = { .inflows = &inflows };
    for (size_t i = 0; split > all.size && i < all.size; i++) reading_put(&reading, slice_of(all.data + i, 1));
    if (split <= all.size) {
      reading_put(&reading, slice_of(all.data, split));
      reading_put(&reading, slice_after(buf_slice(&all), split));
    }
    struct slice told = buf_slice(&reading.told), text, answer = slice_of(NULL, 0);
    bool is_text = reading_take(&told, 'T', &text) && slice_equal(text, slice_text("ok"));
    while (reading_take(&told, 'A', &answer) && answer.data[0] == 0x8a) continue;
    if (!is_text || told.size != 1 || told.data[0] != 'O' || answer.size == 0 || code_of_close(answer) != code) {
      fail_msg("%s, split at %zu: wanted a close with %u, got %s with %u", what, split, code, told.size == 1 ? "one" : "none",
               answer.size == 0 ? 0 : code_of_close(answer));
    }
    reading_done(&reading);
  }
  inflows_done(&inflows);
  buf_done(&all);
}

#define IS_CLOSED(code, bytes) assert_is_closed(#bytes, bytes, sizeof(bytes) - 1, code)
#define MASK "\x01\x02\x03\x04"
#define NO_MASK "\0\0\0\0"

static void what_is_no_frame_of_a_client_ends_it(void **state) {
  (void)state;
  IS_CLOSED(1002, "\x81\x02" "hi");                               /* not masked */
  IS_CLOSED(1002, "\x81\x00");
  IS_CLOSED(1002, "\x89\x00");
  IS_CLOSED(1002, "\x88\x02\x03\xe8");
  IS_CLOSED(1002, "\xc1\x82" MASK "hi");                          /* reserved bits */
  IS_CLOSED(1002, "\xa1\x82" MASK "hi");
  IS_CLOSED(1002, "\x91\x82" MASK "hi");
  IS_CLOSED(1002, "\xf1\x80" MASK);
  IS_CLOSED(1002, "\xc9\x80" MASK);
  IS_CLOSED(1002, "\x41\x80" MASK);
  IS_CLOSED(1002, "\x09\x80" MASK);                               /* control frames in fragments, or too long */
  IS_CLOSED(1002, "\x08\x82" NO_MASK "\x03\xe8");
  IS_CLOSED(1002, "\x0a\x80" MASK);
  IS_CLOSED(1002, "\x89\xfe\x00\x7e" MASK "......");
  IS_CLOSED(1002, "\x89\xff\0\0\0\0\0\x01\0\0" MASK);
  IS_CLOSED(1002, "\x80\x82" MASK "hi");                          /* the rest of nothing */
  IS_CLOSED(1002, "\x00\x82" MASK "hi");
  IS_CLOSED(1002, "\x01\x81" MASK "a\x81\x81" MASK "b");          /* a text within a text */
  IS_CLOSED(1002, "\x01\x81" MASK "a\x01\x81" MASK "b");
  IS_CLOSED(1002, "\x81\xfe\x00\x02" MASK "hi");                  /* a size that is written too long */
  IS_CLOSED(1002, "\x81\xff\0\0\0\0\0\0\0\x02" MASK "hi");
  IS_CLOSED(1002, "\x81\xff\0\0\0\0\0\0\xff\xff" MASK "hi");
}

static void an_opcode_that_there_is_not_ends_it(void **state) {
  (void)state;
  for (unsigned opcode = 3; opcode < 16; opcode++) {
    if (opcode >= 8 && opcode <= 10) continue;
    const char frame[] = { (char)(0x80 | opcode), (char)0x81, 1, 2, 3, 4, 'x' };
    assert_is_closed("an opcode", frame, sizeof frame, 1002);
  }
}

static void a_binary_message_ends_it(void **state) {
  (void)state;
  IS_CLOSED(1003, "\x82\x82" MASK "hi");
  IS_CLOSED(1003, "\x02\x81" MASK "h");
  IS_CLOSED(1003, "\x82\x80" MASK);
}

static void a_size_beyond_the_limit_ends_it(void **state) {
  (void)state;
  IS_CLOSED(1002, "\x81\xff\x80\0\0\0\0\0\0\0" MASK "hi");          /* 2^63: there is no such size */
  IS_CLOSED(1002, "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" MASK "hi");
  IS_CLOSED(1009, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "hi");
  IS_CLOSED(1009, "\x81\xff\x40\0\0\0\0\0\0\0" MASK "hi");
  IS_CLOSED(1009, "\x81\xff\0\0\0\0\0\x01\x11\x71" MASK "hi");      /* 70,001 */
  IS_CLOSED(1009, "\x01\x81" MASK "a\x80\xff\0\0\0\0\0\x01\x11\x70" MASK "hi");
  IS_CLOSED(1009, "\x01\x81" MASK "a\x89\x80" MASK "\x00\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "hi");
}

static void a_text_that_is_no_utf8_ends_it(void **state) {
  (void)state;
  IS_CLOSED(1007, "\x81\x81" NO_MASK "\xff");
  IS_CLOSED(1007, "\x81\x81" NO_MASK "\x80");
  IS_CLOSED(1007, "\x81\x82" NO_MASK "\xc0\x80");                   /* too long for its character */
  IS_CLOSED(1007, "\x81\x82" NO_MASK "\xc1\xbf");
  IS_CLOSED(1007, "\x81\x83" NO_MASK "\xe0\x80\x80");
  IS_CLOSED(1007, "\x81\x84" NO_MASK "\xf0\x80\x80\x80");
  IS_CLOSED(1007, "\x81\x83" NO_MASK "\xed\xa0\x80");               /* half of a pair */
  IS_CLOSED(1007, "\x81\x84" NO_MASK "\xf4\x90\x80\x80");           /* beyond the last character */
  IS_CLOSED(1007, "\x81\x84" NO_MASK "\xf5\x80\x80\x80");
  IS_CLOSED(1007, "\x81\x81" NO_MASK "\xc3");                       /* cut off */
  IS_CLOSED(1007, "\x81\x83" NO_MASK "\xf0\x9f\x98");
  IS_CLOSED(1007, "\x01\x81" NO_MASK "\xc3\x80\x81" NO_MASK "\xc3");
  IS_CLOSED(1007, "\x01\x81" NO_MASK "\xc3\x89\x80" NO_MASK "\x80\x80" NO_MASK);
  IS_CLOSED(1007, "\x01\x82" NO_MASK "\xf0\x9f\x89\x81" NO_MASK "p\x00\x81" NO_MASK "\x98\x80\x81" NO_MASK "a");
}

static void a_close_is_answered_with_its_code(void **state) {
  (void)state;
  IS_CLOSED(1000, "\x88\x82" NO_MASK "\x03\xe8");
  IS_CLOSED(1001, "\x88\x85" NO_MASK "\x03\xe9" "bye");
  IS_CLOSED(4999, "\x88\x82" NO_MASK "\x13\x87");
  IS_CLOSED(3000, "\x01\x81" MASK "a\x88\x82" NO_MASK "\x0b\xb8");     /* in the middle of a text */
  IS_CLOSED(0, "\x88\x80" MASK);
  IS_CLOSED(1002, "\x88\x81" NO_MASK "\x03");                           /* half a code */
  IS_CLOSED(1002, "\x88\x82" NO_MASK "\x03\xed");                       /* 1005, 1006, 999, 5000: nobody may send them */
  IS_CLOSED(1002, "\x88\x82" NO_MASK "\x03\xee");
  IS_CLOSED(1002, "\x88\x82" NO_MASK "\x03\xe7");
  IS_CLOSED(1002, "\x88\x82" NO_MASK "\x13\x88");
  IS_CLOSED(1002, "\x88\x82" NO_MASK "\0\0");
  IS_CLOSED(1007, "\x88\x84" NO_MASK "\x03\xe8\xc3\x28");
}

static void a_frame_that_has_not_come_whole_ends_nothing(void **state) {
  (void)state;
  static const char bytes[] = "\x81\xfe\x00\x80" MASK "abc";
  struct inflows inflows;
  inflows_init(&inflows, TEXT_BYTES_MAX);
  for (size_t size = 0; size < sizeof bytes; size++) {
    struct reading reading = { .inflows = &inflows };
    reading_put(&reading, slice_of(bytes, size));
    assert_int_equal(reading.told.size, 0);
    reading_done(&reading);            /* the connection is cut here */
  }
  inflows_done(&inflows);
}

/* -- what the door writes, read by wslay -- */

static void peer_read(struct peer *peer, struct slice bytes, size_t read_max) {
  peer->given = bytes;
  peer->read_max = read_max;
  while (peer->given.size > 0) assert_int_equal(wslay_event_recv(peer->ws), 0);
}

static void wslay_reads_the_frames_of_the_door(void **state) {
  (void)state;
  static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 200000 };
  struct random random = random_begin("frames of the door");
  struct buf room = { 0 };
  text_of(200000, &room);
  for (size_t read_max = 1; read_max < 300000; read_max = read_max * 9 + 1) {
    struct peer peer;
    struct buf wanted = { 0 };
    peer_init(&peer, &random);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      struct slice half = text_of(sizes[i] / 2, &room), pieces[] = { half, slice_of(room.data, sizes[i] - half.size) };
      struct frame *text = frame_try_new(FRAME_TEXT, pieces, 2), *ping = frame_try_new(FRAME_PING, NULL, 0);
      peer_read(&peer, slice_of(text->bytes, text->size), read_max);
      peer_read(&peer, slice_of(ping->bytes, ping->size), read_max);
      buf_put(&wanted, pieces[0]);
      buf_put(&wanted, pieces[1]);
      assert_int_equal(peer.text_count, i + 1);
      assert_int_equal(peer.pings, i + 1);
      frame_free(text);
      frame_free(ping);
    }
    assert_true(slice_equal(buf_slice(&peer.texts), buf_slice(&wanted)));

    peer_flush(&peer);                     /* the pongs, which mean nothing more to the door */
    struct inflows inflows;
    inflows_init(&inflows, TEXT_BYTES_MAX);
    assert_reads(&inflows, &(struct slice){ peer.written.data, peer.written.size }, 1, slice_of(NULL, 0));
    inflows_done(&inflows);
    buf_done(&wanted);
    peer_done(&peer);
  }
  buf_done(&room);
}

static void both_sides_agree_that_it_is_over(void **state) {
  (void)state;
  static const unsigned codes[] = { 1001, 1003, 4000, 4001, 4403, 4503 };   /* wslay does not know 1013 */
  struct random random = random_begin("closes");
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    struct peer peer;
    struct inflows inflows;
    inflows_init(&inflows, TEXT_BYTES_MAX);
    peer_init(&peer, &random);
    struct frame *close = frame_try_close(codes[i], slice_text("forbidden_origin \xc3\xa9"));
    peer_read(&peer, slice_of(close->bytes, close->size), SIZE_MAX);
    assert_int_equal(peer.close_code, codes[i]);
    assert_true(slice_equal(buf_slice(&peer.reason), slice_text("forbidden_origin \xc3\xa9")));
    peer_flush(&peer);
    struct reading reading = { .inflows = &inflows };
    reading_put(&reading, buf_slice(&peer.written));
    assert_true(reading.is_over);
    reading_done(&reading);
    frame_free(close);
    peer_done(&peer);

    peer_init(&peer, &random);
    assert_int_equal(wslay_event_queue_close(peer.ws, (uint16_t)codes[i], (const uint8_t *)"bye", 3), 0);
    peer_flush(&peer);
    reading = (struct reading){ .inflows = &inflows };
    reading_put(&reading, buf_slice(&peer.written));
    struct slice told = buf_slice(&reading.told), answer = slice_of(NULL, 0);
    assert_true(reading_take(&told, 'A', &answer));
    peer_read(&peer, answer, SIZE_MAX);
    assert_int_equal(peer.close_code, codes[i]);
    assert_true(wslay_event_get_close_received(peer.ws) && wslay_event_get_close_sent(peer.ws));
    reading_done(&reading);
    peer_done(&peer);
    inflows_done(&inflows);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_pings_and_fragments_come_through_every_split),
    cmocka_unit_test(texts_of_each_size_come_through),
    cmocka_unit_test(connections_do_not_mix),
    cmocka_unit_test(what_is_no_frame_of_a_client_ends_it),
    cmocka_unit_test(an_opcode_that_there_is_not_ends_it),
    cmocka_unit_test(a_binary_message_ends_it),
    cmocka_unit_test(a_size_beyond_the_limit_ends_it),
    cmocka_unit_test(a_text_that_is_no_utf8_ends_it),
    cmocka_unit_test(a_close_is_answered_with_its_code),
    cmocka_unit_test(a_frame_that_has_not_come_whole_ends_nothing),
    cmocka_unit_test(wslay_reads_the_frames_of_the_door),
    cmocka_unit_test(both_sides_agree_that_it_is_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
