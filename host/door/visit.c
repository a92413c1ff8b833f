/* visit.c -- see visit.h. */
#include "door/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "door/address.h"
#include "door/framing.h"

enum { ACCEPTS_AT_ONCE = 16 };

/* The HTTP of one connection. */
struct http {
  struct visit *visit;
  struct framing framing;
  uint64_t requests;             /* of the heads that were passed on: how many h2o has handed over */
  h2o_socket_cb h2o_reads, h2o_has_written;   /* h2o's own callbacks: take_over() */
  size_t early_bytes_max;        /* while a call is under way: how much of what comes early is kept */
  atomic_bool *is_unwanted;      /* of that call, or NULL */
  bool is_over;                  /* nothing more is taken in: hang_up() */
  h2o_timeout_entry_t grace;     /* runs once the client has closed its side, while the call may still begin */
  struct buf address;            /* of the client; empty: nobody has asked yet */
};

/* Our side of one connection. */
struct visit {
  struct visits *visits;
  struct http *http;             /* NULL: it is a channel's */
  bool *is_closed;               /* set if h2o closes the socket while it is called */
  int linger_fd;                 /* a second handle, so that h2o's close does not yet end the connection; or -1 */
  unsigned ticks_left;
  h2o_socket_t *lingering;
  h2o_timeout_entry_t tick;
};

static struct visit *visit_of(h2o_socket_t *sock) {
  return sock->on_close.data;
}

static struct http *http_of(h2o_socket_t *sock) {
  return visit_of(sock)->http;
}

static void http_free(struct http *http) {
  if (http == NULL) return;
  h2o_timeout_unlink(&http->grace);
  framing_done(&http->framing);
  buf_done(&http->address);
  mem_free(http);
}

static void leave(struct visit *visit) {
  visit->visits->count--;
  mem_free(visit);
}

/* At most a scratchful, so that a client that sends faster than we read does not hold up the others. 0: the end; -1: see
 * errno. */
static ssize_t read_some(struct visits *visits, h2o_socket_t *sock) {
  ssize_t got;
  do {
    got = read(h2o_socket_get_fd(sock), visits->scratch, sizeof visits->scratch);
  } while (got < 0 && errno == EINTR);
  return got;
}

static void linger_end(struct visit *visit) {
  h2o_timeout_unlink(&visit->tick);
  h2o_socket_close(visit->lingering);
  leave(visit);
}

static void on_linger_tick(h2o_timeout_entry_t *entry) {
  struct visit *visit = H2O_STRUCT_FROM_MEMBER(struct visit, tick, (void *)entry);
  if (--visit->ticks_left == 0) {
    linger_end(visit);
    return;
  }
  h2o_timeout_link(visit->visits->ctx->loop, &visit->visits->ctx->one_sec_timeout, &visit->tick);
}

static void on_linger_read(h2o_socket_t *sock, const char *error) {
  struct visit *visit = sock->data;
  ssize_t got = error == NULL ? read_some(visit->visits, sock) : 0;
  if (got == 0 || (got < 0 && errno != EAGAIN)) linger_end(visit);
}

/* A close with bytes unread resets the connection, and the client may lose the answer. So this only closes our side, and
 * throws away for a while whatever still comes. */
static void linger_begin(struct visit *visit) {
  h2o_context_t *ctx = visit->visits->ctx;
  shutdown(visit->linger_fd, SHUT_WR);
  visit->lingering = h2o_evloop_socket_create(ctx->loop, visit->linger_fd, H2O_SOCKET_FLAG_DONT_READ);
  visit->lingering->data = visit;
  visit->tick.cb = on_linger_tick;
  visit->ticks_left = VISIT_LINGER_S;
  h2o_timeout_link(ctx->loop, &ctx->one_sec_timeout, &visit->tick);
  h2o_socket_read_start(visit->lingering, on_linger_read);
}

static void on_close(void *data) {
  struct visit *visit = data;
  if (visit->is_closed != NULL) *visit->is_closed = true;
  http_free(visit->http);
  visit->http = NULL;
  if (visit->linger_fd >= 0) {
    visit->visits->count--;      /* the first handle; the second one goes on */
    linger_begin(visit);
  } else {
    leave(visit);
  }
}

/* -- bytes: each is looked at before h2o sees it -- */

const char *visit_read(h2o_socket_t *sock, struct slice *bytes) {
  struct visits *visits = visit_of(sock)->visits;
  ssize_t got = read_some(visits, sock);
  *bytes = slice_of(visits->scratch, got > 0 ? (size_t)got : 0);
  if (got == 0) return h2o_socket_error_closed;
  return got > 0 || errno == EAGAIN ? NULL : h2o_socket_error_io;
}

/* Reads the bytes that have come, and puts what may be passed on into the socket's input. Returns one of h2o's errors, or
 * NULL. */
static const char *take_in(h2o_socket_t *sock) {
  struct http *http = http_of(sock);
  struct slice got;
  if (http->is_over) return h2o_socket_error_closed;
  const char *error = visit_read(sock, &got);
  uint8_t *bytes = http->visit->visits->scratch;
  for (size_t rest = got.size; rest > 0;) {
    struct slice passed;
    size_t taken = framing_read(&http->framing, bytes, rest, &passed);
    bytes += taken;
    rest -= taken;
    if (passed.size == 0) continue;
    h2o_iovec_t room = h2o_buffer_reserve(&sock->input, passed.size);
    if (room.base == NULL) return h2o_socket_error_out_of_memory;
    memcpy(room.base, passed.data, passed.size);
    sock->input->size += passed.size;
  }
  return error;
}

static void take_over(h2o_socket_t *sock);

/* Calls h2o, which may close the socket, give it away, or set other callbacks for the next time. */
static void call_h2o(h2o_socket_t *sock, h2o_socket_cb callback, const char *error) {
  struct visit *visit = visit_of(sock);
  bool is_closed = false;
  visit->is_closed = &is_closed;
  callback(sock, error);
  if (is_closed) return;
  visit->is_closed = NULL;
  take_over(sock);
}

static void on_bytes(h2o_socket_t *sock, const char *error) {
  size_t before = sock->input->size;
  if (error == NULL) error = take_in(sock);
  if (error != NULL || sock->input->size > before) {
    call_h2o(sock, http_of(sock)->h2o_reads, error);
  } else if (http_of(sock)->framing.state == FRAMING_RAW) {
    h2o_socket_read_stop(sock);    /* its last request was answered, and h2o will close it */
  }
}

static void on_written(h2o_socket_t *sock, const char *error) {
  call_h2o(sock, http_of(sock)->h2o_has_written, error);
}

static void on_grace_over(h2o_timeout_entry_t *entry) {
  struct http *http = H2O_STRUCT_FROM_MEMBER(struct http, grace, (void *)entry);
  if (http->is_unwanted != NULL) atomic_store(http->is_unwanted, true);
}

/* The client is gone, or has closed its own side and waits for the answer; an end in order may be either. Who waits for a
 * WebSocket has nothing to wait for behind such an end. */
static void hear_the_end(struct http *http, bool in_order) {
  h2o_context_t *ctx = http->visit->visits->ctx;
  if (in_order && http->framing.state != FRAMING_RAW) {
    h2o_timeout_link(ctx->loop, &ctx->hundred_ms_timeout, &http->grace);
  } else {
    on_grace_over(&http->grace);
  }
}

static bool has_room(h2o_socket_t *sock) {
  const struct http *http = http_of(sock);
  return sock->input->size + framing_raw_bytes(&http->framing) <= http->early_bytes_max;
}

/* While a call is under way. Bytes stay in the socket's input, where h2o looks after the answer; it will then read the end of
 * the connection for itself. */
static void on_early(h2o_socket_t *sock, const char *error) {
  if (error == NULL) error = take_in(sock);
  if (error == NULL && has_room(sock)) return;
  h2o_socket_read_stop(sock);
  if (error != NULL) hear_the_end(http_of(sock), error == h2o_socket_error_closed);
}

/* Puts our callbacks in place of h2o's. If h2o wants to read, the call that was under way is over. */
static void take_over(h2o_socket_t *sock) {
  struct http *http = http_of(sock);
  if (http == NULL) return;
  if (sock->_cb.read != NULL && sock->_cb.read != on_bytes && sock->_cb.read != on_early) {
    http->h2o_reads = sock->_cb.read;
    sock->_cb.read = on_bytes;
    http->is_unwanted = NULL;
    h2o_timeout_unlink(&http->grace);
  }
  if (sock->_cb.write != NULL && sock->_cb.write != on_written) {
    http->h2o_has_written = sock->_cb.write;
    sock->_cb.write = on_written;
  }
}

void visit_answered(h2o_socket_t *sock) {
  take_over(sock);
}

const char *visit_fault(h2o_socket_t *sock) {
  return http_of(sock)->framing.fault;
}

bool visit_takes_upgrade(h2o_socket_t *sock) {
  struct http *http = http_of(sock);
  http->requests++;
  return http->framing.state == FRAMING_RAW && http->requests == http->framing.heads;
}

struct slice visit_address(h2o_socket_t *sock) {
  struct http *http = http_of(sock);
  if (http->address.size == 0) address_put_peer(&http->address, h2o_socket_get_fd(sock));
  return buf_slice(&http->address);
}

void visit_hold(h2o_socket_t *sock, size_t body_bytes, atomic_bool *is_unwanted) {
  struct http *http = http_of(sock);
  h2o_timeout_unlink(&http->grace);
  http->is_unwanted = is_unwanted;
  http->early_bytes_max = body_bytes + VISIT_EARLY_BYTES_MAX;
  if (has_room(sock)) h2o_socket_read_start(sock, on_early);
}

void visit_release(h2o_socket_t *sock) {
  struct http *http = http_of(sock);
  h2o_timeout_unlink(&http->grace);
  http->is_unwanted = NULL;
  h2o_socket_read_stop(sock);
}

bool visit_leave_http(h2o_socket_t *sock, struct buf *raw) {
  struct http *http = http_of(sock);
  bool is_all = http->framing.fault == NULL;
  framing_take_raw(&http->framing, raw);
  visit_of(sock)->http = NULL;
  http_free(http);
  return is_all;
}

void visit_linger(h2o_socket_t *sock) {
  struct visit *visit = visit_of(sock);
  struct visits *visits = visit->visits;
  if (visit->linger_fd >= 0 || visits->count >= visits->count_max) return;
  visit->linger_fd = fcntl(h2o_socket_get_fd(sock), F_DUPFD_CLOEXEC, 0);
  visits->count += visit->linger_fd >= 0;
}

/* False if nobody waits, or nobody can be taken at the moment. */
static bool accept_one(struct visits *visits) {
  struct visit *visit = mem_try_zero(sizeof *visit);
  struct http *http = mem_try_zero(sizeof *http);
  errno = ENOMEM;
  h2o_socket_t *sock = visit == NULL || http == NULL ? NULL : h2o_evloop_socket_accept(visits->listener);
  if (sock == NULL) {
    int reason = errno;
    mem_free(visit);
    mem_free(http);
    errno = reason;
    return false;
  }
  int stall_ms = VISIT_STALL_MS;
  setsockopt(h2o_socket_get_fd(sock), IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof stall_ms);
  *http = (struct http){ .visit = visit, .grace.cb = on_grace_over };
  *visit = (struct visit){ .visits = visits, .http = http, .linger_fd = -1 };
  sock->on_close.cb = on_close;
  sock->on_close.data = visit;
  visits->count++;
  h2o_socket_dont_read(sock, 1);
  h2o_accept(&visits->accept, sock);
  take_over(sock);
  return true;
}

static void on_connection(h2o_socket_t *listener, const char *error);

/* Stops reading from the listening socket for 100 ms. Otherwise a loop that can take nobody would be woken again at once. */
static void pause_accepting(struct visits *visits, const char *reason) {
  if (!visits->is_full) {
    logger_printf(visits->logger, LOG_WARN, "new connections wait: %s; %zu are open", reason, visits->count);
  }
  visits->is_full = true;
  h2o_socket_read_stop(visits->listener);
  h2o_timeout_link(visits->ctx->loop, &visits->ctx->hundred_ms_timeout, &visits->pause);
}

static void on_pause_over(h2o_timeout_entry_t *entry) {
  struct visits *visits = H2O_STRUCT_FROM_MEMBER(struct visits, pause, (void *)entry);
  h2o_socket_read_start(visits->listener, on_connection);
}

static void on_connection(h2o_socket_t *listener, const char *error) {
  struct visits *visits = listener->data;
  if (error != NULL) return;
  for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
    if (visits->count >= visits->count_max) {
      pause_accepting(visits, "there are too many");
      return;
    }
    errno = 0;
    if (!accept_one(visits)) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pause_accepting(visits, strerror(errno));
      } else if (i > 0) {
        visits->is_full = false;
      }
      return;
    }
  }
}

void visits_open(struct visits *visits, h2o_context_t *ctx, int *listen_fd, size_t count_max, const struct logger *logger) {
  *visits = (struct visits){ .ctx = ctx, .logger = logger, .pause.cb = on_pause_over };
  visits->count_max = count_max < VISITS_MAX ? count_max : VISITS_MAX;
  visits->accept = (h2o_accept_ctx_t){ .ctx = ctx, .hosts = ctx->globalconf->hosts };
  visits->listener = h2o_evloop_socket_create(ctx->loop, *listen_fd, H2O_SOCKET_FLAG_DONT_READ);
  visits->listener->data = visits;
  h2o_socket_read_start(visits->listener, on_connection);
  *listen_fd = -1;
}

void visits_refuse(struct visits *visits) {
  if (visits->listener == NULL) return;
  h2o_timeout_unlink(&visits->pause);
  h2o_socket_close(visits->listener);
  visits->listener = NULL;
}

/* shutdown(), not close(): h2o reads the end of the connection and tidies up by itself. Bytes that have come before could still
 * be read, and would begin a call whose answer nobody gets. */
static void hang_up(h2o_socket_t *sock) {
  http_of(sock)->is_over = true;
  shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
}

/* Whether bytes have come that were not read yet. */
static bool has_bytes(h2o_socket_t *sock) {
  char byte;
  return recv(h2o_socket_get_fd(sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static int close_if_idle(h2o_req_t *req, void *context) {
  const bool *unfinished = context;
  h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
  bool is_between = sock->input->size == 0 && framing_is_between(&http_of(sock)->framing) && !has_bytes(sock);
  if (sock->_cb.read == on_bytes && (*unfinished || is_between)) hang_up(sock);
  return 0;
}

static int cut_off(h2o_req_t *req, void *context) {
  (void)context;
  hang_up(req->conn->callbacks->get_socket(req->conn));
  return 0;
}

void visits_close_idle(struct visits *visits, bool unfinished) {
  visits->ctx->globalconf->http1.callbacks.foreach_request(visits->ctx, close_if_idle, &unfinished);
}

void visits_cut(struct visits *visits) {
  visits->ctx->globalconf->http1.callbacks.foreach_request(visits->ctx, cut_off, NULL);
}
