/* route.c -- see route.h. */
#include "door/route.h"

#include <inttypes.h>
#include <strings.h>

#include "base/limits.h"
#include "codec/json.h"
#include "codec/key.h"
#include "door/percent.h"

enum { SEGMENTS_MAX = 4, SHOWN_MAX = 200, FAILED_DEFAULT = 100, FAILED_MAX = 1000 };

/* For "%.*s": a client's text, no more of it than a message needs. */
#define SHOWN(slice) (int)((slice).size < SHOWN_MAX ? (slice).size : SHOWN_MAX), (const char *)(slice).data

static bool is_text(struct slice slice, const char *text) {
  return slice_equal(slice, slice_text(text));
}

static enum err fail_memory(struct failure *failure) {
  return failure_set(failure, ERR_MEMORY, "no memory to read the request");
}

/* Cuts the piece before the first `mark` off the front of `rest`, and the mark with it. False if nothing is left. */
static bool cut(struct slice *rest, uint8_t mark, struct slice *piece) {
  if (rest->data == NULL) return false;
  const uint8_t *at = rest->size == 0 ? NULL : memchr(rest->data, mark, rest->size);
  if (at == NULL) {
    *piece = *rest;
    *rest = slice_of(NULL, 0);
    return true;
  }
  *piece = slice_of(rest->data, (size_t)(at - rest->data));
  *rest = slice_after(*rest, piece->size + 1);
  return true;
}

/* Always compares all bytes, so that the time it takes does not tell how many were right. */
static bool is_same_secret(struct slice given, struct slice secret) {
  if (given.size != secret.size) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < secret.size; i++) difference |= (unsigned)(given.data[i] ^ secret.data[i]);
  return difference == 0;
}

static enum err check_token(const struct route *route, struct failure *failure) {
  static const char scheme[] = "Bearer ";
  struct slice given = route->authorization;
  size_t size = sizeof scheme - 1;
  bool is_bearer = given.size > size && strncasecmp((const char *)given.data, scheme, size) == 0;
  if (is_bearer) {
    given = slice_after(given, size);
    while (given.size > 0 && given.data[0] == ' ') given = slice_after(given, 1);
  }
  if (is_bearer && is_same_secret(given, slice_text(route->token))) return ERR_NONE;
  return failure_set(failure, ERR_UNAUTHORIZED,
                     is_bearer ? "this is not the operator's token of this host"
                               : "this is for operators, with the header Authorization: Bearer TOKEN; the token is in "
                                 "the file `token` of the data folder");
}

static enum err read_key(const struct route *route, struct slice raw, struct buf *key, struct failure *failure) {
  struct buf text = { 0 };
  enum err err = percent_decode("the key", raw, &text, failure);
  if (err != ERR_NONE) goto done;
  struct slice decoded = buf_slice(&text);
  if (decoded.size == 0) {
    err = failure_set(failure, ERR_KEY, "the key is empty; the actor whose key is the empty string is [\"\"]");
  } else if (is_text(decoded, ".") || is_text(decoded, "..")) {
    err = failure_set(failure, ERR_KEY,
                      "the key \"%.*s\" must be written as JSON, [\"%.*s\"]: in a path it means a folder",
                      SHOWN(decoded), SHOWN(decoded));
  } else if (decoded.size > 0 && decoded.data[0] == '[') {
    err = json_parse_key(decoded, key, failure);
  } else {
    key_put_string(key, decoded);
  }
  if (err == ERR_NONE && key->err != ERR_NONE) err = fail_memory(failure);
  if (err == ERR_NONE && key->size > route->key_bytes_max) {
    err = failure_set(failure, ERR_KEY,
                      "the key takes %zu bytes encoded; the limit is %" PRIu64 " " LIMIT_NAME(KEY_BYTES), key->size,
                      route->key_bytes_max);
  }
done:
  buf_done(&text);
  return err;
}

static enum err read_name(const char *what, struct slice raw, struct buf *name, struct failure *failure) {
  if (raw.size == 0) return failure_set(failure, ERR_REQUEST, "%s is empty", what);
  return percent_decode(what, raw, name, failure);
}

/* JSON text of a query. The actor's worker will see whether it is valid. */
static enum err read_json(const char *name, struct slice raw, struct buf *into, struct failure *failure) {
  if (raw.size == 0) return failure_set(failure, ERR_REQUEST, "%s is empty; expected JSON", name);
  return percent_decode(name, raw, into, failure);
}

static enum err read_create(struct slice raw, bool *create, struct failure *failure) {
  if (!is_text(raw, "true") && !is_text(raw, "false")) {
    return failure_set(failure, ERR_REQUEST, "create is \"%.*s\"; it must be true or false", SHOWN(raw));
  }
  *create = is_text(raw, "true");
  return ERR_NONE;
}

/* Whether it is what clients ask, and not operators. */
static bool is_clients(const struct request *request) {
  return request->type == REQUEST_CALL || request->type == REQUEST_CONNECT;
}

static enum err read_query(struct slice query, struct request *request, struct failure *failure) {
  static const char *const names[] = { "create", "input", "params" };
  bool seen[3] = { false };
  enum err err = ERR_NONE;
  struct slice piece, name;
  while (err == ERR_NONE && cut(&query, '&', &piece)) {
    if (piece.size == 0) continue;
    struct slice value = piece;
    cut(&value, '=', &name);
    unsigned which = 0;
    while (which < 3 && !(is_clients(request) && is_text(name, names[which]))) which++;
    if (which == 3) {
      return failure_set(failure, ERR_REQUEST, "the query has an unknown name \"%.*s\"; a call or a connection knows create, "
                         "input and params", SHOWN(name));
    }
    if (seen[which]) return failure_set(failure, ERR_REQUEST, "the query has %s twice", names[which]);
    seen[which] = true;
    if (which == 0) err = read_create(value, &request->create, failure);
    if (which == 1) err = read_json("input", value, &request->input, failure);
    if (which == 2) err = read_json("params", value, &request->params, failure);
  }
  return err;
}

/* The kinds of paths. */
enum place {
  PLACE_NOWHERE, PLACE_HOST, PLACE_HEALTH, PLACE_CALLS, PLACE_FAILED, PLACE_FAILED_ONE, PLACE_RETRY, PLACE_ACTOR, PLACE_METHOD,
  PLACE_CONNECTION
};

static const char *const ALLOWED[] = {
  [PLACE_NOWHERE] = NULL, [PLACE_HOST] = "GET, HEAD, POST, DELETE, OPTIONS", [PLACE_HEALTH] = "GET, HEAD, OPTIONS",
  [PLACE_CALLS] = "GET, HEAD, OPTIONS", [PLACE_FAILED] = "GET, HEAD, OPTIONS", [PLACE_FAILED_ONE] = "DELETE, OPTIONS",
  [PLACE_RETRY] = "POST, OPTIONS", [PLACE_ACTOR] = "GET, HEAD, DELETE, OPTIONS", [PLACE_METHOD] = "POST, OPTIONS",
  [PLACE_CONNECTION] = "GET, OPTIONS",
};

static bool is_allowed(const char *allowed, struct slice method) {
  struct slice rest = slice_text(allowed), piece;
  while (cut(&rest, ',', &piece)) {
    if (piece.data[0] == ' ') piece = slice_after(piece, 1);
    if (slice_equal(piece, method)) return true;
  }
  return false;
}

static enum err fail_path(const struct route *route, struct failure *failure) {
  return failure_set(failure, ERR_PATH,
                     "there is nothing at %.*s; there are POST /actors/{class}/{key}/{method}, "
                     "GET /connect/{class}/{key}, GET and DELETE /actors/{class}/{key}, GET /calls, GET /failed and "
                     "GET /health, and a / inside a key is written %%2F",
                     SHOWN(route->target));
}

static enum err fail_method(const struct route *route, const char *allowed, struct failure *failure) {
  return failure_set(failure, ERR_NOT_ALLOWED, "%.*s is not a method of this path, which knows %s", SHOWN(route->method),
                     allowed);
}

struct slice route_cut_host(struct slice *target) {
  static const char *const schemes[] = { "http://", "https://" };
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    size_t size = strlen(schemes[i]), end = size;
    if (target->size <= size || strncasecmp((const char *)target->data, schemes[i], size) != 0) continue;
    while (end < target->size && target->data[end] != '/' && target->data[end] != '?') end++;
    struct slice host = slice_of(target->data + size, end - size);
    if (host.size == 0) continue;
    *target = slice_after(*target, end);
    if (target->size == 0) *target = slice_text("/");
    return host;
  }
  return slice_of(NULL, 0);
}

/* The segments between the slashes. False if there are more than SEGMENTS_MAX, or no slash in front. */
static bool split(struct slice path, struct slice segments[SEGMENTS_MAX], size_t *count) {
  struct slice piece;
  if (path.size == 0 || path.data[0] != '/') return false;
  path = slice_after(path, 1);
  for (*count = 0; cut(&path, '/', &piece); ++*count) {
    if (*count == SEGMENTS_MAX) return false;
    segments[*count] = piece;
  }
  return true;
}

static enum err read_actor(const struct route *route, const struct slice *segments, struct slice query,
                           struct request *request, struct failure *failure) {
  bool is_call = request->type == REQUEST_CALL;
  enum err err = is_clients(request) ? ERR_NONE : check_token(route, failure);
  if (err == ERR_NONE) err = read_name("the class", segments[1], &request->class_name, failure);
  if (err == ERR_NONE) err = read_key(route, segments[2], &request->key, failure);
  if (err == ERR_NONE && is_call) err = read_name("the method", segments[3], &request->method, failure);
  if (err == ERR_NONE) err = read_query(query, request, failure);
  return err;
}

static enum place find_place(const struct route *route, struct slice *query, struct slice segments[SEGMENTS_MAX]) {
  size_t count = 0;
  struct slice path;
  *query = route->target;
  if (!cut(query, '?', &path)) return PLACE_NOWHERE;
  if (is_text(path, "*") && is_text(route->method, "OPTIONS")) return PLACE_HOST;
  if (!split(path, segments, &count)) return PLACE_NOWHERE;
  if (count == 1 && is_text(segments[0], "health")) return PLACE_HEALTH;
  if (count == 1 && is_text(segments[0], "calls")) return PLACE_CALLS;
  if (count <= 3 && is_text(segments[0], "failed")) {
    bool is_retry = count == 3 && is_text(segments[2], "retry");
    return count == 1 ? PLACE_FAILED : count == 2 ? PLACE_FAILED_ONE : is_retry ? PLACE_RETRY : PLACE_NOWHERE;
  }
  if (is_text(segments[0], "connect")) return count == 3 ? PLACE_CONNECTION : PLACE_NOWHERE;
  if (!is_text(segments[0], "actors")) return PLACE_NOWHERE;
  return count == 4 ? PLACE_METHOD : count == 3 ? PLACE_ACTOR : PLACE_NOWHERE;
}

/* A request for all calls. */
static enum err read_calls(const struct route *route, struct slice query, struct failure *failure) {
  enum err err = check_token(route, failure);
  if (err == ERR_NONE && query.size > 0) err = failure_set(failure, ERR_REQUEST, "GET /calls takes no query");
  return err;
}

/* -- what was given up -- */

static enum err read_limit(struct slice raw, unsigned *limit, struct failure *failure) {
  *limit = 0;
  for (size_t i = 0; i < raw.size && *limit <= FAILED_MAX; i++) {
    bool is_digit = raw.data[i] >= '0' && raw.data[i] <= '9';
    *limit = is_digit ? *limit * 10 + (raw.data[i] - '0') : FAILED_MAX + 1;
  }
  if (*limit >= 1 && *limit <= FAILED_MAX) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "limit is \"%.*s\"; it must be a number from 1 to %d", SHOWN(raw), FAILED_MAX);
}

/* What one id names. An id that none has, nothing has. */
static enum err read_failed_id(const char *what, struct slice raw, enum err otherwise, struct failed_id *id,
                               struct failure *failure) {
  if (failed_id_parse(raw, id)) return ERR_NONE;
  return failure_set(failure, otherwise, "%s \"%.*s\" is not an id that GET /failed shows", what, SHOWN(raw));
}

static enum err read_failed_query(struct slice query, struct request *request, struct failure *failure) {
  bool has_limit = false, has_after = false;
  enum err err = ERR_NONE;
  struct slice piece, name;
  request->limit = FAILED_DEFAULT;
  while (err == ERR_NONE && cut(&query, '&', &piece)) {
    if (piece.size == 0) continue;
    struct slice value = piece;
    cut(&value, '=', &name);
    bool is_limit = is_text(name, "limit"), is_after = is_text(name, "after");
    if (!is_limit && !is_after) {
      return failure_set(failure, ERR_REQUEST, "the query has an unknown name \"%.*s\"; GET /failed knows limit and after",
                         SHOWN(name));
    }
    if (is_limit ? has_limit : has_after) {
      return failure_set(failure, ERR_REQUEST, "the query has %s twice", is_limit ? "limit" : "after");
    }
    err = is_limit ? read_limit(value, &request->limit, failure)
                   : read_failed_id("after", value, ERR_REQUEST, &request->failed, failure);
    has_limit |= is_limit;
    has_after |= is_after;
  }
  return err;
}

static enum err read_failed(const struct route *route, enum place place, const struct slice *segments, struct slice query,
                            struct request *request, struct failure *failure) {
  enum err err = check_token(route, failure);
  if (err != ERR_NONE) return err;
  if (place == PLACE_FAILED) return read_failed_query(query, request, failure);
  if (query.size > 0) {
    return failure_set(failure, ERR_REQUEST, "%.*s /failed/{id}%s takes no query", SHOWN(route->method),
                       place == PLACE_RETRY ? "/retry" : "");
  }
  return read_failed_id("the id", segments[1], ERR_FAILED_NOT_FOUND, &request->failed, failure);
}

static enum request_type type_of(const struct route *route, enum place place) {
  if (place == PLACE_METHOD) return REQUEST_CALL;
  if (place == PLACE_CONNECTION) return REQUEST_CONNECT;
  if (place == PLACE_CALLS) return REQUEST_CALLS;
  if (place == PLACE_FAILED) return REQUEST_FAILED;
  if (place == PLACE_RETRY) return REQUEST_RETRY;
  if (place == PLACE_FAILED_ONE) return REQUEST_DROP;
  return is_text(route->method, "DELETE") ? REQUEST_DESTROY : REQUEST_INSPECT;
}

bool route_connects(const struct route *route) {
  struct slice query, segments[SEGMENTS_MAX];
  return find_place(route, &query, segments) == PLACE_CONNECTION;
}

enum err route_read(const struct route *route, struct reply *reply, struct request **request, const char **allow,
                    struct failure *failure) {
  struct slice query, segments[SEGMENTS_MAX];
  enum place place = find_place(route, &query, segments);
  *request = NULL;
  *allow = ALLOWED[place];
  if (place == PLACE_NOWHERE) return fail_path(route, failure);
  if (!is_allowed(*allow, route->method)) return fail_method(route, *allow, failure);
  if (is_text(route->method, "OPTIONS")) return ERR_NONE;
  if (place == PLACE_HEALTH) {
    return query.size == 0 ? ERR_NONE : failure_set(failure, ERR_REQUEST, "GET /health takes no query");
  }

  *request = request_try_new(type_of(route, place), reply);
  if (*request == NULL) return fail_memory(failure);
  enum err err;
  if (place == PLACE_CALLS) {
    err = read_calls(route, query, failure);
  } else if (place == PLACE_ACTOR || place == PLACE_METHOD || place == PLACE_CONNECTION) {
    err = read_actor(route, segments, query, *request, failure);
  } else {
    err = read_failed(route, place, segments, query, *request, failure);
  }
  if (err == ERR_NONE) return ERR_NONE;
  request_free(*request);
  *request = NULL;
  return err;
}
