/* framing.c -- see framing.h. Heads, sizes of chunks and trailers are lines; everything else is counted. */
#include "door/framing.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

enum line { LINE_WHOLE, LINE_PART, LINE_BAD };

static bool is_digit(uint8_t byte) {
  return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte) {
  return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

/* A character of a method or of a header's name (RFC 9110 section 5.6.2). */
static bool is_token(uint8_t byte) {
  return is_letter(byte) || byte == '-' || is_digit(byte) || (byte != 0 && strchr("!#$%&'*+.^_`|~", byte) != NULL);
}

static bool is_blank(uint8_t byte) {
  return byte == ' ' || byte == '\t';
}

static int hex_digit(uint8_t byte) {
  if (is_digit(byte)) return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_name(struct slice text, const char *name) {
  return text.size == strlen(name) && strncasecmp((const char *)text.data, name, text.size) == 0;
}

/* Whether a list, with commas between its members, names this one. */
static bool has_name(struct slice list, const char *name) {
  for (size_t begin = 0, end; begin <= list.size; begin = end + 1) {
    for (end = begin; end < list.size && list.data[end] != ',';) end++;
    size_t from = begin, to = end;
    while (from < to && is_blank(list.data[from])) from++;
    while (to > from && is_blank(list.data[to - 1])) to--;
    if (is_name(slice_of(list.data + from, to - from), name)) return true;
  }
  return false;
}

/* -- the head -- */

/* METHOD TARGET HTTP/1.x */
static const char *read_first_line(struct framing *framing, struct slice line) {
  static const char version[] = "HTTP/1.";
  size_t method = 0, target;
  while (method < line.size && is_token(line.data[method])) method++;
  for (target = method + 1; target < line.size && !is_blank(line.data[target]);) target++;
  bool is_one = method > 0 && method < line.size && line.data[method] == ' ' && target > method + 1 &&
                target < line.size && line.data[target] == ' ';
  if (!is_one) return "the first line of the request is not METHOD TARGET HTTP/1.1";
  struct slice rest = slice_after(line, target + 1);
  bool is_known = rest.size == sizeof version && memcmp(rest.data, version, sizeof version - 1) == 0 &&
                  is_digit(rest.data[sizeof version - 1]);
  if (!is_known) return "the version of HTTP is neither 1.1 nor 1.0";
  framing->is_old = rest.data[sizeof version - 1] == '0';
  framing->has_line = true;
  framing->has_host = framing->has_length = framing->is_chunked = false;
  framing->has_upgrade = framing->has_connection = false;
  framing->is_get = slice_equal(slice_of(line.data, method), slice_text("GET"));
  framing->headers = 0;
  return NULL;
}

static bool is_name_of_host(uint8_t byte) {
  return is_letter(byte) || is_digit(byte) || (byte != 0 && strchr("-._~%!$&'()*+,;=", byte) != NULL);
}

/* HOST or HOST:PORT, where HOST is a name or an address (RFC 9110 section 7.2, RFC 3986 section 3.2.2). */
static bool is_host(struct slice text) {
  size_t at = 0;
  if (text.size > 0 && text.data[0] == '[') {
    for (at = 1; at < text.size && (hex_digit(text.data[at]) >= 0 || text.data[at] == ':' || text.data[at] == '.');) at++;
    if (at < 3 || at == text.size || text.data[at++] != ']') return false;
  } else {
    while (at < text.size && is_name_of_host(text.data[at])) at++;
    if (at == 0) return false;
  }
  if (at < text.size && text.data[at] == ':') {
    for (at++; at < text.size && is_digit(text.data[at]);) at++;
  }
  return at == text.size;
}

static const char *read_length(struct framing *framing, struct slice value) {
  if (framing->has_length) return "the header Content-Length comes twice";
  if (framing->is_chunked) return "the headers Content-Length and Transfer-Encoding exclude each other";
  framing->has_length = true;
  framing->left = 0;
  for (size_t i = 0; i < value.size; i++) {
    if (!is_digit(value.data[i]) || framing->left > (INT64_MAX - 9) / 10) value.size = 0;
    else framing->left = framing->left * 10 + (uint64_t)(value.data[i] - '0');
  }
  return value.size > 0 ? NULL : "the header Content-Length is not a number of bytes";
}

static const char *read_encoding(struct framing *framing, struct slice value) {
  if (framing->has_length) return "the headers Content-Length and Transfer-Encoding exclude each other";
  bool is_known = !framing->is_chunked && !framing->is_old && is_name(value, "chunked");
  framing->is_chunked = true;
  return is_known ? NULL : "the header Transfer-Encoding may say chunked, once, in HTTP/1.1, and nothing else";
}

/* NAME: VALUE. h2o counts white space after the value as a part of it, so this moves it to the front. */
static const char *cut_header(uint8_t *line, size_t size, struct slice *name, struct slice *value) {
  size_t colon = 0, begin, end = size, blanks;
  if (is_blank(line[0])) return "a header goes on in a second line";
  while (colon < size && is_token(line[colon])) colon++;
  if (colon == 0 || colon == size || line[colon] != ':') return "a header is not NAME: VALUE";
  for (begin = colon + 1; begin < size && is_blank(line[begin]);) begin++;
  while (end > begin && is_blank(line[end - 1])) end--;
  blanks = size - end;
  if (blanks > 0) {
    memmove(line + begin + blanks, line + begin, end - begin);
    memset(line + begin, ' ', blanks);
  }
  *name = slice_of(line, colon);
  *value = slice_of(line + begin + blanks, end - begin);
  return NULL;
}

static const char *read_header(struct framing *framing, uint8_t *line, size_t size) {
  struct slice name, value;
  const char *fault = cut_header(line, size, &name, &value);
  if (fault != NULL) return fault;
  if (++framing->headers > FRAMING_HEADERS_MAX) return "there are more than 100 headers";
  if (is_name(name, "content-length")) return read_length(framing, value);
  if (is_name(name, "transfer-encoding")) return read_encoding(framing, value);
  if (is_name(name, "upgrade")) framing->has_upgrade |= has_name(value, "websocket");
  if (is_name(name, "connection")) framing->has_connection |= has_name(value, "upgrade");
  if (!is_name(name, "host")) return NULL;
  if (framing->has_host) return "the header Host comes twice";
  framing->has_host = true;
  return is_host(value) ? NULL : "the header Host is not HOST or HOST:PORT";
}

/* A line of a head; true at the head's end. An empty line before a request counts for nothing. */
static bool read_head_line(struct framing *framing, uint8_t *line, size_t size) {
  if (size == 0 && !framing->has_line) return true;
  if (size > 0) {
    framing->fault = framing->has_line ? read_header(framing, line, size)
                                       : read_first_line(framing, slice_of(line, size));
    return false;
  }
  if (!framing->has_host && !framing->is_old) framing->fault = "the header Host is missing";
  framing->has_line = false;
  bool asks_upgrade = framing->is_get && !framing->is_old && framing->has_upgrade && framing->has_connection;
  if (framing->is_chunked) framing->state = FRAMING_CHUNK_SIZE;
  else if (framing->has_length && framing->left > 0) framing->state = FRAMING_LENGTH;
  else if (asks_upgrade) framing->state = FRAMING_RAW;
  framing->heads++;
  return true;
}

/* -- chunks -- */

/* The size, and after it nothing, white space, or extensions. */
static const char *read_size_line(struct framing *framing, struct slice line) {
  static const char fault[] = "Transfer-Encoding: the size of a chunk is not a hexadecimal number";
  size_t at = 0;
  framing->left = 0;
  for (; at < line.size && hex_digit(line.data[at]) >= 0; at++) {
    if (framing->left > INT64_MAX >> 4) return fault;
    framing->left = framing->left << 4 | (uint64_t)hex_digit(line.data[at]);
  }
  if (at == 0) return fault;
  while (at < line.size && is_blank(line.data[at])) at++;
  if (at < line.size && line.data[at] != ';') return fault;
  snprintf(framing->size_line, sizeof framing->size_line, "%" PRIx64 "\r\n", framing->left);
  framing->state = framing->left > 0 ? FRAMING_CHUNK_DATA : FRAMING_TRAILER;
  framing->trailer_bytes = 0;
  return NULL;
}

/* Trailers are read, since the next request comes after them, and dropped. */
static const char *read_trailer(struct framing *framing, uint8_t *line, size_t size) {
  struct slice name, value;
  if (size == 0) {
    framing->state = FRAMING_HEAD;
    return NULL;
  }
  framing->trailer_bytes += size;
  if (framing->trailer_bytes > FRAMING_HEAD_BYTES_MAX) return "Transfer-Encoding: the trailers are too long";
  return cut_header(line, size, &name, &value);
}

/* -- lines -- */

/* Whether none of eight bytes is a control character, that is 0x7f, or below 0x20, where a subtraction borrows. */
static bool are_plain(const uint8_t *text) {
  const uint64_t each = UINT64_C(0x0101010101010101), signs = each << 7;
  uint64_t bytes, others;
  memcpy(&bytes, text, sizeof bytes);
  others = bytes ^ each * 0x7f;
  return (((bytes - each * 0x20) & ~bytes & signs) | ((others - each) & ~others & signs)) == 0;
}

/* Looks for the end of the line that has begun. No line may hold a control character. */
static enum line find_end(struct framing *framing, const uint8_t *text, size_t size) {
  size_t at = framing->searched;
  while (at + sizeof(uint64_t) <= size && are_plain(text + at)) at += sizeof(uint64_t);
  while (at < size && (text[at] >= 0x20 || text[at] == '\t') && text[at] != 0x7f) at++;
  framing->searched = at;
  if (at == size) return LINE_PART;
  if (text[at] != '\r') return LINE_BAD;
  if (at + 1 == size) return LINE_PART;
  return text[at + 1] == '\n' ? LINE_WHOLE : LINE_BAD;
}

/* Reads a whole line. True if the lines so far can now be passed on, or dropped. */
static bool read_line(struct framing *framing, uint8_t *line, size_t size) {
  switch (framing->state) {
    case FRAMING_HEAD: return read_head_line(framing, line, size);
    case FRAMING_CHUNK_SIZE: framing->fault = read_size_line(framing, slice_of(line, size)); break;
    case FRAMING_TRAILER: framing->fault = read_trailer(framing, line, size); break;
    default:
      framing->state = FRAMING_CHUNK_SIZE;
      if (size > 0) framing->fault = "Transfer-Encoding: a chunk is longer than its size";
  }
  return true;
}

/* What is passed on for the lines that have ended, and that began in the state `before`. */
static struct slice pass_lines(const struct framing *framing, enum framing_state before, struct slice lines) {
  switch (before) {
    case FRAMING_HEAD: return lines.size > 2 ? lines : slice_of(NULL, 0);
    case FRAMING_CHUNK_SIZE: return framing->left > 0 ? slice_text(framing->size_line) : slice_of(NULL, 0);
    case FRAMING_CHUNK_END: return lines;
    default: return framing->state == FRAMING_HEAD ? slice_text("0\r\n\r\n") : slice_of(NULL, 0);
  }
}

static struct slice refuse(struct framing *framing, enum framing_state before) {
  framing->state = FRAMING_REFUSED;
  buf_done(&framing->held);
  return slice_text(before == FRAMING_HEAD ? FRAMING_STAND_IN : FRAMING_BREAK);
}

/* Holds lines that are not over. False if out of memory. */
static bool try_hold(struct framing *framing, struct slice bytes) {
  buf_put(&framing->held, bytes);
  if (framing->held.err != ERR_NONE) framing->fault = "no memory for the head of the request";
  return framing->held.err == ERR_NONE;
}

static void check_size(struct framing *framing, enum framing_state before, size_t size) {
  bool is_head = before == FRAMING_HEAD;
  if (framing->fault != NULL || size <= (is_head ? FRAMING_HEAD_BYTES_MAX : FRAMING_LINE_BYTES_MAX)) return;
  framing->fault = is_head ? "the head of the request is longer than 400 KiB" :
                             "Transfer-Encoding: a line between chunks is longer than 4 KiB";
}

/* Reads the lines of a head up to its end, or one line between chunks. */
static size_t read_lines(struct framing *framing, uint8_t *bytes, size_t size, struct slice *passed) {
  enum framing_state before = framing->state;
  size_t held = framing->held.size;
  if (held > 0 && !try_hold(framing, slice_of(bytes, size))) goto refused;
  uint8_t *text = held > 0 ? framing->held.data : bytes;
  enum line found = LINE_PART;
  bool is_over = false;
  while (!is_over && framing->fault == NULL && (found = find_end(framing, text, held + size)) == LINE_WHOLE) {
    size_t at = framing->line_at;
    framing->line_at = framing->searched += 2;
    is_over = read_line(framing, text + at, framing->line_at - 2 - at);
  }
  size_t end = is_over ? framing->line_at : held + size;
  if (found == LINE_BAD) framing->fault = "a line holds a control character, or does not end in CR LF";
  check_size(framing, before, end);
  if (framing->fault != NULL) goto refused;
  if (!is_over) {
    if (held == 0 && !try_hold(framing, slice_of(bytes, size))) goto refused;
    *passed = slice_of(NULL, 0);
    return size;
  }
  *passed = pass_lines(framing, before, slice_of(text, end));
  framing->is_passed = held > 0;
  framing->line_at = framing->searched = 0;
  return end - held;

refused:
  *passed = refuse(framing, before);
  return size;
}

static size_t read_counted(struct framing *framing, const uint8_t *bytes, size_t size, struct slice *passed) {
  size_t taken = framing->left < size ? (size_t)framing->left : size;
  framing->left -= taken;
  *passed = slice_of(bytes, taken);
  if (framing->left == 0) framing->state = framing->state == FRAMING_LENGTH ? FRAMING_HEAD : FRAMING_CHUNK_END;
  return taken;
}

static size_t keep_raw(struct framing *framing, struct slice bytes, struct slice *passed) {
  buf_put(&framing->held, bytes);
  *passed = slice_of(NULL, 0);
  if (framing->held.err == ERR_NONE) return bytes.size;
  framing->fault = "no memory for what follows the request";
  framing->state = FRAMING_REFUSED;
  buf_done(&framing->held);
  return bytes.size;
}

size_t framing_read(struct framing *framing, uint8_t *bytes, size_t size, struct slice *passed) {
  if (framing->is_passed) buf_done(&framing->held);
  framing->is_passed = false;
  switch (framing->state) {
    case FRAMING_LENGTH: case FRAMING_CHUNK_DATA: return read_counted(framing, bytes, size, passed);
    case FRAMING_RAW: return keep_raw(framing, slice_of(bytes, size), passed);
    case FRAMING_REFUSED: *passed = slice_of(NULL, 0); return size;
    default: return read_lines(framing, bytes, size, passed);
  }
}

bool framing_is_between(const struct framing *framing) {
  return framing->state == FRAMING_HEAD && (framing->held.size == 0 || framing->is_passed);
}

void framing_take_raw(struct framing *framing, struct buf *raw) {
  if (framing->is_passed) buf_done(&framing->held);
  framing->is_passed = false;
  buf_move(raw, &framing->held);
}

void framing_done(struct framing *framing) {
  buf_done(&framing->held);
}
