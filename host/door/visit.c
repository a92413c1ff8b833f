/* visit.c -- see visit.h. */
#include "door/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/mem.h"

enum { ACCEPTS_AT_ONCE = 16 };

/* What is ours of one connection. */
struct visit {
  struct visits *visits;
  int linger_fd;                 /* a second handle, so that h2o's close does not yet end the connection; or -1 */
  h2o_socket_t *lingering;
  h2o_timeout_entry_t tick;
  unsigned ticks_left;
};

static void leave(struct visit *visit) {
  visit->visits->count--;
  mem_free(visit);
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
  if (error != NULL) {
    linger_end(sock->data);
  } else {
    h2o_buffer_consume(&sock->input, sock->input->size);
  }
}

/* A close with bytes unread resets the connection, and the client may lose the answer over it. So: no more from our
 * side, and what still comes is thrown away for a while. */
static void linger_begin(struct visit *visit) {
  h2o_context_t *ctx = visit->visits->ctx;
  shutdown(visit->linger_fd, SHUT_WR);
  visit->lingering = h2o_evloop_socket_create(ctx->loop, visit->linger_fd, 0);
  visit->lingering->data = visit;
  visit->tick.cb = on_linger_tick;
  visit->ticks_left = VISIT_LINGER_S;
  h2o_timeout_link(ctx->loop, &ctx->one_sec_timeout, &visit->tick);
  h2o_socket_read_start(visit->lingering, on_linger_read);
}

static void on_close(void *data) {
  struct visit *visit = data;
  if (visit->linger_fd >= 0) {
    visit->visits->count--;      /* the first handle; the second one goes on */
    linger_begin(visit);
  } else {
    leave(visit);
  }
}

/* Bytes stay in the socket's input, where h2o looks behind the answer; an end it then reads again. */
static void on_early(h2o_socket_t *sock, const char *error) {
  (void)error;
  h2o_socket_read_stop(sock);
}

void visit_hold(h2o_socket_t *sock) {
  h2o_socket_read_start(sock, on_early);
}

void visit_linger(h2o_socket_t *sock) {
  struct visit *visit = sock->on_close.data;
  struct visits *visits = visit->visits;
  if (visit->linger_fd >= 0 || visits->count >= visits->count_max) return;
  visit->linger_fd = fcntl(h2o_socket_get_fd(sock), F_DUPFD_CLOEXEC, 0);
  visits->count += visit->linger_fd >= 0;
}

/* False where nobody waits, or nobody can be taken for now. */
static bool accept_one(struct visits *visits) {
  struct visit *visit = mem_try_zero(sizeof *visit);
  if (visit == NULL) {
    errno = ENOMEM;
    return false;
  }
  h2o_socket_t *sock = h2o_evloop_socket_accept(visits->listener);
  if (sock == NULL) {
    int reason = errno;
    mem_free(visit);
    errno = reason;
    return false;
  }
  int stall_ms = VISIT_STALL_MS;
  setsockopt(h2o_socket_get_fd(sock), IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof stall_ms);
  *visit = (struct visit){ .visits = visits, .linger_fd = -1 };
  sock->on_close.cb = on_close;
  sock->on_close.data = visit;
  visits->count++;
  h2o_accept(&visits->accept, sock);
  return true;
}

static void on_connection(h2o_socket_t *listener, const char *error);

/* Stops reading from the listening socket for 100 ms: without that, a loop that can take nobody would be woken at once
 * again. */
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

/* shutdown() and not close: h2o reads the end of the connection and tidies up by itself. */
static void hang_up(h2o_socket_t *sock) {
  shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
}

static int close_if_idle(h2o_req_t *req, void *context) {
  const bool *unfinished = context;
  h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
  bool reads = h2o_socket_is_reading(sock) && sock->_cb.read != on_early;
  if (reads && (*unfinished || sock->input->size == 0)) hang_up(sock);
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
