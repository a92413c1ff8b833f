/* channel.h -- a WebSocket as such: texts that come, frames that leave, until it is closed.
 *
 * WHY     A channel that is silent costs little: the frame that has begun to come, and what its client has not taken, have
 *         memory only while there is something. What the texts mean, and whose they are, is socket.h's.
 * ROOM    door. Below: visit, inflow, outflow.
 * THREAD  The server's.
 * OWNS    Its connection of h2o's, from channel_open() on, and the frames that wait. It is itself a part of whatever uses it,
 *         which is told when it is gone.
 * STATES  opening   its connection is h2o's still; frames may wait already
 *         open      channel_open()
 *         closing   channel_close(), the client's own close, or a fault of its: a close is the last frame that waits. No text
 *                   comes any more
 *         gone      the close has left, or the connection has ended, or CHANNEL_CLOSING_MS are over
 * ALWAYS  1. `over` is called once, before it begins to close or is gone; then `gone`, once, at the end of a turn of the loop.
 *            Whoever holds a channel meanwhile does not lose it.
 *         2. What waits is at most socket_bytes, or one frame if that is larger, and a close.
 *         3. All that a turn of the loop has for a channel leaves at its end, with one write.
 * LIMITS  socket_bytes: then it is closed with FRAME_TOO_SLOW. The system takes CHANNEL_UNSENT_BYTES_MAX beyond what the client
 *         has room for; it would take megabytes. body_bytes for a text. A client that has been silent for
 *         CHANNEL_SILENT_MS gets a ping, and is cut off CHANNEL_PINGED_MS later. Of frames that must wait, some
 *         CHANNEL_EARLY_BYTES_MAX are read.
 */
#ifndef TROUPE_CHANNEL_H
#define TROUPE_CHANNEL_H

#include <bsd/sys/queue.h>

#include "base/buf.h"
#include "base/limits.h"
#include "door/h2o_api.h"
#include "door/inflow.h"
#include "door/outflow.h"

enum {
  CHANNEL_SILENT_MS = 30000, CHANNEL_PINGED_MS = 30000, CHANNEL_CLOSING_MS = 5000, CHANNEL_EARLY_BYTES_MAX = 64 * 1024,
  CHANNEL_UNSENT_BYTES_MAX = 128 * 1024
};

struct channel;

/* What they do for all channels of a server. */
struct channel_events {
  bool (*hear)(struct channel *channel, struct slice text);   /* false: the next must wait for channel_resume() */
  void (*over)(struct channel *channel);
  void (*gone)(struct channel *channel);
};

struct channels {
  h2o_loop_t *loop;
  const struct channel_events *events;
  const struct limits *limits;
  struct inflows inflows;
  struct frame *ping;
  LIST_HEAD(, channel) stirred;        /* those for which there is something to do at the end of the turn, */
  h2o_timeout_t at_once;               /* which is when this timer runs */
  h2o_timeout_entry_t turn_end;
  h2o_timeout_t silent, pinged, closing;
};

enum channel_state { CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_CLOSING };

struct channel {
  struct channels *channels;
  h2o_socket_t *sock;                  /* NULL while it is opening */
  struct inflow *inflow;               /* or NULL (inflow.h) */
  struct buf early;                    /* what has come and was not read as frames yet, */
  size_t early_at;                     /* from here on */
  struct outflow outflow;
  h2o_timeout_entry_t timer;           /* silent, pinged or closing */
  LIST_ENTRY(channel) in_stirred;
  enum channel_state state : 8;
  bool is_stirred : 1, is_pinged : 1;
  bool is_full : 1;                    /* its next text must wait */
  bool is_deaf : 1;                    /* it hears nothing any more */
  bool is_lost : 1;                    /* it cannot go on, and is gone with the end of the turn */
};

/* `events` and `limits` stay the caller's. */
void channels_init(struct channels *channels, h2o_loop_t *loop, const struct channel_events *events,
                   const struct limits *limits);

/* Only when there is no channel any more. */
void channels_done(struct channels *channels);

void channel_init(struct channel *channel, struct channels *channels);

/* Of a channel that was never open. */
void channel_done(struct channel *channel);

/* h2o has given its connection away (h2o_http1_upgrade_cb); no `sock`: its client is gone. */
void channel_open(struct channel *channel, h2o_socket_t *sock, size_t request_size);

/* Sends a frame, and takes the caller's share over. NULL, for want of memory, ends the channel. */
void channel_send(struct channel *channel, struct frame **frame);

/* Begins to close it, behind the frames that wait already. */
void channel_close(struct channel *channel, unsigned code, struct slice reason);

/* The next text may come. */
void channel_resume(struct channel *channel);

/* From now on what comes is not read as frames. */
void channel_deafen(struct channel *channel);

/* Ends it at the end of the turn, or as soon as h2o gives it away. */
void channel_cut(struct channel *channel);

#endif
