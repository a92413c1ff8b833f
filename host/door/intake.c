/* intake.c -- see intake.h. */
#include "door/intake.h"

#include <inttypes.h>

#include "base/limits.h"
#include "codec/idempotency_key.h"
#include "codec/value.h"
#include "door/route.h"
#include "door/visit.h"

static struct slice value_of(const h2o_headers_t *headers, size_t index) {
  return slice_of_iovec(headers->entries[index].value);
}

/* Whether an earlier header has the same name. Each name that h2o knows is one object. */
static bool is_repeated(const h2o_headers_t *headers, size_t index) {
  const h2o_iovec_t *name = headers->entries[index].name;
  for (size_t i = 0; i < index; i++) {
    const h2o_iovec_t *other = headers->entries[i].name;
    if (other == name || slice_equal(slice_of_iovec(*other), slice_of_iovec(*name))) return true;
  }
  return false;
}

/* Joins the values of all headers that have the name of this one, with ", " between them. */
static void put_joined(struct buf *joined, const h2o_headers_t *headers, size_t index) {
  struct slice name = slice_of_iovec(*headers->entries[index].name);
  buf_clear(joined);
  for (size_t i = index; i < headers->size; i++) {
    if (!slice_equal(slice_of_iovec(*headers->entries[i].name), name)) continue;
    if (i > index) buf_put_text(joined, ", ");
    buf_put(joined, value_of(headers, i));
  }
}

/* A map from names, which h2o has made lower-case, to values. Headers that only frame the request are not in it. */
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

/* The header Idempotency-Key. If it comes twice, it must say the same. */
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
    enum err err = idempotency_key_check(value, failure);
    if (err != ERR_NONE) return err;
    buf_put(key, value);
    seen = true;
  }
  return ERR_NONE;
}

bool intake_is_persistent(const h2o_req_t *req) {
  bool is_kept = req->version > 0x100;
  for (ssize_t at = -1; (at = h2o_find_header(&req->headers, H2O_TOKEN_CONNECTION, at)) >= 0;) {
    const h2o_iovec_t value = req->headers.entries[at].value;
    if (h2o_contains_token(value.base, value.len, H2O_STRLIT("close"), ',')) return false;
    is_kept = is_kept || h2o_contains_token(value.base, value.len, H2O_STRLIT("keep-alive"), ',');
  }
  return is_kept;
}

/* Fills in what the first line says; returns the host in it, or nothing. */
static struct slice read_first_line(const h2o_req_t *req, struct route *route) {
  route->method = slice_of_iovec(req->input.method);
  route->target = slice_of_iovec(req->input.path);
  return route_cut_host(&route->target);
}

bool intake_connects(const h2o_req_t *req) {
  struct route route = { .token = "" };
  (void)read_first_line(req, &route);
  return route_connects(&route);
}

enum err intake_read(const struct intake *intake, h2o_req_t *req, struct reply *reply, struct request **request,
                     struct failure *failure) {
  *request = NULL;
  /* h2o's own limit is one byte higher, since it counts bodies of unknown length differently. */
  if (req->entity.len > intake->limits->body_bytes) {
    return failure_set(failure, ERR_TOO_LARGE, "the body has %zu bytes; the limit is %" PRIu64 " " LIMIT_NAME(BODY_BYTES),
                       req->entity.len, intake->limits->body_bytes);
  }
  struct route route = { .authorization = authorization_of(req), .token = intake->token,
                         .key_bytes_max = intake->limits->key_bytes };
  struct slice host = read_first_line(req, &route);
  if (host.size > 0) req->input.authority = h2o_iovec_init(host.data, host.size);
  const char *allow;
  enum err err = route_read(&route, reply, request, &allow, failure);
  bool asks = slice_equal(route.method, slice_text("OPTIONS"));
  if (err == ERR_NOT_ALLOWED || (err == ERR_NONE && asks)) {
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("allow"), 1, NULL, allow, strlen(allow));
  }
  bool is_call = err == ERR_NONE && *request != NULL && (*request)->type == REQUEST_CALL;
  bool is_connect = err == ERR_NONE && *request != NULL && (*request)->type == REQUEST_CONNECT;
  if (!is_call && !is_connect) return err;

  put_headers(&(*request)->headers, req);
  buf_put(&(*request)->address, visit_address(visit_socket(req)));
  if (is_call) buf_put(&(*request)->args, slice_of_iovec(req->entity));
  if (is_call) err = read_idempotency_key(req, &(*request)->idempotency_key, failure);
  const struct buf *filled[] = { &(*request)->args, &(*request)->headers, &(*request)->address,
                                 &(*request)->idempotency_key };
  for (size_t i = 0; i < sizeof filled / sizeof *filled && err == ERR_NONE; i++) {
    if (filled[i]->err != ERR_NONE) err = failure_set(failure, ERR_MEMORY, "no memory to read the request");
  }
  if (err == ERR_NONE) return ERR_NONE;
  request_free(*request);
  *request = NULL;
  return err;
}
