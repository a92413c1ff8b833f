/* files.c -- see files.h. */
#include "door/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "door/answer.h"
#include "door/public.h"
#include "door/range.h"
#include "door/route.h"

enum { PORTION_BYTES = 64 * 1024 };

/* What the headers of an answer say of a file. */
struct about {
  const char *tag;
  h2o_iovec_t type;
  int64_t modified_s;           /* -1: nothing is said of it */
};

/* A file on its way to a client. */
struct sending {
  h2o_generator_t super;
  struct visits *visits;
  int fd;                       /* -1: all is read */
  uint64_t at, end;
  uint8_t bytes[];
};

void files_init(struct files *files, int folder, struct visits *visits, h2o_globalconf_t *config) {
  static const char *const types[][2] = {
    { "html", "text/html; charset=utf-8" }, { "htm", "text/html; charset=utf-8" }, { "css", "text/css; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" }, { "mjs", "text/javascript; charset=utf-8" },
    { "txt", "text/plain; charset=utf-8" }, { "md", "text/markdown; charset=utf-8" }, { "csv", "text/csv; charset=utf-8" },
    { "map", "application/json" }, { "webmanifest", "application/manifest+json" }, { "wasm", "application/wasm" },
    { "avif", "image/avif" }, { "woff", "font/woff" }, { "ttf", "font/ttf" }, { "otf", "font/otf" }, { "wav", "audio/wav" },
    { "flac", "audio/flac" }, { "m4a", "audio/mp4" }, { "glb", "model/gltf-binary" },
  };
  *files = (struct files){ .folder = folder, .visits = visits };
  bundle_init(&files->bundle);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    h2o_mimemap_define_mimetype(config->mimemap, types[i][0], types[i][1], NULL);
  }
}

static bool is_method(const h2o_req_t *req, const char *method) {
  return slice_equal(slice_of_iovec(req->input.method), slice_text(method));
}

static h2o_iovec_t copy(h2o_req_t *req, const char *text) {
  return h2o_strdup(&req->pool, text, strlen(text));
}

static void put_header(h2o_req_t *req, const h2o_token_t *name, h2o_iovec_t value) {
  h2o_add_header(&req->pool, &req->res.headers, name, NULL, value.base, value.len);
}

/* -- what the client has already (RFC 9110 section 13) -- */

static bool has_tag(h2o_iovec_t list, const char *tag) {
  char weak[PUBLIC_TAG_SIZE + 2];                /* as proxies write it that have packed the body */
  snprintf(weak, sizeof weak, "w/%s", tag);      /* in small letters, as h2o wants what it looks for */
  return h2o_contains_token(list.base, list.len, tag, strlen(tag), ',') ||
         h2o_contains_token(list.base, list.len, weak, strlen(weak), ',') ||
         h2o_contains_token(list.base, list.len, H2O_STRLIT("*"), ',');
}

static bool is_held(const h2o_req_t *req, const struct about *about) {
  bool is_asked = false;
  struct tm then;
  for (ssize_t at = -1; (at = h2o_find_header(&req->headers, H2O_TOKEN_IF_NONE_MATCH, at)) >= 0; is_asked = true) {
    if (has_tag(req->headers.entries[at].value, about->tag)) return true;
  }
  ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_IF_MODIFIED_SINCE, -1);
  if (is_asked || at < 0 || about->modified_s < 0) return false;
  h2o_iovec_t since = req->headers.entries[at].value;
  return h2o_time_parse_rfc1123(since.base, since.len, &then) == 0 && about->modified_s <= timegm(&then);
}

/* The part that is asked for. One that goes on from another state of the file is of no use. */
static enum range_kind read_range(const h2o_req_t *req, const struct about *about, uint64_t size, struct range *range) {
  ssize_t at = is_method(req, "GET") ? h2o_find_header(&req->headers, H2O_TOKEN_RANGE, -1) : -1;
  ssize_t condition = h2o_find_header(&req->headers, H2O_TOKEN_IF_RANGE, -1);
  bool is_meant = condition < 0 || slice_equal(slice_of_iovec(req->headers.entries[condition].value), slice_text(about->tag));
  return range_read(at >= 0 && is_meant ? slice_of_iovec(req->headers.entries[at].value) : slice_of(NULL, 0), size, range);
}

/* -- headers -- */

/* The answers to pages of different origins differ in their headers. cors.c says so where there is an origin. */
static void put_state(h2o_req_t *req, const struct about *about) {
  put_header(req, H2O_TOKEN_ETAG, copy(req, about->tag));
  put_header(req, H2O_TOKEN_CACHE_CONTROL, h2o_iovec_init(H2O_STRLIT("no-cache")));
  if (h2o_find_header_by_str(&req->headers, H2O_STRLIT("origin"), -1) < 0) {
    put_header(req, H2O_TOKEN_VARY, h2o_iovec_init(H2O_STRLIT("Origin")));
  }
}

static void put_about(h2o_req_t *req, const struct about *about) {
  put_state(req, about);
  put_header(req, H2O_TOKEN_CONTENT_TYPE, about->type);
  h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-content-type-options"), 1, NULL, H2O_STRLIT("nosniff"));
  if (about->modified_s < 0) return;
  char text[H2O_TIMESTR_RFC1123_LEN + 1];
  struct tm then;
  time_t modified = (time_t)about->modified_s;
  if (gmtime_r(&modified, &then) == NULL) return;
  h2o_time2str_rfc1123(text, &then);
  put_header(req, H2O_TOKEN_LAST_MODIFIED, copy(req, text));
  put_header(req, H2O_TOKEN_ACCEPT_RANGES, h2o_iovec_init(H2O_STRLIT("bytes")));
}

static void put_content_range(h2o_req_t *req, const struct range *range, uint64_t file_size) {
  char text[80];
  if (range == NULL) {
    snprintf(text, sizeof text, "bytes */%" PRIu64, file_size);
  } else {
    snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->begin, range->begin + range->size - 1,
             file_size);
  }
  put_header(req, H2O_TOKEN_CONTENT_RANGE, copy(req, text));
}

/* -- sending -- */

static void let_go(struct sending *sending) {
  if (sending->fd < 0) return;
  close(sending->fd);
  sending->fd = -1;
  sending->visits->count--;
}

static void on_request_gone(void *memory) {
  let_go(memory);
}

/* The next portion of the file. 0 or an errno; also if the file has become shorter. */
static int read_portion(struct sending *sending, struct slice *portion) {
  uint64_t rest = sending->end - sending->at;
  size_t size = rest < PORTION_BYTES ? (size_t)rest : PORTION_BYTES, got = 0;
  while (got < size) {
    ssize_t now = pread(sending->fd, sending->bytes + got, size - got, (off_t)(sending->at + got));
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) return now == 0 ? EIO : errno;
    got += (size_t)now;
  }
  sending->at += size;
  *portion = slice_of(sending->bytes, size);
  return 0;
}

/* After an error the client hears that not all has come: the connection ends before the length that was said. */
static void go_on(h2o_generator_t *generator, h2o_req_t *req) {
  struct sending *sending = (struct sending *)(void *)generator;
  struct slice portion;
  int error = read_portion(sending, &portion);
  if (error != 0 || sending->at == sending->end) let_go(sending);
  h2o_iovec_t piece = error == 0 ? h2o_iovec_init(portion.data, portion.size) : h2o_iovec_init(NULL, 0);
  h2o_send(req, &piece, error == 0, error != 0 ? H2O_SEND_STATE_ERROR
                                  : sending->fd >= 0 ? H2O_SEND_STATE_IN_PROGRESS : H2O_SEND_STATE_FINAL);
}

/* Reads the first portion, and keeps the file's handle if there are more: that may be for long. */
static enum err begin_sending(struct sending *sending, struct public_file *file, struct slice *portion,
                              struct failure *failure) {
  sending->fd = file->fd;
  int error = read_portion(sending, portion);
  sending->fd = -1;
  if (error != 0) return failure_set(failure, ERR_INTERNAL, "the file cannot be read: %s", strerror(error));
  if (sending->at == sending->end) return ERR_NONE;
  if (sending->visits->count >= sending->visits->count_max) {
    return failure_set(failure, ERR_OVERLOADED, "too many connections and files are open for a file of this size");
  }
  sending->visits->count++;
  sending->fd = file->fd;
  file->fd = -1;
  return ERR_NONE;
}

static void send_range(struct files *files, h2o_req_t *req, const struct about *about, struct public_file *file,
                       const struct range *range, bool is_part) {
  size_t room = range->size < PORTION_BYTES ? (size_t)range->size : PORTION_BYTES;
  struct sending *sending = h2o_mem_alloc_shared(&req->pool, sizeof *sending + room, on_request_gone);
  *sending = (struct sending){ .super = { go_on, NULL }, .visits = files->visits, .fd = -1, .at = range->begin,
                               .end = range->begin + range->size };
  struct slice portion;
  struct failure failure = { 0 };
  if (begin_sending(sending, file, &portion, &failure) != ERR_NONE) {
    answer_failure(req, &failure, slice_of(NULL, 0));
    failure_done(&failure);
    return;
  }
  put_about(req, about);
  if (is_part) put_content_range(req, range, file->size);
  req->res.content_length = (size_t)range->size;
  answer_portion(req, is_part ? HTTP_206 : HTTP_200, &sending->super, portion);
}

static void answer_held(h2o_req_t *req, const struct about *about) {
  put_state(req, about);
  answer_nothing(req, HTTP_304);
}

static void answer_public(struct files *files, h2o_req_t *req, struct public_file *file) {
  h2o_mimemap_type_t *type = h2o_mimemap_get_type_by_extension(
    req->conn->ctx->globalconf->mimemap, h2o_get_filext((const char *)file->path.data, file->path.size));
  const struct about about = { file->tag, type->data.mimetype, file->modified_s < 0 ? 0 : file->modified_s };
  struct range range;
  enum range_kind kind = read_range(req, &about, file->size, &range);
  if (is_held(req, &about)) {
    answer_held(req, &about);
  } else if (kind == RANGE_BEYOND) {
    put_content_range(req, NULL, file->size);
    answer_nothing(req, HTTP_416);
  } else if (is_method(req, "HEAD")) {
    put_about(req, &about);
    answer_length(req, file->size);
  } else {
    send_range(files, req, &about, file, &range, kind == RANGE_PART);
  }
}

static void answer_bundled(h2o_req_t *req, const struct bundle_file *file) {
  const struct about about = { file->tag, h2o_iovec_init(file->type, strlen(file->type)), -1 };
  if (is_held(req, &about)) {
    answer_held(req, &about);
  } else {
    put_about(req, &about);
    answer_file(req, file->text);
  }
}

/* Links of the page within the folder are counted from the `/` at its end. */
static void send_to_folder(h2o_req_t *req, struct slice path, struct slice query) {
  h2o_iovec_t slash = h2o_iovec_init(H2O_STRLIT("/"));
  put_header(req, H2O_TOKEN_LOCATION, h2o_concat(&req->pool, h2o_iovec_init(path.data, path.size), slash,
                                                 h2o_iovec_init(query.data, query.size)));
  put_header(req, H2O_TOKEN_CACHE_CONTROL, h2o_iovec_init(H2O_STRLIT("no-cache")));
  answer_nothing(req, HTTP_301);
}

/* Whether a file may be got with this method; if not, it is answered. */
static bool is_for_reading(h2o_req_t *req) {
  static const char allowed[] = "GET, HEAD, OPTIONS";
  if (is_method(req, "GET") || is_method(req, "HEAD")) return true;
  put_header(req, H2O_TOKEN_ALLOW, h2o_iovec_init(allowed, sizeof allowed - 1));
  if (is_method(req, "OPTIONS")) {
    answer_nothing(req, HTTP_204);
    return false;
  }
  struct failure failure = { 0 };
  failure_set(&failure, ERR_NOT_ALLOWED, "%.*s is not a method of a file, which knows %s", (int)req->input.method.len,
              req->input.method.base, allowed);
  answer_failure(req, &failure, slice_of(NULL, 0));
  failure_done(&failure);
  return false;
}

static bool answer_from_folder(struct files *files, h2o_req_t *req, struct slice path, struct slice query) {
  struct public_file file;
  struct failure failure = { 0 };
  enum err err = public_find(files->folder, path, &file, &failure);
  if (err == ERR_PATH) return false;
  if (err != ERR_NONE) {
    answer_failure(req, &failure, slice_of(NULL, 0));
  } else if (is_for_reading(req)) {
    if (file.fd < 0) {
      send_to_folder(req, path, query);
    } else {
      answer_public(files, req, &file);
    }
  }
  if (err == ERR_NONE) public_file_done(&file);
  failure_done(&failure);
  return true;
}

bool files_answer(struct files *files, h2o_req_t *req) {
  struct slice target = slice_of_iovec(req->input.path);
  (void)route_cut_host(&target);
  const uint8_t *mark = target.size == 0 ? NULL : memchr(target.data, '?', target.size);
  struct slice path = mark == NULL ? target : slice_of(target.data, (size_t)(mark - target.data));
  const struct bundle_file *bundled = bundle_find(&files->bundle, path);
  if (bundled == NULL) return files->folder >= 0 && answer_from_folder(files, req, path, slice_after(target, path.size));
  if (is_for_reading(req)) answer_bundled(req, bundled);
  return true;
}
