/* frame.h -- frames of a WebSocket: those that this side sends, and where one ends that comes (RFC 6455, section 5.2).
 *
 * WHY     An event goes to many sockets as the same bytes, head included. So a frame is written once, and shared.
 * ROOM    door. Below: base. Reading is inflow.h's.
 * THREAD  The server's.
 * OWNS    Its bytes. It is freed with its last share.
 */
#ifndef TROUPE_FRAME_H
#define TROUPE_FRAME_H

#include "base/slice.h"

enum {
  FRAME_CONTROL_BYTES_MAX = 125,       /* of the payload of a close, ping or pong */
  FRAME_REASON_BYTES_MAX = 123         /* of the reason of a close, behind its code */
};

enum frame_opcode { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9 };

/* Codes of a close (RFC 6455, section 7.4.1), those that this side gives. What comes from actors is in stage/notice.h. */
enum frame_code {
  FRAME_GOING_AWAY = 1001, FRAME_PROTOCOL_ERROR = 1002, FRAME_UNSUPPORTED = 1003, FRAME_NOT_UTF8 = 1007,
  FRAME_TOO_LARGE = 1009, FRAME_NO_MEMORY = 1011, FRAME_TOO_SLOW = 1013,
  FRAME_REFUSED = 4000                 /* plus the status that HTTP has for it */
};

struct frame {
  unsigned shares;
  size_t size;
  uint8_t bytes[];                     /* head and payload */
};

/* A whole frame whose payload is these pieces, one behind the other; the caller's, with one share. NULL if out of memory. */
struct frame *frame_try_new(enum frame_opcode opcode, const struct slice *pieces, size_t count);

/* A close. The reason is cut where it is too long, or not UTF-8. */
struct frame *frame_try_close(unsigned code, struct slice reason);

/* One of bytes that are a frame already. */
struct frame *frame_try_copy(struct slice bytes);

/* One more share. */
struct frame *frame_share(struct frame *frame);

/* Lets go of one. NULL is fine. */
void frame_free(struct frame *frame);

/* How many bytes the frame has, head included, that `bytes` begin with, as it says of itself; 0 if there are too few to tell,
 * which 14 never are. */
uint64_t frame_size(struct slice bytes);

/* Whether it is a close, a ping or a pong, by its first byte. */
static inline bool frame_is_control(uint8_t first) {
  return (first & 8) != 0;
}

#endif
