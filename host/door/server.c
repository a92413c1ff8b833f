/* server.c -- see server.h. One h2o loop with one handler, which asks intake.c what a request wants. */
#include "door/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "door/answer.h"
#include "door/call.h"
#include "door/cors.h"
#include "door/files.h"
#include "door/framing.h"
#include "door/intake.h"
#include "door/opening.h"
#include "door/visit.h"

enum {
  REQUEST_TIMEOUT_MS = 30000,   /* for a whole request to arrive; also how long a connection may be idle between two */
  STOP_STEP_MS = 50,
  STOP_UNFINISHED_MS = 1000,    /* for a client that was sending a request when the server began to stop */
  STOP_SLOW_MS = 5000,          /* for clients to take their answers once no call is under way any more */
  CUT_STEPS_MAX = 1000
};

struct server {
  struct host *host;
  struct limits limits;
  size_t connections_max;
  struct origins origins;
  int public_folder;
  const struct logger *logger;
  int listen_fd;                /* its own handle until the loop has it; -1 from then on */
  pid_t thread;                 /* the one that set the loop up */
  h2o_globalconf_t config;
  h2o_context_t ctx;
  struct visits visits;
  struct sockets sockets;
  struct files files;
  struct hatch hatch;           /* attached to the loop while there is one */
  atomic_bool is_up;            /* the loop exists, and so do the fields from `config` to `files` */
  atomic_uint ringing;          /* how many threads are in server_ring() */
  atomic_bool stop_asked;       /* server_stop() has begun */
  atomic_bool stop_told;        /* server_stop() does not need the loop any more */
  bool is_stopping;
  bool is_closing;
  bool is_done;
  uint64_t stopping_since_ms;
  uint64_t quiet_since_ms;      /* while stopping: since when no call has been under way */
};

struct handler {
  h2o_handler_t super;
  struct server *server;
};

static struct server *server_of(const h2o_req_t *req) {
  return H2O_STRUCT_FROM_MEMBER(struct server, ctx, req->conn->ctx);
}

/* -- requests -- */

static void answer_without_host(h2o_req_t *req, struct failure *failure) {
  if (failure->err != ERR_NONE) {
    answer_failure(req, failure, slice_of(NULL, 0));
  } else if (slice_equal(slice_of_iovec(req->input.method), slice_text("OPTIONS"))) {
    answer_nothing(req, HTTP_204);
  } else {
    answer_health(req);
  }
  failure_done(failure);
}

/* Whether a request is refused before anybody looks at what it asks for. */
static bool is_turned_away(struct server *server, h2o_req_t *req, struct failure *failure) {
  if (slice_equal(slice_of_iovec(req->input.method), slice_text(FRAMING_STAND_IN_METHOD))) {
    failure_set(failure, ERR_REQUEST, "%s", visit_fault(visit_socket(req)));
    visit_linger(visit_socket(req));
  } else if (!cors_greet(&server->origins, req)) {
    failure_set(failure, ERR_ORIGIN, "pages of this origin may not call this host; --allow-origin lets them");
  } else if (server->is_closing || (server->is_stopping && intake_connects(req))) {
    failure_set(failure, ERR_OVERLOADED, "the host is stopping");
  }
  return failure->err != ERR_NONE;
}

/* Hands the request to the host, or answers it if the door can. */
static void begin_call(struct server *server, const struct intake *intake, h2o_req_t *req) {
  struct failure failure = { 0 };
  struct request *request = NULL;
  struct call *call = call_try_new(&server->hatch, req);
  if (call == NULL) {
    failure_set(&failure, ERR_MEMORY, "no memory for the call");
  } else if (intake_read(intake, req, call_reply(call), &request, &failure) == ERR_NONE && request != NULL &&
             request->type == REQUEST_CONNECT) {
    failure_set(&failure, ERR_UPGRADE, "this is the path of a WebSocket, and the request does not ask for one");
    request_free(request);
    request = NULL;
  }
  if (request != NULL) {
    /* Bytes that come early may move those that the request was read from. h2o does not need these any more, but answer.c
     * still needs the method. */
    req->input.method = h2o_strdup(&req->pool, req->input.method.base, req->input.method.len);
    visit_hold(visit_socket(req), req->entity.len, &call_reply(call)->is_unwanted);
    call_begin(&server->hatch, call, &request);
  } else {
    call_free(call);
    answer_without_host(req, &failure);
  }
}

/* Requests come in five kinds: those refused whatever they ask for, those for connections, a browser's questions, those for
 * files, and those for the host. */
static int on_request(h2o_handler_t *self, h2o_req_t *req) {
  struct server *server = ((struct handler *)(void *)self)->server;
  const struct intake intake = { .limits = &server->limits, .token = host_token(server->host) };
  struct failure failure = { 0 };
  bool wants_upgrade = visit_takes_upgrade(visit_socket(req));
  req->http1_is_persistent = intake_is_persistent(req) && !wants_upgrade;
  bool is_turned = is_turned_away(server, req, &failure);
  if (wants_upgrade && intake_connects(req)) {
    opening_ask(&server->sockets, &intake, req, &failure);
    failure_done(&failure);
    return 0;
  }
  if (wants_upgrade) visit_linger(visit_socket(req));
  if (is_turned) {
    answer_without_host(req, &failure);
  } else if (cors_is_preflight(req)) {
    cors_answer_preflight(req);
  } else if (!files_answer(&server->files, req)) {
    begin_call(server, &intake, req);
  }
  return 0;
}

static void on_refused(h2o_req_t *req) {
  visit_linger(visit_socket(req));
  (void)cors_greet(&server_of(req)->origins, req);
}

size_t server_under_way(const struct server *server) {
  return atomic_load(&server->is_up) ? atomic_load(&server->hatch.count) : 0;
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

static void tell(void *context, const struct notice *notice) {
  struct server *server = context;
  sockets_tell(&server->sockets, notice);
}

/* On the thread of the steps. The loop has sockets of its own, and the buffers of h2o's sockets come, without a lock, from a
 * pool of the thread that makes the socket. */
static void set_up(struct server *server) {
  configure(server);
  h2o_context_init(&server->ctx, h2o_evloop_create(), &server->config);
  hatch_attach(&server->hatch, server->ctx.queue);
  sockets_init(&server->sockets, server->ctx.loop, &server->hatch, &server->limits);
  visits_open(&server->visits, &server->ctx, &server->listen_fd, server->connections_max, server->logger);
  files_init(&server->files, server->public_folder, &server->visits, &server->config);
  server->thread = gettid();
  atomic_store(&server->is_up, true);
}

static void take_down(struct server *server) {
  h2o_loop_t *loop = server->ctx.loop;
  h2o_multithread_queue_t *queue = server->ctx.queue;
  atomic_store(&server->is_up, false);
  while (atomic_load(&server->ringing) > 0) sched_yield();
  hatch_detach(&server->hatch, queue);
  sockets_done(&server->sockets);
  h2o_context_dispose(&server->ctx);
  if (H2O_LIBRARY_VERSION_MAJOR == 0 && H2O_LIBRARY_VERSION_MINOR == 13) mem_free(queue);   /* this one forgets to */
  h2o_config_dispose(&server->config);
  h2o_evloop_destroy(loop);
}

enum err server_open(const struct server_config *config, struct server **server, struct failure *failure) {
  *server = NULL;
  /* A handle of its own: it can be closed while other servers go on with theirs. */
  int fd = fcntl(config->listen_fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return failure_set(failure, ERR_REQUEST, "cannot listen: %s", strerror(errno));
  *server = mem_zero(sizeof **server);
  (*server)->host = config->host;
  (*server)->limits = *config->limits;
  (*server)->connections_max = config->connections_max;
  (*server)->origins = config->origins;
  (*server)->public_folder = config->public_folder;
  (*server)->logger = config->logger;
  (*server)->listen_fd = fd;
  hatch_open(&(*server)->hatch, config->host, tell, *server);
  return ERR_NONE;
}

static void run_loop(struct server *server, int timeout_ms) {
  int status = h2o_evloop_run(server->ctx.loop, timeout_ms);
  CHECK(status == 0 || errno == EINTR);
  hatch_submit(&server->hatch);
}

static void cut(struct server *server) {
  visits_cut(&server->visits);
  sockets_cut(&server->sockets);
}

/* One step towards the end; false once it is reached. A client that was sending a request gets a little time, one with a call
 * under way all the time that the call takes, and one that does not take its answer a little more. */
static bool stop_step(struct server *server) {
  uint64_t now_ms = h2o_now(server->ctx.loop);
  if (!server->is_stopping) {
    server->is_stopping = true;
    server->stopping_since_ms = now_ms;
    server->quiet_since_ms = now_ms;
    visits_refuse(&server->visits);
    sockets_stop(&server->sockets);
    server->ctx.shutdown_requested = 1;   /* only this: h2o's function for it also starts a timer for HTTP/2 */
  }
  visits_close_idle(&server->visits, now_ms - server->stopping_since_ms >= STOP_UNFINISHED_MS);
  if (server_under_way(server) > 0) server->quiet_since_ms = now_ms;
  if (now_ms - server->quiet_since_ms >= STOP_SLOW_MS) cut(server);
  return server->visits.count > 0 || server_under_way(server) > 0;
}

/* The host's threads tell of events as long as there are actors; so the loop ends only when none of them is in here. */
void server_ring(struct server *server) {
  atomic_fetch_add(&server->ringing, 1);
  if (atomic_load(&server->is_up)) hatch_ring(&server->hatch);
  atomic_fetch_sub(&server->ringing, 1);
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

/* The loop lives until stop_told, so it can still be woken. A loop that is set up after the look at is_up finds
 * stop_asked. */
void server_stop(struct server *server) {
  if (atomic_exchange(&server->stop_asked, true)) return;
  if (atomic_load(&server->is_up)) h2o_multithread_send_message(&server->hatch.receiver, NULL);   /* only wakes */
  atomic_store(&server->stop_told, true);
}

static void cut_all(struct server *server) {
  CHECK_THAT(gettid(), ==, server->thread);
  server->is_closing = true;
  visits_refuse(&server->visits);
  run_loop(server, 0);             /* takes the replies that were delivered, and are on their way through the queue */
  cut(server);
  hatch_abandon(&server->hatch);
  for (unsigned i = 0; server->visits.count > 0; i++) {
    CHECK_THAT(i, <, CUT_STEPS_MAX);
    run_loop(server, STOP_STEP_MS);
    cut(server);
  }
  take_down(server);
}

void server_close(struct server *server) {
  if (server == NULL) return;
  if (atomic_load(&server->is_up)) cut_all(server);
  if (server->listen_fd >= 0) close(server->listen_fd);
  hatch_close(&server->hatch);
  mem_free(server);
}
