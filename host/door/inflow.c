/* inflow.c -- see inflow.h. */
#include "door/inflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"

struct inflow {
  wslay_event_context_ptr ws;
  struct slice fed;            /* what wslay may still read of the present frame's bytes */
  uint64_t left;               /* of the present frame, bytes that have not come yet */
  uint64_t text_bytes_max;
  struct buf text;             /* so far */
  struct buf written;          /* by wslay: a pong or a close */
  bool in_text;                /* a text has begun, and is not over */
  bool in_control;             /* what wslay reads belongs to a control frame */
  bool is_whole;               /* the text is over */
  unsigned fault;              /* the code of the close that this side has to send; 0: none */
};

/* -- what wslay calls -- */

static ssize_t on_wants_bytes(wslay_event_context_ptr ws, uint8_t *to, size_t size, int flags, void *context) {
  struct inflow *inflow = context;
  (void)flags;
  if (inflow->fed.size == 0) {
    wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  if (size > inflow->fed.size) size = inflow->fed.size;
  memcpy(to, inflow->fed.data, size);
  inflow->fed = slice_after(inflow->fed, size);
  return (ssize_t)size;
}

static ssize_t on_writes(wslay_event_context_ptr ws, const uint8_t *bytes, size_t size, int flags, void *context) {
  struct inflow *inflow = context;
  (void)ws, (void)flags;
  buf_put(&inflow->written, slice_of(bytes, size));
  return (ssize_t)size;
}

static void give_up(struct inflow *inflow, unsigned fault) {
  if (inflow->fault == 0) inflow->fault = fault;
  wslay_event_shutdown_read(inflow->ws);
}

static void on_frame(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_start_arg *frame, void *context) {
  struct inflow *inflow = context;
  (void)ws;
  inflow->in_control = wslay_is_ctrl_frame(frame->opcode);
  if (inflow->in_control) return;
  if (frame->opcode == WSLAY_BINARY_FRAME) give_up(inflow, FRAME_UNSUPPORTED);
  if (frame->opcode == WSLAY_TEXT_FRAME) {
    buf_clear(&inflow->text);
    inflow->in_text = true;
  }
  if (frame->payload_length > inflow->text_bytes_max - inflow->text.size) give_up(inflow, FRAME_TOO_LARGE);
}

static void on_payload(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_chunk_arg *piece, void *context) {
  struct inflow *inflow = context;
  (void)ws;
  if (inflow->in_control || inflow->fault != 0) return;
  buf_put(&inflow->text, slice_of(piece->data, piece->data_length));
  if (inflow->text.err != ERR_NONE) give_up(inflow, FRAME_NO_MEMORY);
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *message, void *context) {
  struct inflow *inflow = context;
  (void)ws;
  if (message->opcode == WSLAY_CONNECTION_CLOSE && message->msg_length == 1) give_up(inflow, FRAME_PROTOCOL_ERROR);
  if (message->opcode != WSLAY_TEXT_FRAME) return;
  inflow->in_text = false;
  inflow->is_whole = true;
}

/* -- inflows -- */

static struct inflow *inflow_try_new(uint64_t text_bytes_max) {
  static const struct wslay_event_callbacks callbacks = {
    .recv_callback = on_wants_bytes, .send_callback = on_writes, .on_frame_recv_start_callback = on_frame,
    .on_frame_recv_chunk_callback = on_payload, .on_msg_recv_callback = on_message,
  };
  struct inflow *made = mem_try_zero(sizeof *made);
  if (made == NULL) return NULL;
  if (wslay_event_context_server_init(&made->ws, &callbacks, made) != 0) {
    mem_free(made);
    return NULL;
  }
  wslay_event_config_set_no_buffering(made->ws, 1);
  wslay_event_config_set_max_recv_msg_length(made->ws, text_bytes_max);
  made->text_bytes_max = text_bytes_max;
  return made;
}

void inflow_free(struct inflow *inflow) {
  if (inflow == NULL) return;
  wslay_event_context_free(inflow->ws);
  buf_done(&inflow->text);
  buf_done(&inflow->written);
  mem_free(inflow);
}

void inflows_init(struct inflows *inflows, uint64_t text_bytes_max) {
  *inflows = (struct inflows){ .text_bytes_max = text_bytes_max };
}

void inflows_done(struct inflows *inflows) {
  inflow_free(inflows->spare);
}

/* The next that reads may be another connection's. Its text stays where it is until then: it is the other one that goes. */
static void give_back(struct inflows *inflows, struct inflow **inflow) {
  inflow_free(inflows->spare);
  inflows->spare = *inflow;
  *inflow = NULL;
}

static struct inflow *try_borrow(struct inflows *inflows) {
  struct inflow *spare = inflows->spare;
  inflows->spare = NULL;
  return spare != NULL ? spare : inflow_try_new(inflows->text_bytes_max);
}

/* -- reading -- */

/* How many of the bytes wslay may have now; 0: more must come first. A control frame comes to it in one piece: it takes the
 * first two bytes of each piece of a close for the code. So does a head, up to the key of the mask. */
static size_t next_piece(const struct inflow *inflow, struct slice bytes, uint64_t *left) {
  bool goes_on = inflow != NULL && inflow->left > 0;
  uint64_t whole = goes_on ? inflow->left : frame_size(bytes);
  if (whole == 0) return 0;
  bool is_short = bytes.size < whole;
  if (is_short && !goes_on && frame_is_control(bytes.data[0]) && whole <= FRAME_CONTROL_BYTES_MAX + 6) return 0;
  size_t size = is_short ? bytes.size : (size_t)whole;
  *left = whole - size;
  return size;
}

static struct frame *try_refuse(unsigned code, uint64_t text_bytes_max) {
  char text[FRAME_REASON_BYTES_MAX] = "";
  switch (code) {
    case FRAME_UNSUPPORTED: snprintf(text, sizeof text, "messages are text, in JSON"); break;
    case FRAME_NOT_UTF8: snprintf(text, sizeof text, "a message is not UTF-8"); break;
    case FRAME_TOO_LARGE:
      snprintf(text, sizeof text, "a message is larger than the limit of %" PRIu64 " bytes " LIMIT_NAME(BODY_BYTES),
               text_bytes_max);
      break;
    case FRAME_NO_MEMORY: snprintf(text, sizeof text, "no memory for the message"); break;
    default: snprintf(text, sizeof text, "a frame is not as RFC 6455 wants it"); break;
  }
  return frame_try_close(code, slice_text(text));
}

/* What wslay has written: a pong, or a close. It answers the client's, or gives only the code of a fault. */
static void take_written(struct inflow *inflow, struct inflow_step *step) {
  const struct buf *written = &inflow->written;
  buf_clear(&inflow->written);
  if (!wslay_event_want_write(inflow->ws) || wslay_event_send(inflow->ws) != 0) return;
  if (written->err != ERR_NONE || written->size < 2) {
    inflow->fault = FRAME_NO_MEMORY;
  } else if (wslay_event_get_close_sent(inflow->ws) && !wslay_event_get_close_received(inflow->ws)) {
    inflow->fault = written->size < 4 ? FRAME_PROTOCOL_ERROR : (unsigned)written->data[2] << 8 | written->data[3];
  } else {
    step->answer = frame_try_copy(buf_slice(written));
    step->is_over = wslay_event_get_close_sent(inflow->ws) || step->answer == NULL;
  }
}

static void feed(struct inflow *inflow, struct slice bytes, struct inflow_step *step) {
  inflow->fed = bytes;
  inflow->is_whole = false;
  int err = wslay_event_recv(inflow->ws);
  if (err == WSLAY_ERR_NOMEM) give_up(inflow, FRAME_NO_MEMORY);
  if (err != 0) give_up(inflow, FRAME_PROTOCOL_ERROR);
  if (inflow->fault == 0) take_written(inflow, step);
  if (inflow->fault == 0) return;
  step->answer = try_refuse(inflow->fault, inflow->text_bytes_max);
  step->is_over = true;
}

void inflow_read(struct inflows *inflows, struct inflow **inflow, struct slice bytes, struct inflow_step *step) {
  uint64_t left = 0;
  *step = (struct inflow_step){ .taken = next_piece(*inflow, bytes, &left) };
  if (step->taken == 0) return;
  if (*inflow == NULL) *inflow = try_borrow(inflows);
  if (*inflow == NULL) {
    step->is_over = true;
    return;
  }
  (*inflow)->left = left;
  feed(*inflow, slice_of(bytes.data, step->taken), step);
  if (step->is_over) {
    inflow_free(*inflow);
    *inflow = NULL;
    return;
  }
  if ((*inflow)->is_whole) {
    step->text = buf_slice(&(*inflow)->text);
    if (step->text.data == NULL) step->text = slice_text("");
  }
  if (left == 0 && !(*inflow)->in_text) give_back(inflows, inflow);
}
