/* writev.c -- the least that a broadcast can cost: a loop that calls writev() for each socket.
 *
 *   writev PORT
 *
 * Speaks as much of WebSocket and of the host's frames as sockets.c asks for, and no more. A method `tell` with the arguments
 * [bytes,times] is answered when the event `news`, with one text of so many bytes, has gone so many times to each socket that
 * has subscribed: one writev() a socket for all of them, each a piece of its own. Runs until it is stopped. */
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "tool.h"

enum { SOCKETS_MAX = 16384, EVENTS = 256, BYTES_MAX = 64 * 1024, TIMES_MAX = 1024, TEXT = 0x1, PING = 0x9, PONG = 0xa };

struct server {
  int epoll, listener;
  size_t count;
  int listeners[SOCKETS_MAX];      /* sockets that have subscribed */
  bool is_open[SOCKETS_MAX];       /* by descriptor: its handshake is done */
};

/* Writes the head of a frame that is not masked. Its size. */
static size_t write_head(char *at, int opcode, size_t size) {
  at[0] = (char)(0x80 | opcode);
  if (size < 126) {
    at[1] = (char)size;
    return 2;
  }
  at[1] = 126;
  at[2] = (char)(size >> 8);
  at[3] = (char)size;
  return 4;
}

static void send_frame(int fd, int opcode, const char *text) {
  char bytes[256];
  size_t size = strlen(text), head = write_head(bytes, opcode, size);
  memcpy(bytes + head, text, size);
  if (write(fd, bytes, head + size) != (ssize_t)(head + size)) die("cannot send: %s", strerror(errno));
}

static void tell(struct server *server, size_t bytes, size_t times) {
  static char frame[BYTES_MAX + 64];
  static struct iovec pieces[TIMES_MAX];
  static const char BEFORE[] = "{\"event\":\"news\",\"args\":[\"", AFTER[] = "\"]}";
  size_t text = sizeof BEFORE - 1 + bytes + sizeof AFTER - 1;
  if (bytes > BYTES_MAX || times > TIMES_MAX) die("too much to tell");
  size_t head = write_head(frame, TEXT, text), size = head + text;
  memset(frame + head, 'x', text);
  memcpy(frame + head, BEFORE, sizeof BEFORE - 1);
  memcpy(frame + size - (sizeof AFTER - 1), AFTER, sizeof AFTER - 1);
  for (size_t i = 0; i < times; i++) pieces[i] = (struct iovec){ .iov_base = frame, .iov_len = size };
  for (size_t i = 0; i < server->count; i++) {
    bool is_whole = writev(server->listeners[i], pieces, (int)times) == (ssize_t)(size * times);
    if (!is_whole) die("not taken whole: %s", strerror(errno));
  }
}

static void take_text(struct server *server, int fd, const char *text) {
  const char *args = strstr(text, "\"args\":[");
  if (strstr(text, "\"subscribe\"")) {
    if (server->count == SOCKETS_MAX) die("too many sockets");
    server->listeners[server->count++] = fd;
  } else if (args) {
    char *more;
    size_t bytes = strtoull(args + 8, &more, 10);
    tell(server, bytes, *more == ',' ? strtoull(more + 1, NULL, 10) : 1);
    send_frame(fd, TEXT, "{\"id\":0,\"result\":null}");
  }
}

/* What sockets.c sends at once is short, and comes whole. */
static void receive(struct server *server, int fd) {
  char bytes[4096];
  ssize_t got = read(fd, bytes, sizeof bytes - 1);
  if (got <= 0) {
    server->count = 0;             /* one that goes is followed by all */
    server->is_open[fd] = false;
    close(fd);
    return;
  }
  if (!server->is_open[fd]) {
    static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    if (write(fd, ANSWER, sizeof ANSWER - 1) < 0) die("cannot send: %s", strerror(errno));
    server->is_open[fd] = true;
    return;
  }
  for (ssize_t at = 0; at < got;) {
    int opcode = bytes[at] & 0x0f, size = bytes[at + 1] & 0x7f;
    char text[128];
    if (at + 6 + size > got) die("not a whole frame");
    for (int i = 0; i < size; i++) text[i] = (char)(bytes[at + 6 + i] ^ bytes[at + 2 + i % 4]);
    text[size] = 0;
    if (opcode == PING) send_frame(fd, PONG, "");
    if (opcode == TEXT) take_text(server, fd, text);
    at += 6 + size;
  }
}

static void take_socket(struct server *server) {
  int on = 1, fd = accept(server->listener, NULL, NULL);
  if (fd < 0 || fd >= SOCKETS_MAX) die("no more sockets: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll: %s", strerror(errno));
}

int main(int count, char **arguments) {
  if (count != 2) die("usage: writev PORT");
  struct server *server = zeroed(1, sizeof *server);
  struct sockaddr_in address = loopback((uint16_t)strtoull(arguments[1], NULL, 10));
  int on = 1;
  server->epoll = epoll_create1(0);
  server->listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(server->listener, 4096) != 0) {
    die("cannot listen: %s", strerror(errno));
  }
  struct epoll_event event = { .events = EPOLLIN, .data.fd = server->listener };
  if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) != 0) die("epoll: %s", strerror(errno));
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(server->epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.fd == server->listener) {
        take_socket(server);
      } else {
        receive(server, events[i].data.fd);
      }
    }
  }
}
