/* channel.c -- see channel.h. */
#include "door/channel.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/check.h"
#include "door/visit.h"

/* -- the end of a turn -- */

static void stir(struct channel *channel) {
  struct channels *channels = channel->channels;
  if (channel->is_stirred || channel->sock == NULL) return;
  channel->is_stirred = true;
  LIST_INSERT_HEAD(&channels->stirred, channel, in_stirred);
  if (!h2o_timeout_is_linked(&channels->turn_end)) h2o_timeout_link(channels->loop, &channels->at_once, &channels->turn_end);
}

void channel_cut(struct channel *channel) {
  channel->is_lost = true;
  stir(channel);
}

/* -- closing -- */

static void release(struct channel *channel) {
  h2o_timeout_unlink(&channel->timer);
  if (channel->is_stirred) LIST_REMOVE(channel, in_stirred);
  channel->is_stirred = false;
  outflow_done(&channel->outflow);
  inflow_free(channel->inflow);
  channel->inflow = NULL;
  buf_done(&channel->early);
}

void channel_done(struct channel *channel) {
  CHECK(channel->sock == NULL);
  release(channel);
}

/* The channel is gone. With `rudely` the system, too, forgets what the client has not taken. */
static void end(struct channel *channel, bool rudely) {
  h2o_socket_t *sock = channel->sock;
  const struct channel_events *events = channel->channels->events;
  const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
  if (channel->state != CHANNEL_CLOSING) events->over(channel);
  if (sock != NULL && rudely) {
    (void)setsockopt(h2o_socket_get_fd(sock), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  release(channel);
  if (sock != NULL) h2o_socket_close(sock);
  events->gone(channel);
}

static void start_timer(struct channel *channel, h2o_timeout_t *length) {
  h2o_timeout_unlink(&channel->timer);
  h2o_timeout_link(channel->channels->loop, length, &channel->timer);
}

/* `frame` is a close; NULL: there was no memory for it. */
static void begin_closing(struct channel *channel, struct frame *frame) {
  channel->channels->events->over(channel);
  channel->state = CHANNEL_CLOSING;
  inflow_free(channel->inflow);
  channel->inflow = NULL;
  buf_done(&channel->early);
  if (channel->sock != NULL) start_timer(channel, &channel->channels->closing);
  if (frame == NULL || !outflow_try_put(&channel->outflow, &frame)) channel->is_lost = true;
  stir(channel);
}

void channel_close(struct channel *channel, unsigned code, struct slice reason) {
  if (channel->state != CHANNEL_CLOSING) begin_closing(channel, frame_try_close(code, reason));
}

/* -- out -- */

static bool can_write(const struct channel *channel) {
  return channel->sock != NULL && !h2o_socket_is_writing(channel->sock);
}

static void write_now(struct channel *channel) {
  if (!outflow_write(&channel->outflow, h2o_socket_get_fd(channel->sock))) channel->is_lost = true;
}

/* Frames that nobody has seen the beginning of are dropped: this client has given up hearing everything. */
static void close_slow(struct channel *channel) {
  char reason[FRAME_REASON_BYTES_MAX];
  snprintf(reason, sizeof reason, "more than %" PRIu64 " bytes wait to be taken " LIMIT_NAME(SOCKET_BYTES),
           channel->channels->limits->socket_bytes);
  outflow_drop(&channel->outflow);
  channel_close(channel, FRAME_TOO_SLOW, slice_text(reason));
}

static bool is_too_much(const struct channel *channel, size_t more) {
  size_t bytes = channel->outflow.bytes;
  return bytes > 0 && bytes + more > channel->channels->limits->socket_bytes;
}

void channel_send(struct channel *channel, struct frame **frame) {
  struct frame *sent = *frame;
  *frame = NULL;
  if (channel->state == CHANNEL_CLOSING) {
    frame_free(sent);
    return;
  }
  /* What it would take by now counts only as long as it does not. */
  if (sent != NULL && is_too_much(channel, sent->size) && can_write(channel)) write_now(channel);
  if (sent != NULL && is_too_much(channel, sent->size)) {
    frame_free(sent);
    close_slow(channel);
  } else if (sent == NULL || !outflow_try_put(&channel->outflow, &sent)) {
    channel->is_lost = true;
  }
  stir(channel);
}

static void on_writable(h2o_socket_t *sock, const char *error);

/* Does what the turn has brought, and may free the channel. */
static void settle(struct channel *channel) {
  if (!channel->is_lost && can_write(channel)) write_now(channel);
  if (channel->is_lost) {
    end(channel, true);
  } else if (channel->outflow.count > 0) {
    if (can_write(channel)) h2o_socket_notify_write(channel->sock, on_writable);
  } else if (channel->state == CHANNEL_CLOSING) {
    visit_linger(channel->sock);
    end(channel, false);
  }
}

static void on_writable(h2o_socket_t *sock, const char *error) {
  struct channel *channel = sock->data;
  if (error != NULL) channel->is_lost = true;
  settle(channel);
}

static void on_turn_end(h2o_timeout_entry_t *entry) {
  struct channels *channels = H2O_STRUCT_FROM_MEMBER(struct channels, turn_end, (void *)entry);
  while (!LIST_EMPTY(&channels->stirred)) {
    struct channel *channel = LIST_FIRST(&channels->stirred);
    LIST_REMOVE(channel, in_stirred);
    channel->is_stirred = false;
    settle(channel);
  }
}

/* -- in -- */

static void take_step(struct channel *channel, struct inflow_step *step) {
  if (step->is_over) {
    begin_closing(channel, step->answer);
    return;
  }
  if (step->answer != NULL) channel_send(channel, &step->answer);
  if (step->text.data != NULL) channel->is_full = !channel->channels->events->hear(channel, step->text);
}

/* Reads frames as long as they may come. Returns what is left. */
static struct slice read_frames(struct channel *channel, struct slice bytes) {
  struct inflow_step step = { .taken = 1 };
  while (channel->state == CHANNEL_OPEN && !channel->is_deaf && !channel->is_full && bytes.size > 0 && step.taken > 0) {
    inflow_read(&channel->channels->inflows, &channel->inflow, bytes, &step);
    bytes = slice_after(bytes, step.taken);
    if (step.taken > 0) take_step(channel, &step);
  }
  return channel->state == CHANNEL_OPEN && !channel->is_deaf ? bytes : slice_of(NULL, 0);
}

/* Keeps bytes for later; they may lie in what is kept already. */
static void keep_early(struct channel *channel, struct slice bytes) {
  struct buf *early = &channel->early;
  bool lies_there = early->size > 0 && bytes.size > 0 && bytes.data >= early->data && bytes.data < early->data + early->size;
  if (bytes.size == 0) {
    buf_done(early);
    channel->early_at = 0;
  } else if (lies_there) {
    channel->early_at = (size_t)(bytes.data - early->data);
  } else {
    buf_put(early, bytes);
    channel->early_at = 0;
  }
  if (early->err != ERR_NONE) channel_cut(channel);
}

static void read_early(struct channel *channel) {
  keep_early(channel, read_frames(channel, slice_after(buf_slice(&channel->early), channel->early_at)));
}

static void add_early(struct channel *channel, struct slice bytes) {
  struct buf *early = &channel->early;
  memmove(early->data, early->data + channel->early_at, early->size - channel->early_at);
  early->size -= channel->early_at;
  channel->early_at = 0;
  buf_put(early, bytes);
  if (early->err != ERR_NONE) channel_cut(channel);
}

static void touch(struct channel *channel) {
  channel->is_pinged = false;
  start_timer(channel, &channel->channels->silent);
}

static void on_bytes(h2o_socket_t *sock, const char *error);

/* Bytes are read as long as only few of them wait; nobody is asked whether it is there while that is not so. */
static void go_on_reading(struct channel *channel) {
  bool wants = channel->early.size - channel->early_at <= CHANNEL_EARLY_BYTES_MAX;
  if (wants == h2o_socket_is_reading(channel->sock)) return;
  if (wants) {
    h2o_socket_read_start(channel->sock, on_bytes);
    if (channel->state == CHANNEL_OPEN) touch(channel);
  } else {
    h2o_socket_read_stop(channel->sock);
    if (channel->state == CHANNEL_OPEN) h2o_timeout_unlink(&channel->timer);
  }
}

static void on_bytes(h2o_socket_t *sock, const char *error) {
  struct channel *channel = sock->data;
  struct slice bytes = { 0 };
  if (error == NULL) error = visit_read(sock, &bytes);
  if (error != NULL) {
    end(channel, false);
    return;
  }
  if (bytes.size > 0 && channel->state == CHANNEL_OPEN) touch(channel);
  if (channel->early.size > 0) {
    add_early(channel, bytes);
    read_early(channel);
  } else {
    keep_early(channel, read_frames(channel, bytes));
  }
  go_on_reading(channel);
}

void channel_resume(struct channel *channel) {
  if (!channel->is_full) return;
  channel->is_full = false;
  if (channel->state != CHANNEL_OPEN || channel->early.size == 0) return;
  read_early(channel);
  go_on_reading(channel);
}

void channel_deafen(struct channel *channel) {
  channel->is_deaf = true;
  if (channel->state == CHANNEL_OPEN) {
    keep_early(channel, slice_of(NULL, 0));
    go_on_reading(channel);
  }
}

/* -- life -- */

static void on_time(h2o_timeout_entry_t *entry) {
  struct channel *channel = H2O_STRUCT_FROM_MEMBER(struct channel, timer, (void *)entry);
  if (channel->state == CHANNEL_CLOSING || channel->is_pinged) {
    end(channel, true);
    return;
  }
  struct frame *ping = frame_share(channel->channels->ping);
  channel->is_pinged = true;
  start_timer(channel, &channel->channels->pinged);
  channel_send(channel, &ping);
}

void channel_init(struct channel *channel, struct channels *channels) {
  *channel = (struct channel){ .channels = channels, .timer.cb = on_time };
}

void channel_open(struct channel *channel, h2o_socket_t *sock, size_t request_size) {
  int unsent_max = CHANNEL_UNSENT_BYTES_MAX;
  if (sock == NULL) {
    end(channel, false);
    return;
  }
  (void)setsockopt(h2o_socket_get_fd(sock), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);
  channel->sock = sock;
  sock->data = channel;
  h2o_buffer_consume(&sock->input, request_size);
  if (!visit_leave_http(sock, &channel->early)) channel->is_lost = true;
  h2o_socket_read_start(sock, on_bytes);
  if (channel->state == CHANNEL_CLOSING) {
    buf_done(&channel->early);
    start_timer(channel, &channel->channels->closing);
  } else {
    channel->state = CHANNEL_OPEN;
    touch(channel);
    read_early(channel);
    go_on_reading(channel);
  }
  stir(channel);
}

void channels_init(struct channels *channels, h2o_loop_t *loop, const struct channel_events *events,
                   const struct limits *limits) {
  *channels = (struct channels){ .loop = loop, .events = events, .limits = limits, .turn_end.cb = on_turn_end };
  inflows_init(&channels->inflows, limits->body_bytes);
  channels->ping = frame_try_new(FRAME_PING, NULL, 0);
  CHECK(channels->ping != NULL);
  h2o_timeout_init(loop, &channels->at_once, 0);
  h2o_timeout_init(loop, &channels->silent, CHANNEL_SILENT_MS);
  h2o_timeout_init(loop, &channels->pinged, CHANNEL_PINGED_MS);
  h2o_timeout_init(loop, &channels->closing, CHANNEL_CLOSING_MS);
}

void channels_done(struct channels *channels) {
  h2o_timeout_unlink(&channels->turn_end);
  h2o_timeout_t *timers[] = { &channels->at_once, &channels->silent, &channels->pinged, &channels->closing };
  for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) h2o_timeout_dispose(channels->loop, timers[i]);
  frame_free(channels->ping);
  inflows_done(&channels->inflows);
}
