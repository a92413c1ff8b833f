/* answer.c -- see answer.h. */
#include "door/answer.h"

#include <inttypes.h>

#include "base/limits.h"
#include "codec/json.h"
#include "door/visit.h"

/* The text for a status; NULL: it is not one of ours. The address of the text marks an answer as ours. h2o's own texts may
 * have the same words, but the compiler never merges an array with them. */
static const char *reason_of(int status) {
  static const struct {
    int status;
    char reason[32];
  } reasons[] = {
#define HTTP_ROW(value, text) { value, text },
    HTTP_LIST(HTTP_ROW)
#undef HTTP_ROW
  };
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (reasons[i].status == status) return reasons[i].reason;
  }
  return NULL;
}

static void put_header(h2o_req_t *req, const h2o_token_t *name, const char *value) {
  h2o_add_header(&req->pool, &req->res.headers, name, NULL, value, strlen(value));
}

static void put_status(h2o_req_t *req, int status) {
  req->res.status = status;
  req->res.reason = reason_of(status);
}

/* What would have been right. */
static void put_upgrade(h2o_req_t *req) {
  put_header(req, H2O_TOKEN_UPGRADE, "websocket");
  h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("sec-websocket-version"), 0, NULL, H2O_STRLIT("13"));
}

static void put_head(h2o_req_t *req, enum err err) {
  put_status(req, err_status(err));
  put_header(req, H2O_TOKEN_CONTENT_TYPE, "application/json");
  if (err == ERR_UNAUTHORIZED) put_header(req, H2O_TOKEN_WWW_AUTHENTICATE, "Bearer");
  if (err == ERR_OVERLOADED) put_header(req, H2O_TOKEN_RETRY_AFTER, "1");
  if (err == ERR_UPGRADE) put_upgrade(req);
}

static void respond(h2o_req_t *req, h2o_generator_t *generator, h2o_iovec_t *pieces, size_t count, h2o_send_state_t state) {
  if (req->conn->ctx->shutdown_requested) req->http1_is_persistent = 0;
  h2o_start_response(req, generator);
  h2o_send(req, pieces, count, state);
  visit_answered(visit_socket(req));
}

static void respond_at_once(h2o_req_t *req, h2o_iovec_t *pieces, size_t count) {
  h2o_generator_t *all_at_once = h2o_mem_alloc_pool(&req->pool, sizeof *all_at_once);
  *all_at_once = (h2o_generator_t){ NULL, NULL };
  respond(req, all_at_once, pieces, count, H2O_SEND_STATE_FINAL);
}

/* The pieces must stay where they are. */
static void send_pieces(h2o_req_t *req, h2o_iovec_t *pieces, size_t count) {
  req->res.content_length = 0;
  for (size_t i = 0; i < count; i++) req->res.content_length += pieces[i].len;
  bool has_body = !slice_equal(slice_of_iovec(req->input.method), slice_text("HEAD"));
  respond_at_once(req, pieces, has_body ? count : 0);
}

/* Of the length of a body that is not sent by the rules of HTTP, nothing is said. */
void answer_nothing(h2o_req_t *req, int status) {
  put_status(req, status);
  if (status != HTTP_204 && status != HTTP_304) req->res.content_length = 0;
  respond_at_once(req, NULL, 0);
}

void answer_file(h2o_req_t *req, struct slice content) {
  h2o_iovec_t piece = h2o_iovec_init(content.data, content.size);
  put_status(req, HTTP_200);
  send_pieces(req, &piece, 1);
}

void answer_length(h2o_req_t *req, uint64_t size) {
  put_status(req, HTTP_200);
  req->res.content_length = (size_t)size;
  respond_at_once(req, NULL, 0);
}

void answer_portion(h2o_req_t *req, int status, h2o_generator_t *generator, struct slice portion) {
  h2o_iovec_t piece = h2o_iovec_init(portion.data, portion.size);
  put_status(req, status);
  bool is_all = portion.size == req->res.content_length;
  respond(req, generator, &piece, 1, is_all ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

void answer_result(h2o_req_t *req, struct slice result, struct slice more) {
  h2o_iovec_t pieces[] = { h2o_iovec_init(H2O_STRLIT("{\"result\":")), h2o_iovec_init(result.data, result.size),
                           h2o_iovec_init(H2O_STRLIT(",")), h2o_iovec_init(more.data, more.size),
                           h2o_iovec_init(H2O_STRLIT("}")) };
  if (more.size == 0) pieces[2].len = 0;
  put_head(req, ERR_NONE);
  send_pieces(req, pieces, sizeof pieces / sizeof *pieces);
}

void answer_health(h2o_req_t *req) {
  h2o_iovec_t piece = h2o_iovec_init(H2O_STRLIT("{\"status\":\"ok\"}"));
  put_head(req, ERR_NONE);
  send_pieces(req, &piece, 1);
}

/* The failure as JSON, in the request's memory. */
static h2o_iovec_t failure_text(h2o_req_t *req, const struct failure *failure, struct slice more) {
  struct buf text = { 0 };
  h2o_iovec_t copy = h2o_iovec_init(H2O_STRLIT("{\"error\":{\"code\":\"out_of_memory\","
                                               "\"message\":\"no memory to tell what went wrong\"}}"));
  json_put_failure(&text, failure);
  if (more.size > 0 && text.err == ERR_NONE) {
    text.data[text.size - 1] = ',';                          /* in place of the last brace */
    buf_put(&text, more);
    buf_put_byte(&text, '}');
  }
  if (text.err == ERR_NONE) {
    copy = h2o_iovec_init(h2o_mem_alloc_pool(&req->pool, text.size), text.size);
    memcpy(copy.base, text.data, text.size);
  }
  buf_done(&text);
  return copy;
}

void answer_failure(h2o_req_t *req, const struct failure *failure, struct slice more) {
  h2o_iovec_t piece = failure_text(req, failure, more);
  put_head(req, failure->err);
  send_pieces(req, &piece, 1);
}

/* The rest of this file puts our words in place of h2o's: a filter sees each answer before it leaves. */

static bool is_ours(const h2o_req_t *req) {
  const char *reason = reason_of(req->res.status);
  return reason != NULL && req->res.reason == reason;
}

struct replacer {
  h2o_filter_t super;
  uint64_t body_bytes_max;
  void (*on_refused)(h2o_req_t *req);
};

struct replacement {
  h2o_ostream_t super;
  h2o_iovec_t text;
};

static void name_refusal(const struct replacer *replacer, const h2o_req_t *req, struct failure *failure) {
  int status = req->res.status;
  if (status == 413) {
    failure_set(failure, ERR_TOO_LARGE, "the body is larger than the limit of %" PRIu64 " bytes " LIMIT_NAME(BODY_BYTES),
                replacer->body_bytes_max);
  } else if (status == 417) {
    failure_set(failure, ERR_REQUEST, "the header Expect may only say 100-continue");
  } else {
    const char *fault = visit_fault(visit_socket(req));
    failure_set(failure, ERR_REQUEST, "%s", fault == NULL ? "the request is not sent as HTTP wants" : fault);
  }
}

static void send_replacement(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *pieces, size_t count,
                             h2o_send_state_t state) {
  struct replacement *replacement = (struct replacement *)(void *)self;
  (void)pieces;
  (void)count;
  size_t ours = replacement->text.len > 0;
  h2o_iovec_t text = replacement->text;
  replacement->text.len = 0;   /* only once, even if h2o's answer comes in several pieces */
  h2o_ostream_send_next(self, req, &text, ours, state);
}

static void on_answer(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot) {
  struct replacer *replacer = (struct replacer *)(void *)self;
  if (is_ours(req)) {
    h2o_setup_next_ostream(req, slot);
    return;
  }
  struct failure failure = { 0 };
  name_refusal(replacer, req, &failure);
  h2o_iovec_t text = failure_text(req, &failure, slice_of(NULL, 0));
  req->res.headers.size = 0;
  put_head(req, failure.err);
  failure_done(&failure);
  req->res.content_length = text.len;

  struct replacement *replacement = (struct replacement *)(void *)h2o_add_ostream(req, sizeof *replacement, slot);
  replacement->super.do_send = send_replacement;
  replacement->text = text;
  slot = &replacement->super.next;
  replacer->on_refused(req);
  h2o_setup_next_ostream(req, slot);
}

void answer_instead_of_h2o(h2o_pathconf_t *path, uint64_t body_bytes_max, void (*on_refused)(h2o_req_t *req)) {
  struct replacer *replacer = (struct replacer *)(void *)h2o_create_filter(path, sizeof *replacer);
  replacer->super.on_setup_ostream = on_answer;
  replacer->body_bytes_max = body_bytes_max;
  replacer->on_refused = on_refused;
}
