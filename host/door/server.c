/* server.c -- see server.h. One h2o loop with one handler, which asks route.c what a request is about. */
#include "door/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/value.h"
#include "door/address.h"
#include "door/answer.h"
#include "door/call.h"
#include "door/framing.h"
#include "door/origin.h"
#include "door/route.h"
#include "door/visit.h"
#include "stage/idempotency.h"

enum {
  REQUEST_TIMEOUT_MS = 30000,   /* to send a request whole; and how long a connection may be idle between two */
  STOP_STEP_MS = 50,
  STOP_UNFINISHED_MS = 1000,    /* for a client that was sending a request when the server began to stop */
  STOP_SLOW_MS = 5000,          /* for clients to take their answers when no call is under way any more */
  CUT_STEPS_MAX = 1000
};

struct server {
  struct host *host;
  struct limits limits;
  size_t connections_max;
  struct origins origins;
  const struct logger *logger;
  int listen_fd;                /* its own handle until the loop has it; -1 from then on */
  pid_t thread;                 /* on which the loop was set up */
  h2o_globalconf_t config;
  h2o_context_t ctx;
  struct visits visits;
  struct calls calls;
  atomic_bool is_up;            /* the loop and all between this and `calls` exist */
  atomic_bool stop_asked;       /* server_stop() has begun */
  atomic_bool stop_told;        /* server_stop() needs the loop no more */
  bool is_stopping;
  bool is_closing;
  bool is_done;
  uint64_t stopping_since_ms;
  uint64_t quiet_since_ms;      /* since when stopping and no call under way */
};

struct handler {
  h2o_handler_t super;
  struct server *server;
};

static struct slice slice_of_iovec(h2o_iovec_t bytes) {
  return slice_of(bytes.base, bytes.len);
}

static struct slice value_of(const h2o_headers_t *headers, size_t index) {
  return slice_of_iovec(headers->entries[index].value);
}

static h2o_socket_t *socket_of(const h2o_req_t *req) {
  return req->conn->callbacks->get_socket(req->conn);
}

static struct server *server_of(const h2o_req_t *req) {
  return H2O_STRUCT_FROM_MEMBER(struct server, ctx, req->conn->ctx);
}

/* Whether an earlier header bears the same name. Names that h2o knows are one object each. */
static bool is_repeated(const h2o_headers_t *headers, size_t index) {
  const h2o_iovec_t *name = headers->entries[index].name;
  for (size_t i = 0; i < index; i++) {
    const h2o_iovec_t *other = headers->entries[i].name;
    if (other == name || slice_equal(slice_of_iovec(*other), slice_of_iovec(*name))) return true;
  }
  return false;
}

/* The values of all headers of the name of this one, with ", " between them. */
static void put_joined(struct buf *joined, const h2o_headers_t *headers, size_t index) {
  struct slice name = slice_of_iovec(*headers->entries[index].name);
  buf_clear(joined);
  for (size_t i = index; i < headers->size; i++) {
    if (!slice_equal(slice_of_iovec(*headers->entries[i].name), name)) continue;
    if (i > index) buf_put_text(joined, ", ");
    buf_put(joined, value_of(headers, i));
  }
}

/* A map from names, which h2o has made lower-case, to values. Those that only frame the request are not among them. */
static void put_headers(struct buf *into, const h2o_req_t *req) {
  const h2o_headers_t *headers = &req->headers;
  uint32_t count = 0;
  for (size_t i = 0; i < headers->size; i++) count += !is_repeated(headers, i);
  bool has_host = req->input.authority.base != req->hostconf->authority.hostport.base;   /* else it is h2o's default */
  value_put_map(into, count + has_host);
  if (has_host) {
    value_put_string(into, slice_text("host"));
    value_put_string(into, slice_of_iovec(req->input.authority));
  }
  struct buf joined = { 0 };
  for (size_t i = 0; i < headers->size; i++) {
    if (is_repeated(headers, i)) continue;
    value_put_string(into, slice_of_iovec(*headers->entries[i].name));
    if (count == headers->size) {
      value_put_string(into, value_of(headers, i));
    } else {
      put_joined(&joined, headers, i);
      value_put_string(into, buf_slice(&joined));
      if (joined.err != ERR_NONE) into->err = joined.err;
    }
  }
  buf_done(&joined);
}

static struct slice authorization_of(const h2o_req_t *req) {
  ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_AUTHORIZATION, -1);
  return at < 0 ? slice_of(NULL, 0) : value_of(&req->headers, (size_t)at);
}

/* The header Idempotency-Key; one that comes twice must say the same. */
static enum err read_idempotency_key(const h2o_req_t *req, struct buf *key, struct failure *failure) {
  const h2o_headers_t *headers = &req->headers;
  bool seen = false;
  for (size_t i = 0; i < headers->size; i++) {
    if (!slice_equal(slice_of_iovec(*headers->entries[i].name), slice_text("idempotency-key"))) continue;
    struct slice value = value_of(headers, i);
    if (seen && !slice_equal(value, buf_slice(key))) {
      return failure_set(failure, ERR_REQUEST, "the header Idempotency-Key comes twice, and says different things");
    }
    if (seen) continue;
    enum err err = idempotency_check_key(value, failure);
    if (err != ERR_NONE) return err;
    buf_put(key, value);
    seen = true;
  }
  return ERR_NONE;
}

/* Whether the connection goes on behind this request (RFC 9112 section 9.3). For h2o each header Connection without keep-alive
 * is its end, that of who offers an upgrade too. */
static bool is_persistent(const h2o_req_t *req) {
  bool is_kept = req->version > 0x100;
  for (ssize_t at = -1; (at = h2o_find_header(&req->headers, H2O_TOKEN_CONNECTION, at)) >= 0;) {
    const h2o_iovec_t value = req->headers.entries[at].value;
    if (h2o_contains_token(value.base, value.len, H2O_STRLIT("close"), ',')) return false;
    is_kept = is_kept || h2o_contains_token(value.base, value.len, H2O_STRLIT("keep-alive"), ',');
  }
  return is_kept;
}

/* -- pages of the web -- */

static ssize_t find_header(const h2o_req_t *req, const char *name) {
  return h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
}

static void put_header(h2o_req_t *req, const char *name, h2o_iovec_t value) {
  h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value.base, value.len);
}

/* Lets the page of a welcome origin read the answer. False where a page asks that may not. */
static bool greet(h2o_req_t *req) {
  ssize_t at = find_header(req, "origin");
  if (at < 0) return true;
  struct buf here = { 0 };
  h2o_iovec_t origin = req->headers.entries[at].value;
  address_put(&here, h2o_socket_get_fd(socket_of(req)));
  bool is_one = h2o_find_header_by_str(&req->headers, H2O_STRLIT("origin"), at) < 0;
  bool is_welcome = is_one && origin_is_welcome(&server_of(req)->origins, slice_of_iovec(origin), buf_slice(&here));
  buf_done(&here);
  if (!is_welcome) return false;
  put_header(req, "access-control-allow-origin", h2o_strdup(&req->pool, origin.base, origin.len));
  put_header(req, "access-control-expose-headers", h2o_iovec_init(H2O_STRLIT("Retry-After")));
  put_header(req, "vary", h2o_iovec_init(H2O_STRLIT("Origin")));
  return true;
}

/* A browser asks before it sends what no plain form could: whatever the path, so that the page hears of a wrong one itself. */
static bool is_preflight(const h2o_req_t *req) {
  return slice_equal(slice_of_iovec(req->input.method), slice_text("OPTIONS")) && find_header(req, "origin") >= 0 &&
         find_header(req, "access-control-request-method") >= 0;
}

/* Scripts see all headers, so a page may send any. */
static void answer_preflight(h2o_req_t *req) {
  static const char known[] = "Authorization, Content-Type, Idempotency-Key";
  h2o_iovec_t headers = h2o_iovec_init(known, sizeof known - 1);
  ssize_t at = find_header(req, "access-control-request-headers");
  if (at >= 0) headers = h2o_concat(&req->pool, headers, h2o_iovec_init(H2O_STRLIT(", ")), req->headers.entries[at].value);
  put_header(req, "access-control-allow-methods", h2o_iovec_init(H2O_STRLIT("GET, HEAD, POST, OPTIONS")));
  put_header(req, "access-control-allow-headers", headers);
  put_header(req, "access-control-max-age", h2o_iovec_init(H2O_STRLIT("7200")));
  answer_nothing(req);
}

/* -- requests -- */

/* What the host is to be asked; NULL in `request` where the door answers by itself. */
static enum err read_request(const struct server *server, h2o_req_t *req, struct reply *reply, struct request **request,
                             struct failure *failure) {
  *request = NULL;
  /* h2o's own limit is a byte higher, as it counts differently for bodies of unknown length. */
  if (req->entity.len > server->limits.body_bytes) {
    return failure_set(failure, ERR_TOO_LARGE, "the body has %zu bytes; the limit is %" PRIu64 " " LIMIT_NAME(BODY_BYTES),
                       req->entity.len, server->limits.body_bytes);
  }
  struct route route = { .method = slice_of_iovec(req->input.method), .target = slice_of_iovec(req->input.path),
                         .authorization = authorization_of(req), .token = host_token(server->host),
                         .key_bytes_max = server->limits.key_bytes };
  struct slice host = route_cut_host(&route.target);
  if (host.size > 0) req->input.authority = h2o_iovec_init(host.data, host.size);
  const char *allow;
  enum err err = route_read(&route, reply, request, &allow, failure);
  bool asks = slice_equal(route.method, slice_text("OPTIONS"));
  if (err == ERR_NOT_ALLOWED || (err == ERR_NONE && asks)) put_header(req, "allow", h2o_iovec_init(allow, strlen(allow)));
  if (err != ERR_NONE || *request == NULL || (*request)->type != REQUEST_CALL) return err;

  buf_put(&(*request)->args, slice_of_iovec(req->entity));
  put_headers(&(*request)->headers, req);
  err = read_idempotency_key(req, &(*request)->idempotency_key, failure);
  const struct buf *filled[] = { &(*request)->args, &(*request)->headers, &(*request)->idempotency_key };
  for (size_t i = 0; i < sizeof filled / sizeof *filled && err == ERR_NONE; i++) {
    if (filled[i]->err != ERR_NONE) err = failure_set(failure, ERR_MEMORY, "no memory to read the request");
  }
  if (err == ERR_NONE) return ERR_NONE;
  request_free(*request);
  *request = NULL;
  return err;
}

static void answer_without_host(h2o_req_t *req, struct failure *failure) {
  if (failure->err != ERR_NONE) {
    answer_failure(req, failure);
  } else if (slice_equal(slice_of_iovec(req->input.method), slice_text("OPTIONS"))) {
    answer_nothing(req);
  } else {
    answer_health(req);
  }
  failure_done(failure);
}

/* Whether a request is answered before it is looked at what it asks for. */
static bool is_turned_away(struct server *server, h2o_req_t *req, struct failure *failure) {
  if (slice_equal(slice_of_iovec(req->input.method), slice_text(FRAMING_STAND_IN_METHOD))) {
    failure_set(failure, ERR_REQUEST, "%s", visit_fault(socket_of(req)));
    visit_linger(socket_of(req));
  } else if (!greet(req)) {
    failure_set(failure, ERR_ORIGIN, "pages of this origin may not call this host; --allow-origin lets them");
  } else if (server->is_closing) {
    failure_set(failure, ERR_OVERLOADED, "the host is stopping");
  }
  return failure->err != ERR_NONE;
}

static int on_request(h2o_handler_t *self, h2o_req_t *req) {
  struct server *server = ((struct handler *)(void *)self)->server;
  struct failure failure = { 0 };
  struct request *request = NULL;
  struct call *call = NULL;
  req->http1_is_persistent = is_persistent(req);
  if (is_turned_away(server, req, &failure)) {
    answer_without_host(req, &failure);
    return 0;
  }
  if (is_preflight(req)) {
    answer_preflight(req);
    return 0;
  }
  if ((call = call_try_new(&server->calls, req)) == NULL) {
    failure_set(&failure, ERR_MEMORY, "no memory for the call");
  } else {
    read_request(server, req, call_reply(call), &request, &failure);
  }
  if (request != NULL) {
    /* What comes early may move the bytes that the request was read from. h2o needs them no more, answer.c the method. */
    req->input.method = h2o_strdup(&req->pool, req->input.method.base, req->input.method.len);
    visit_hold(socket_of(req), req->entity.len, &call_reply(call)->is_unwanted);
    call_begin(call, &request);
  } else {
    call_free(call);
    answer_without_host(req, &failure);
  }
  return 0;
}

static void on_refused(h2o_req_t *req) {
  visit_linger(socket_of(req));
  (void)greet(req);
}

size_t server_under_way(const struct server *server) {
  return atomic_load(&server->is_up) ? atomic_load(&server->calls.count) : 0;
}

static enum err fail_listen(int *fd, const char *address, int reason, struct failure *failure) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
  return failure_set(failure, ERR_REQUEST, "cannot listen on %s: %s", address, strerror(reason));
}

enum err server_listen(const char *address, int *fd, struct buf *bound, struct failure *failure) {
  *fd = -1;
  struct addrinfo *found = NULL;
  enum err err = address_resolve(address, true, &found, failure);
  if (err != ERR_NONE) return err;
  int reason = EADDRNOTAVAIL, on = 1;
  for (struct addrinfo *at = found; at != NULL && *fd < 0; at = at->ai_next) {
    int tried = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (tried >= 0 && setsockopt(tried, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(tried, at->ai_addr, at->ai_addrlen) == 0 && listen(tried, SOMAXCONN) == 0) {
      *fd = tried;
      break;
    }
    reason = errno;
    if (tried >= 0) close(tried);
  }
  freeaddrinfo(found);
  if (*fd < 0) return fail_listen(fd, address, reason, failure);
  address_put(bound, *fd);
  return bound->err == ERR_NONE ? ERR_NONE : fail_listen(fd, address, ENOMEM, failure);
}

static void configure(struct server *server) {
  h2o_globalconf_t *config = &server->config;
  h2o_config_init(config);
  config->server_name = h2o_iovec_init(H2O_STRLIT("troupe"));
  config->http1.upgrade_to_http2 = 0;
  config->http1.req_timeout = REQUEST_TIMEOUT_MS;
  config->max_request_entity_size = (size_t)server->limits.body_bytes + 1;
  h2o_hostconf_t *hostconf = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
  struct handler *handler = (struct handler *)(void *)h2o_create_handler(&hostconf->fallback_path, sizeof *handler);
  handler->super.on_req = on_request;
  handler->server = server;
  answer_instead_of_h2o(&hostconf->fallback_path, server->limits.body_bytes, on_refused);
}

/* On the thread of the steps: buffers of h2o's sockets belong to a store of the thread that makes the socket, without a
 * lock, and the loop has sockets of its own. */
static void set_up(struct server *server) {
  configure(server);
  h2o_context_init(&server->ctx, h2o_evloop_create(), &server->config);
  calls_init(&server->calls, server->host, server->ctx.queue);
  visits_open(&server->visits, &server->ctx, &server->listen_fd, server->connections_max, server->logger);
  server->thread = gettid();
  atomic_store(&server->is_up, true);
}

static void take_down(struct server *server) {
  h2o_loop_t *loop = server->ctx.loop;
  h2o_multithread_queue_t *queue = server->ctx.queue;
  atomic_store(&server->is_up, false);
  calls_done(&server->calls, queue);
  h2o_context_dispose(&server->ctx);
  if (H2O_LIBRARY_VERSION_MAJOR == 0 && H2O_LIBRARY_VERSION_MINOR == 13) mem_free(queue);   /* this one forgets to */
  h2o_config_dispose(&server->config);
  h2o_evloop_destroy(loop);
}

enum err server_open(const struct server_config *config, struct server **server, struct failure *failure) {
  *server = NULL;
  /* A handle of its own, which is closed while other servers go on with theirs. */
  int fd = fcntl(config->listen_fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return failure_set(failure, ERR_REQUEST, "cannot listen: %s", strerror(errno));
  *server = mem_zero(sizeof **server);
  (*server)->host = config->host;
  (*server)->limits = *config->limits;
  (*server)->connections_max = config->connections_max;
  (*server)->origins = config->origins;
  (*server)->logger = config->logger;
  (*server)->listen_fd = fd;
  return ERR_NONE;
}

static void run_loop(struct server *server, int timeout_ms) {
  int status = h2o_evloop_run(server->ctx.loop, timeout_ms);
  CHECK(status == 0 || errno == EINTR);
  calls_submit(&server->calls);
}

/* One step on the way to the end; false there. Who was sending a request gets a little time, who is called for gets all
 * that the call takes, and who does not fetch the answer gets a little more. */
static bool stop_step(struct server *server) {
  uint64_t now_ms = h2o_now(server->ctx.loop);
  if (!server->is_stopping) {
    server->is_stopping = true;
    server->stopping_since_ms = now_ms;
    server->quiet_since_ms = now_ms;
    visits_refuse(&server->visits);
    server->ctx.shutdown_requested = 1;   /* and no more: h2o's function for it starts a timer of HTTP/2's */
  }
  visits_close_idle(&server->visits, now_ms - server->stopping_since_ms >= STOP_UNFINISHED_MS);
  if (server_under_way(server) > 0) server->quiet_since_ms = now_ms;
  if (now_ms - server->quiet_since_ms >= STOP_SLOW_MS) visits_cut(&server->visits);
  return server->visits.count > 0 || server_under_way(server) > 0;
}

void server_ring(struct server *server) {
  if (atomic_load(&server->is_up)) calls_ring(&server->calls);
}

bool server_step(struct server *server, int timeout_ms) {
  if (server->is_done) return false;
  if (!atomic_load(&server->is_up)) set_up(server);
  bool is_hurried = atomic_load(&server->stop_asked) && timeout_ms > STOP_STEP_MS;
  run_loop(server, is_hurried ? STOP_STEP_MS : timeout_ms);
  if (!atomic_load(&server->stop_told) || stop_step(server)) return true;
  take_down(server);
  server->is_done = true;
  return false;
}

/* The loop lives until stop_told, so it is there to be woken. One that is set up after the look at is_up finds
 * stop_asked. */
void server_stop(struct server *server) {
  if (atomic_exchange(&server->stop_asked, true)) return;
  if (atomic_load(&server->is_up)) h2o_multithread_send_message(&server->calls.receiver, NULL);   /* only wakes */
  atomic_store(&server->stop_told, true);
}

static void cut_all(struct server *server) {
  CHECK_THAT(gettid(), ==, server->thread);
  server->is_closing = true;
  visits_refuse(&server->visits);
  run_loop(server, 0);             /* replies that were delivered already are on their way through the queue */
  visits_cut(&server->visits);
  calls_abandon(&server->calls);
  for (unsigned i = 0; server->visits.count > 0; i++) {
    CHECK_THAT(i, <, CUT_STEPS_MAX);
    run_loop(server, STOP_STEP_MS);
    visits_cut(&server->visits);
  }
  take_down(server);
}

void server_close(struct server *server) {
  if (server == NULL) return;
  if (atomic_load(&server->is_up)) cut_all(server);
  if (server->listen_fd >= 0) close(server->listen_fd);
  mem_free(server);
}
