/* stream.c -- see stream.h. */
#include "base/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* Whether the stream takes something, or has an error to tell. */
static bool wait_for_room(int fd, int patience_ms) {
  struct pollfd stream = { .fd = fd, .events = POLLOUT };
  int ready;
  do {
    ready = poll(&stream, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) errno = EAGAIN;
  return ready > 0;
}

bool stream_say(int fd, struct slice text, int patience_ms) {
  while (text.size > 0) {
    if (!wait_for_room(fd, patience_ms)) return false;
    /* A pipe that has room takes so much without a wait. */
    ssize_t written = write(fd, text.data, text.size < PIPE_BUF ? text.size : PIPE_BUF);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text = slice_after(text, (size_t)written);
  }
  return true;
}
