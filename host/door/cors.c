/* cors.c -- see cors.h. */
#include "door/cors.h"

#include "door/address.h"
#include "door/answer.h"
#include "door/visit.h"

static ssize_t find_header(const h2o_req_t *req, const char *name) {
  return h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
}

static void put_header(h2o_req_t *req, const char *name, h2o_iovec_t value) {
  h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value.base, value.len);
}

bool cors_greet(const struct origins *origins, h2o_req_t *req) {
  ssize_t at = find_header(req, "origin");
  if (at < 0) return true;
  struct buf here = { 0 };
  h2o_iovec_t origin = req->headers.entries[at].value;
  address_put(&here, h2o_socket_get_fd(visit_socket(req)));
  bool is_one = h2o_find_header_by_str(&req->headers, H2O_STRLIT("origin"), at) < 0;
  bool is_welcome = is_one && origin_is_welcome(origins, slice_of_iovec(origin), buf_slice(&here));
  buf_done(&here);
  if (!is_welcome) return false;
  put_header(req, "access-control-allow-origin", h2o_strdup(&req->pool, origin.base, origin.len));
  put_header(req, "access-control-expose-headers", h2o_iovec_init(H2O_STRLIT("Retry-After")));
  put_header(req, "vary", h2o_iovec_init(H2O_STRLIT("Origin")));
  return true;
}

bool cors_is_preflight(const h2o_req_t *req) {
  return slice_equal(slice_of_iovec(req->input.method), slice_text("OPTIONS")) && find_header(req, "origin") >= 0 &&
         find_header(req, "access-control-request-method") >= 0;
}

/* Actors see all headers, so a page may send any. */
void cors_answer_preflight(h2o_req_t *req) {
  static const char known[] = "Authorization, Content-Type, Idempotency-Key";
  h2o_iovec_t headers = h2o_iovec_init(known, sizeof known - 1);
  ssize_t at = find_header(req, "access-control-request-headers");
  if (at >= 0) headers = h2o_concat(&req->pool, headers, h2o_iovec_init(H2O_STRLIT(", ")), req->headers.entries[at].value);
  put_header(req, "access-control-allow-methods", h2o_iovec_init(H2O_STRLIT("GET, HEAD, POST, DELETE, OPTIONS")));
  put_header(req, "access-control-allow-headers", headers);
  put_header(req, "access-control-max-age", h2o_iovec_init(H2O_STRLIT("7200")));
  answer_nothing(req, HTTP_204);
}
