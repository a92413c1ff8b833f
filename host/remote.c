/* remote.c -- words of a command line to one HTTP request, its answer to a result or a failure. */
#include "remote.h"

#include <limits.h>
#include <stdlib.h>

#include "call_tree.h"
#include "codec/idempotency_key.h"
#include "codec/json.h"
#include "door/client.h"
#include "failed_lines.h"
#include "ledger/folder.h"
#include "outcome.h"

/* Beyond the wall time of a call: for the way there and back, and for what waits before it. */
enum { WAIT_MORE_MS = 10000 };

/* A segment of a path. All but the plain characters are encoded, so that each segment stays one. */
static void put_segment(struct buf *path, struct slice text) {
  buf_put_byte(path, '/');
  for (size_t i = 0; i < text.size; i++) {
    uint8_t byte = text.data[i];
    bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                 byte == '-' || byte == '_' || byte == '.' || byte == '~';
    if (plain) {
      buf_put_byte(path, byte);
    } else {
      buf_printf(path, "%%%02X", (unsigned)byte);
    }
  }
}

/* A key as the command line has it: JSON where it begins like an array, else one string. Strings that mean something
 * else in a path go as JSON. */
static enum err put_key(struct buf *path, const char *word, struct failure *failure) {
  if (word[0] != '[') {
    bool special = word[0] == '\0' || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
    if (!special) {
      put_segment(path, slice_text(word));
      return ERR_NONE;
    }
    struct buf json = { 0 };
    buf_printf(&json, "[\"%s\"]", word);
    put_segment(path, buf_slice(&json));
    if (json.err != ERR_NONE) path->err = json.err;
    buf_done(&json);
    return ERR_NONE;
  }
  struct buf key = { 0 };
  struct failure reason = { 0 };
  if (json_parse_key(slice_text(word), &key, &reason) != ERR_NONE) {
    failure_set(failure, ERR_ARGUMENTS, "the key %s is not a tuple in JSON: %.*s", word, (int)reason.message.size,
                (const char *)reason.message.data);
  } else {
    put_segment(path, slice_text(word));
  }
  failure_done(&reason);
  buf_done(&key);
  return failure->err;
}

static enum err put_argument(struct buf *body, int number, const char *word, struct failure *failure) {
  struct failure reason = { 0 };
  if (outcome_check_json(slice_text(word), &reason) == ERR_NONE) {
    if (number > 1) buf_put_byte(body, ',');
    buf_put_text(body, word);
  } else {
    bool bare = word[0] != '\0' && strpbrk(word, "\"'[]{}") == NULL;
    failure_set(failure, ERR_ARGUMENTS, "argument %d, %s, is not JSON%s%s%s: %.*s", number, word,
                bare ? " (a string wants its quotes: '\"" : "", bare ? word : "", bare ? "\"')" : "",
                (int)reason.message.size, (const char *)reason.message.data);
  }
  failure_done(&reason);
  return failure->err;
}

/* CLASS KEY of the command line: the beginning of every path. */
static enum err put_actor(struct buf *path, const struct options *options, struct failure *failure) {
  buf_put_text(path, "/actors");
  if (options->words[0][0] == '\0') return failure_set(failure, ERR_ARGUMENTS, "the class has no name");
  put_segment(path, slice_text(options->words[0]));
  return put_key(path, options->words[1], failure);
}

static enum err send(const struct options *options, struct client_request *request, struct buf *result,
                     struct failure *failure) {
  uint64_t wait_ms = options->limits.call_wall_ms + WAIT_MORE_MS;
  request->address = options->listen;
  request->timeout_ms = wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;

  int status = 0;
  struct buf body = { 0 };
  enum err err = client_send(request, &status, &body, failure);
  bool all = options->all && options->command == COMMAND_INSPECT;
  if (err == ERR_NONE) err = (all ? outcome_read_all : outcome_read)(status, buf_slice(&body), result, failure);
  buf_done(&body);
  return err;
}

static enum err check_idempotency_key(const struct options *options, struct failure *failure) {
  struct failure reason = { 0 };
  if (options->idempotency_key != NULL &&
      idempotency_key_check(slice_text(options->idempotency_key), &reason) != ERR_NONE) {
    failure_set(failure, ERR_ARGUMENTS, "%.*s", (int)reason.message.size, (const char *)reason.message.data);
  }
  failure_done(&reason);
  return failure->err;
}

enum err remote_call(const struct options *options, struct buf *result, struct failure *failure) {
  struct buf path = { 0 }, body = { 0 };
  enum err err = check_idempotency_key(options, failure);
  if (err == ERR_NONE) err = put_actor(&path, options, failure);
  if (err != ERR_NONE) goto done;
  put_segment(&path, slice_text(options->words[2]));

  buf_put_byte(&body, '[');
  for (int i = 3; i < options->word_count; i++) {
    err = put_argument(&body, i - 2, options->words[i], failure);
    if (err != ERR_NONE) goto done;
  }
  buf_put_byte(&body, ']');
  if (path.err != ERR_NONE || body.err != ERR_NONE) {
    err = failure_set(failure, ERR_MEMORY, "no memory for the request");
    goto done;
  }
  struct client_request request = { .method = "POST", .path = buf_slice(&path), .body = buf_slice(&body),
                                    .idempotency_key = options->idempotency_key };
  err = send(options, &request, result, failure);

done:
  buf_done(&body);
  buf_done(&path);
  return err;
}

/* The operator's token: from the environment, else from the data folder. */
static enum err find_token(const struct options *options, struct buf *token, struct failure *failure) {
  const char *given = getenv("TROUPE_TOKEN");
  if (given == NULL || *given == '\0') return folder_read_token(options->data_path, token, failure);
  buf_put_text(token, given);
  return ERR_NONE;
}

/* Asks, as an operator may, for what a method of HTTP does at a path. */
static enum err operate(const struct options *options, const char *method, const struct buf *path, struct buf *result,
                        struct failure *failure) {
  struct buf token = { 0 };
  enum err err = find_token(options, &token, failure);
  if (err != ERR_NONE) goto done;
  buf_put_byte(&token, '\0');
  if (path->err != ERR_NONE || token.err != ERR_NONE) {
    err = failure_set(failure, ERR_MEMORY, "no memory for the request");
    goto done;
  }
  struct client_request request = { .method = method, .path = buf_slice(path), .token = (const char *)token.data };
  err = send(options, &request, result, failure);

done:
  buf_done(&token);
  return err;
}

static enum err operate_actor(const struct options *options, const char *method, struct buf *result,
                              struct failure *failure) {
  struct buf path = { 0 };
  enum err err = put_actor(&path, options, failure);
  if (err == ERR_NONE) err = operate(options, method, &path, result, failure);
  buf_done(&path);
  return err;
}

enum err remote_inspect(const struct options *options, struct buf *result, struct failure *failure) {
  return operate_actor(options, "GET", result, failure);
}

enum err remote_destroy(const struct options *options, struct failure *failure) {
  struct buf nothing = { 0 };
  enum err err = operate_actor(options, "DELETE", &nothing, failure);
  buf_done(&nothing);
  return err;
}

enum err remote_calls(const struct options *options, struct buf *lines, struct failure *failure) {
  struct buf path = { 0 }, result = { 0 };
  buf_put_text(&path, "/calls");
  enum err err = operate(options, "GET", &path, &result, failure);
  if (err == ERR_NONE) err = call_tree_print(buf_slice(&result), lines, failure);
  buf_done(&result);
  buf_done(&path);
  return err;
}

/* One page of what was given up, behind an id; empty: the first. `next` becomes that of the next page. */
static enum err print_page(const struct options *options, struct buf *next, struct buf *lines, struct failure *failure) {
  struct buf path = { 0 }, page = { 0 };
  buf_put_text(&path, "/failed?limit=1000");
  if (next->size > 0) {
    buf_put_text(&path, "&after=");
    buf_put(&path, buf_slice(next));
  }
  enum err err = operate(options, "GET", &path, &page, failure);
  if (err == ERR_NONE) err = failed_lines_print(buf_slice(&page), lines, next, failure);
  buf_done(&page);
  buf_done(&path);
  return err;
}

static enum err print_failed(const struct options *options, struct buf *lines, struct failure *failure) {
  struct buf next = { 0 };
  enum err err;
  do err = print_page(options, &next, lines, failure); while (err == ERR_NONE && next.size > 0);
  if (err == ERR_NONE && lines->size == 0) buf_put_text(lines, "nothing is given up\n");
  buf_done(&next);
  return err;
}

enum err remote_failed(const struct options *options, struct buf *lines, struct failure *failure) {
  struct buf path = { 0 }, nothing = { 0 };
  if (options->word_count == 0) return print_failed(options, lines, failure);
  bool anew = strcmp(options->words[0], "retry") == 0;
  buf_put_text(&path, "/failed");
  put_segment(&path, slice_text(options->words[1]));
  if (anew) buf_put_text(&path, "/retry");
  enum err err = operate(options, anew ? "POST" : "DELETE", &path, &nothing, failure);
  buf_done(&nothing);
  buf_done(&path);
  return err;
}
