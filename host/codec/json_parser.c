/* json_parser.c -- JSON text to events.
 *
 * YAJL reads the grammar. What it is lax about is refused in a look over the text first: invalid UTF-8 (it lets
 * overlong forms and surrogates pass), lone surrogate escapes (it makes a question mark of them), control characters
 * (it takes form feeds for white space). It does not look whether memory was granted, so its memory functions leave it
 * by longjmp where none is. Small blocks lie in the parser itself, one after the other; all others hang on it. It frees
 * them all, however the parse ended. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json.h"

enum { ROOM_BYTES = 3072 };     /* YAJL's own for a text without escapes */

/* In front of the bytes that YAJL sees, where they are not in the room. */
struct block {
  alignas(max_align_t) struct block *before;
  struct block *after;
};

struct json_parser {
  const struct json_events *events;
  void *context;
  size_t depth_max;
  size_t depth;
  yajl_handle yajl;
  struct failure *failure;     /* NULL before json_parse() */
  size_t bytes_before;         /* what went through YAJL before the piece that it reads now */
  struct block blocks;         /* the ring of YAJL's larger memory */
  jmp_buf out_of_memory;       /* where to go from YAJL's memory functions */
  size_t room_used;
  alignas(max_align_t) uint8_t room[ROOM_BYTES];
};

/* YAJL's memory. */

static struct block *block_of(void *bytes) {
  return (struct block *)bytes - 1;
}

static void link_block(struct json_parser *parser, struct block *block) {
  block->before = &parser->blocks;
  block->after = parser->blocks.after;
  block->before->after = block;
  block->after->before = block;
}

static bool is_in_room(const struct json_parser *parser, const void *bytes) {
  const uint8_t *at = bytes;
  return at >= parser->room && at < parser->room + ROOM_BYTES;
}

static void *take_room(struct json_parser *parser, size_t size) {
  size_t rounded = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
  if (rounded > ROOM_BYTES - parser->room_used) return NULL;
  void *bytes = parser->room + parser->room_used;
  parser->room_used += rounded;
  return bytes;
}

static void *yajl_memory_alloc(void *context, size_t size) {
  struct json_parser *parser = context;
  void *bytes = size < ROOM_BYTES ? take_room(parser, size) : NULL;
  if (bytes != NULL) return bytes;
  struct block *block = mem_try_alloc(sizeof *block + size);
  if (block == NULL) longjmp(parser->out_of_memory, 1);
  link_block(parser, block);
  return block + 1;
}

static void *yajl_memory_resize(void *context, void *bytes, size_t size) {
  struct json_parser *parser = context;
  if (bytes == NULL) return yajl_memory_alloc(context, size);
  if (is_in_room(parser, bytes)) {
    size_t before = (size_t)(parser->room + parser->room_used - (uint8_t *)bytes);     /* as many at most */
    return memcpy(yajl_memory_alloc(context, size), bytes, size < before ? size : before);
  }
  struct block *block = mem_try_resize(block_of(bytes), sizeof *block + size);
  if (block == NULL) longjmp(parser->out_of_memory, 1);
  block->before->after = block;
  block->after->before = block;
  return block + 1;
}

static void yajl_memory_free(void *context, void *bytes) {
  if (bytes == NULL || is_in_room(context, bytes)) return;
  struct block *block = block_of(bytes);
  block->before->after = block->after;
  block->after->before = block->before;
  mem_free(block);
}

/* YAJL's events. */

/* Notes why the text is refused; false, to end the parse. */
static bool refuse(struct json_parser *parser, size_t place, const char *reason) {
  failure_set(parser->failure, ERR_REQUEST, "not valid JSON at byte %zu: %s", place, reason);
  return false;
}

/* From 1, as people count; near enough where YAJL has looked one byte further or not yet. */
static size_t place_of(const struct json_parser *parser) {
  if (parser->bytes_before > 0) return parser->bytes_before;
  size_t place = yajl_get_bytes_consumed(parser->yajl);
  return place == 0 ? 1 : place;
}

static int take_null(void *context) {
  struct json_parser *parser = context;
  return parser->events->on_null(parser->context);
}

static int take_boolean(void *context, int truth) {
  struct json_parser *parser = context;
  return parser->events->on_boolean(parser->context, truth != 0);
}

/* Digits of YAJL's number that is not a float; false if it is beyond 64 bits. */
static bool read_integer(const char *text, size_t size, int64_t *number) {
  if (size <= 18) {
    bool is_negative = *text == '-';
    *number = 0;
    for (const char *digit = text + is_negative; *digit != 0; digit++) *number = *number * 10 + (*digit - '0');
    if (is_negative) *number = -*number;
    return true;
  }
  errno = 0;
  long long read = strtoll(text, NULL, 10);
  *number = read;
  return errno != ERANGE;
}

static bool take_number_text(struct json_parser *parser, const char *text, size_t size) {
  int64_t integer;
  if (strpbrk(text, ".eE") == NULL && read_integer(text, size, &integer)) {
    return parser->events->on_integer(parser->context, integer);
  }
  double number = strtod(text, NULL);
  if (!isfinite(number)) return refuse(parser, place_of(parser), "a number beyond the range of floats");
  return parser->events->on_float(parser->context, number);
}

/* Its text is part of a longer one and must be copied for its end. */
static int take_number(void *context, const char *text, size_t size) {
  struct json_parser *parser = context;
  char room[64];
  char *copy = size < sizeof room ? room : yajl_memory_alloc(parser, size + 1);
  memcpy(copy, text, size);
  copy[size] = 0;
  bool is_fine = take_number_text(parser, copy, size);
  if (copy != room) yajl_memory_free(parser, copy);
  return is_fine;
}

static int take_string(void *context, const unsigned char *text, size_t size) {
  struct json_parser *parser = context;
  return parser->events->on_string(parser->context, slice_of(text, size));
}

static int take_key(void *context, const unsigned char *text, size_t size) {
  struct json_parser *parser = context;
  return parser->events->on_key(parser->context, slice_of(text, size));
}

static bool enter(struct json_parser *parser) {
  if (parser->depth < parser->depth_max) {
    parser->depth++;
    return true;
  }
  failure_set(parser->failure, ERR_REQUEST, "not valid JSON at byte %zu: nested deeper than %zu", place_of(parser),
              parser->depth_max);
  return false;
}

static int take_object_begin(void *context) {
  struct json_parser *parser = context;
  return enter(parser) && parser->events->on_object_begin(parser->context);
}

static int take_object_end(void *context) {
  struct json_parser *parser = context;
  parser->depth--;
  return parser->events->on_object_end(parser->context);
}

static int take_array_begin(void *context) {
  struct json_parser *parser = context;
  return enter(parser) && parser->events->on_array_begin(parser->context);
}

static int take_array_end(void *context) {
  struct json_parser *parser = context;
  parser->depth--;
  return parser->events->on_array_end(parser->context);
}

static const yajl_callbacks callbacks = {
  .yajl_null = take_null,
  .yajl_boolean = take_boolean,
  .yajl_number = take_number,
  .yajl_string = take_string,
  .yajl_start_map = take_object_begin,
  .yajl_map_key = take_key,
  .yajl_end_map = take_object_end,
  .yajl_start_array = take_array_begin,
  .yajl_end_array = take_array_end,
};

/* The look over the text first. */

/* The number behind `\u` at the front of a text; false where there is none. */
static bool read_escape(struct slice text, unsigned *code) {
  if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u') return false;
  *code = 0;
  for (size_t i = 2; i < 6; i++) {
    uint8_t c = text.data[i];
    bool is_digit = c >= '0' && c <= '9';
    uint8_t letter = c | 0x20;
    if (!is_digit && (letter < 'a' || letter > 'f')) return false;
    *code = *code << 4 | (unsigned)(is_digit ? c - '0' : letter - 'a' + 10);
  }
  return true;
}

/* How many bytes the escape at the front of a text takes, both halves of a pair; 0 for half a pair. What is no
 * escape at all is left to YAJL. */
static size_t escape_size(struct slice text) {
  unsigned code, low;
  if (!read_escape(text, &code)) return text.size < 2 ? 1 : 2;
  if (code >= 0xdc00 && code <= 0xdfff) return 0;
  if (code < 0xd800 || code > 0xdbff) return 6;
  return read_escape(slice_after(text, 6), &low) && low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* Of eight bytes at once: none below 0x20, no backslash. Where a subtraction borrows, the byte was below what is taken
 * from it, here 0x20, or 1 where it had been made 0. */
static bool are_plain(const uint8_t *bytes) {
  const uint64_t ones = 0x0101010101010101;
  uint64_t eight;
  memcpy(&eight, bytes, sizeof eight);
  return (((eight - ones * 0x20) | ((eight ^ ones * '\\') - ones)) & ~eight & ones * 0x80) == 0;
}

static bool look_over(struct json_parser *parser, struct slice text) {
  size_t valid = utf8_valid_size(text);
  size_t at = 0;
  while (at < valid) {
    if (valid - at >= 8 && are_plain(text.data + at)) {
      at += 8;
      continue;
    }
    uint8_t byte = text.data[at];
    size_t size = byte == '\\' ? escape_size(slice_after(text, at)) : 1;
    if (size == 0) return refuse(parser, at + 1, "half of a surrogate pair");
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
      return refuse(parser, at + 1, "a control character");
    }
    at += size;
  }
  return valid == text.size || refuse(parser, valid + 1, "invalid UTF-8");
}

/* The parser. */

/* In a function of its own, so that no variable of the caller's is in doubt after a longjmp. */
static bool try_open(struct json_parser *parser) {
  yajl_alloc_funcs functions = {
    .malloc = yajl_memory_alloc, .realloc = yajl_memory_resize, .free = yajl_memory_free, .ctx = parser,
  };
  if (setjmp(parser->out_of_memory) != 0) return false;
  parser->yajl = yajl_alloc(&callbacks, &functions, parser);
  return true;
}

struct json_parser *json_parser_try_new(const struct json_events *events, void *context, size_t depth_max) {
  struct json_parser *parser = mem_try_alloc(sizeof *parser);
  if (parser == NULL) return NULL;
  memset(parser, 0, offsetof(struct json_parser, room));
  parser->events = events;
  parser->context = context;
  parser->depth_max = depth_max;
  parser->blocks.before = parser->blocks.after = &parser->blocks;
  return parser;
}

void json_parser_set_depth(struct json_parser *parser, size_t depth_max) {
  parser->depth_max = depth_max;
}

/* YAJL's own yajl_free() does the same, but not after it was left in the middle. */
void json_parser_again(struct json_parser *parser, void *context) {
  while (parser->blocks.after != &parser->blocks) yajl_memory_free(parser, parser->blocks.after + 1);
  parser->room_used = 0;
  parser->depth = 0;
  parser->bytes_before = 0;
  parser->failure = NULL;
  parser->context = context;
}

void json_parser_free(struct json_parser *parser) {
  if (parser == NULL) return;
  json_parser_again(parser, NULL);
  mem_free(parser);
}

/* YAJL's words for its error, without those that we say ourselves and without the line end. */
static void note_error(struct json_parser *parser) {
  static const char *const openings[] = { "parse error: ", "lexical error: " };
  struct slice reason = slice_text((const char *)yajl_get_error(parser->yajl, 0, NULL, 0));
  for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
    struct slice opening = slice_text(openings[i]);
    if (slice_begins(reason, opening)) reason = slice_after(reason, opening.size);
  }
  while (reason.size > 0 && strchr("\n.", reason.data[reason.size - 1]) != NULL) reason.size--;
  failure_set(parser->failure, ERR_REQUEST, "not valid JSON at byte %zu: %.*s", place_of(parser), (int)reason.size,
              (const char *)reason.data);
}

static enum err fail_memory(struct json_parser *parser) {
  return failure_set(parser->failure, ERR_MEMORY, "out of memory while reading JSON");
}

static void parse(struct json_parser *parser, struct slice text) {
  if (setjmp(parser->out_of_memory) != 0) {
    fail_memory(parser);
    return;
  }
  yajl_status status = text.size == 0 ? yajl_status_ok : yajl_parse(parser->yajl, text.data, text.size);
  if (status == yajl_status_ok) {
    parser->bytes_before = text.size;
    /* YAJL takes a string that was begun behind the value and has no end for nothing at all. A line end, which may
     * stand behind every value and within no string, brings it to light. */
    status = yajl_parse(parser->yajl, (const unsigned char *)"\n", 1);
  }
  if (status == yajl_status_ok) status = yajl_complete_parse(parser->yajl);
  if (status == yajl_status_error) note_error(parser);
  if (status == yajl_status_client_canceled) {
    failure_set(parser->failure, ERR_REQUEST, "JSON refused at byte %zu", place_of(parser));
  }
}

enum err json_parse(struct json_parser *parser, struct slice text, struct failure *failure) {
  CHECK(parser->failure == NULL);
  parser->failure = failure;
  if (!try_open(parser)) return fail_memory(parser);
  if (look_over(parser, text)) parse(parser, text);
  return failure->err;
}
