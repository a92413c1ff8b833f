/* client.c -- see client.h.
 *
 * HTTP/1.0 on a socket of its own: then the server may not send its answer in chunks, nor an interim answer before it, and it
 * ends the connection after it (RFC 9110 section 15.2, RFC 9112 section 6.1). So this file is all the reader it needs. */
#include "door/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "door/address.h"

enum { HEAD_SIZE_MAX = 64 * 1024, ANSWER_SIZE_MAX = 1 << 30, READ_SIZE = 64 * 1024 };

struct conversation {
  const struct client_request *request;
  struct failure *failure;
  struct clock clock;
  int64_t deadline_ns;
  int fd;
};

static enum err fail(struct conversation *talk, const char *what, const char *why) {
  return failure_set(talk->failure, ERR_REQUEST, "%s: %s: %s", talk->request->address, what, why);
}

/* Waits until the socket is ready; ERR_REQUEST when the time is over. */
static enum err wait_for(struct conversation *talk, short events, const char *what) {
  for (;;) {
    int64_t left_ms = (talk->deadline_ns - clock_monotonic_ns(&talk->clock) + 999999) / 1000000;
    struct pollfd poll_fd = { .fd = talk->fd, .events = events };
    int ready = left_ms <= 0 ? 0 : poll(&poll_fd, 1, (int)left_ms);
    if (ready > 0) return ERR_NONE;
    if (ready == 0) {
      return failure_set(talk->failure, ERR_REQUEST, "%s: %s: no answer within %d ms", talk->request->address, what,
                         talk->request->timeout_ms);
    }
    if (errno != EINTR) return fail(talk, what, strerror(errno));
  }
}

static enum err connect_to(struct conversation *talk, const struct addrinfo *at) {
  int error = 0;
  socklen_t size = sizeof error;
  talk->fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
  if (talk->fd < 0) return fail(talk, "cannot connect", strerror(errno));
  if (connect(talk->fd, at->ai_addr, at->ai_addrlen) == 0) return ERR_NONE;
  if (errno != EINPROGRESS) return fail(talk, "cannot connect", strerror(errno));
  enum err err = wait_for(talk, POLLOUT, "cannot connect");
  if (err != ERR_NONE) return err;
  if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? ERR_NONE : fail(talk, "cannot connect", strerror(error));
}

static void hang_up(struct conversation *talk) {
  if (talk->fd >= 0) close(talk->fd);
  talk->fd = -1;
}

/* Tries each address of a name; the failure is that of the last one. */
static enum err connect_to_any(struct conversation *talk) {
  struct addrinfo *found = NULL;
  enum err err = address_resolve(talk->request->address, &found, talk->failure);
  if (err != ERR_NONE) return err;
  for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
    hang_up(talk);
    failure_clear(talk->failure);
    err = connect_to(talk, at);
    if (err == ERR_NONE) break;
  }
  freeaddrinfo(found);
  return err;
}

/* *is_refused: the server takes no more, so it has answered early or is gone; reading will tell which. */
static enum err send_all(struct conversation *talk, struct slice bytes, bool *is_refused) {
  while (bytes.size > 0 && !*is_refused) {
    ssize_t sent = send(talk->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = slice_after(bytes, (size_t)sent);
    } else if (errno == EAGAIN) {
      enum err err = wait_for(talk, POLLOUT, "cannot send");
      if (err != ERR_NONE) return err;
    } else if (errno == EPIPE || errno == ECONNRESET) {
      *is_refused = true;
    } else if (errno != EINTR) {
      return fail(talk, "cannot send", strerror(errno));
    }
  }
  return ERR_NONE;
}

static enum err send_request(struct conversation *talk) {
  const struct client_request *request = talk->request;
  struct buf head = { 0 };
  bool is_refused = false;
  buf_printf(&head, "%s ", request->method);
  buf_put(&head, request->path);
  buf_printf(&head, " HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n", request->address);
  if (request->token != NULL) buf_printf(&head, "Authorization: Bearer %s\r\n", request->token);
  if (request->idempotency_key != NULL) buf_printf(&head, "Idempotency-Key: %s\r\n", request->idempotency_key);
  if (request->body.size > 0 || strcmp(request->method, "POST") == 0) {
    buf_printf(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", request->body.size);
  }
  buf_put_text(&head, "\r\n");
  enum err err = ERR_NONE;
  if (head.err != ERR_NONE) err = failure_set(talk->failure, ERR_MEMORY, "no memory to send the request");
  if (err == ERR_NONE) err = send_all(talk, buf_slice(&head), &is_refused);
  if (err == ERR_NONE) err = send_all(talk, request->body, &is_refused);
  buf_done(&head);
  return err;
}

/* All bytes until the server ends the connection. */
static enum err receive_all(struct conversation *talk, struct buf *answer) {
  for (;;) {
    uint8_t *to = buf_try_reserve(answer, READ_SIZE);
    if (to == NULL) return failure_set(talk->failure, ERR_MEMORY, "no memory to read the answer");
    ssize_t got = recv(talk->fd, to, READ_SIZE, 0);
    if (got == 0) return ERR_NONE;
    if (got > 0) {
      answer->size += (size_t)got;
    } else if (errno == EAGAIN) {
      enum err err = wait_for(talk, POLLIN, "cannot read the answer");
      if (err != ERR_NONE) return err;
    } else if (errno == ECONNRESET && answer->size > 0) {
      return ERR_NONE;   /* the server did not want all of the request; the answer's length tells whether it is whole */
    } else if (errno != EINTR) {
      return fail(talk, "the connection broke", strerror(errno));
    }
  }
}

/* The value of a header, without white space before it; it runs on to the end of `head`. False if there is none. `head`
 * ends in an empty line. */
static bool find_header(const char *head, const char *name, const char **value) {
  size_t size = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, size) != 0 || line[size] != ':') continue;
    *value = line + size + 1 + strspn(line + size + 1, " \t");
    return true;
  }
  return false;
}

/* The number at `text`, a status or a length; -1 if there is none, or if it is beyond ANSWER_SIZE_MAX. */
static long number_at(const char *text) {
  size_t digits = strspn(text, "0123456789");
  if (digits == 0 || digits > 10) return -1;
  long number = strtol(text, NULL, 10);
  return number > ANSWER_SIZE_MAX ? -1 : number;
}

/* Takes the answer apart. A body shorter than promised is a broken connection, not an answer. */
static enum err read_answer(struct conversation *talk, struct slice answer, int *status, struct buf *body) {
  static const char what[] = "this is not an answer of a Troupe host";
  static const char empty_line[] = "\r\n\r\n";
  size_t searched = answer.size < HEAD_SIZE_MAX ? answer.size : HEAD_SIZE_MAX;
  const uint8_t *end = searched == 0 ? NULL : memmem(answer.data, searched, empty_line, 4);
  if (answer.size == 0) return fail(talk, "the connection broke", "there is no answer");
  if (end == NULL) return fail(talk, what, "it has no head");
  size_t head_size = (size_t)(end - answer.data) + 4;

  struct buf head = { 0 };
  buf_put(&head, slice_of(answer.data, head_size));
  buf_put_byte(&head, 0);
  enum err err = ERR_NONE;
  const char *value = NULL;
  struct slice rest = slice_after(answer, head_size);
  if (head.err != ERR_NONE) {
    err = failure_set(talk->failure, ERR_MEMORY, "no memory to read the answer");
    goto done;
  }
  const char *text = (const char *)head.data;
  long number = strncmp(text, "HTTP/1.", 7) == 0 && text[7] != 0 && text[8] == ' ' ? number_at(text + 9) : -1;
  if (number < 200 || number > 599) {
    err = fail(talk, what, "it has no status");
  } else if (find_header(text, "Transfer-Encoding", &value) || !find_header(text, "Content-Length", &value) ||
             number_at(value) < 0) {
    err = fail(talk, what, "it does not tell its length");
  } else if (rest.size < (size_t)number_at(value)) {
    err = fail(talk, "the connection broke", "the answer is cut short");
  }
  if (err != ERR_NONE) goto done;
  rest.size = (size_t)number_at(value);
  *status = (int)number;
  buf_put(body, rest);
  if (body->err != ERR_NONE) err = failure_set(talk->failure, ERR_MEMORY, "no memory to read the answer");
done:
  buf_done(&head);
  return err;
}

enum err client_send(const struct client_request *request, int *status, struct buf *body, struct failure *failure) {
  struct conversation talk = { .request = request, .failure = failure, .fd = -1 };
  struct buf answer;
  buf_init(&answer, ANSWER_SIZE_MAX);
  clock_init(&talk.clock);
  talk.deadline_ns = clock_monotonic_ns(&talk.clock) + (int64_t)request->timeout_ms * 1000000;
  enum err err = connect_to_any(&talk);
  if (err == ERR_NONE) err = send_request(&talk);
  if (err == ERR_NONE) err = receive_all(&talk, &answer);
  if (err == ERR_NONE) err = read_answer(&talk, buf_slice(&answer), status, body);
  buf_done(&answer);
  hang_up(&talk);
  return err;
}
