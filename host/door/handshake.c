/* handshake.c -- see handshake.h. */
#include "door/handshake.h"

#include <sha1.h>

#include "base/err.h"
#include "codec/base64.h"

enum { KEY_LETTERS = 22, KEY_SIZE = 24 };        /* 16 bytes in base64, without padding and with it */

static struct slice header_of(const h2o_req_t *req, const char *name, size_t *count) {
  struct slice value = { 0 };
  *count = 0;
  for (ssize_t at = -1; (at = h2o_find_header_by_str(&req->headers, name, strlen(name), at)) >= 0; ++*count) {
    value = slice_of_iovec(req->headers.entries[at].value);
  }
  return value;
}

static bool is_key(struct slice text) {
  if (text.size != KEY_SIZE || text.data[KEY_LETTERS] != '=' || text.data[KEY_LETTERS + 1] != '=') return false;
  for (size_t i = 0; i < KEY_LETTERS; i++) {
    if (text.data[i] == 0 || strchr(base64_letters, text.data[i]) == NULL) return false;
  }
  return true;
}

enum err handshake_check(const h2o_req_t *req, struct failure *failure) {
  size_t count;
  struct slice version = header_of(req, "sec-websocket-version", &count);
  if (count != 1 || !slice_equal(version, slice_text("13"))) {
    return failure_set(failure, ERR_UPGRADE, "the header Sec-WebSocket-Version must be 13");
  }
  struct slice key = header_of(req, "sec-websocket-key", &count);
  if (count == 1 && is_key(key)) return ERR_NONE;
  return failure_set(failure, ERR_REQUEST, "the header Sec-WebSocket-Key must be 16 bytes in base64");
}

static void put_header(h2o_req_t *req, const char *name, const char *value) {
  h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value, strlen(value));
}

/* What the client takes as a sign that its key was read. Without an end. */
static void sign(struct slice key, char *letters) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t digest[SHA1_DIGEST_LENGTH];
  SHA1_CTX sha;
  SHA1Init(&sha);
  SHA1Update(&sha, key.data, key.size);
  SHA1Update(&sha, (const uint8_t *)guid, sizeof guid - 1);
  SHA1Final(digest, &sha);
  *base64_write(slice_of(digest, sizeof digest), base64_letters, letters) = '=';
}

void handshake_accept(h2o_req_t *req, h2o_http1_upgrade_cb opened, void *context) {
  enum { LETTERS = (SHA1_DIGEST_LENGTH + 2) / 3 * 4 };
  size_t count;
  char *letters = h2o_mem_alloc_pool(&req->pool, LETTERS + 1);
  sign(header_of(req, "sec-websocket-key", &count), letters);
  letters[LETTERS] = 0;
  req->res.status = HTTP_101;
  req->res.reason = "Switching Protocols";
  put_header(req, "upgrade", "websocket");
  put_header(req, "sec-websocket-accept", letters);
  h2o_http1_upgrade(req, NULL, 0, opened, context);
}
