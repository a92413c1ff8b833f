/* json_span.c -- see json_span.h. */
#include "codec/json_span.h"

static struct slice skip_blanks(struct slice text) {
  while (text.size > 0 && memchr(" \t\r\n", text.data[0], 4) != NULL) text = slice_after(text, 1);
  return text;
}

/* How many bytes the string takes that the text begins with. */
static size_t string_size(struct slice text) {
  size_t at = 1;
  while (at < text.size && text.data[at] != '"') at += text.data[at] == '\\' ? 2 : 1;
  return at < text.size ? at + 1 : text.size;
}

struct slice json_span_value(struct slice text) {
  size_t at = 0, depth = 0;
  text = skip_blanks(text);
  while (at < text.size) {
    uint8_t byte = text.data[at];
    if (byte == '"') {
      at += string_size(slice_after(text, at));
      if (depth == 0) break;
      continue;
    }
    bool begins = byte == '[' || byte == '{', ends = byte == ']' || byte == '}';
    if (depth == 0 && (ends || memchr(", \t\r\n", byte, 5) != NULL)) break;
    if (begins) depth++;
    at++;
    if (ends && --depth == 0) break;
  }
  return slice_of(text.data, at);
}

bool json_span_next(struct slice *rest, struct slice *name, struct slice *value) {
  struct slice at = skip_blanks(*rest);
  *name = slice_of(NULL, 0);
  if (at.size < 2 || memchr("[{,", at.data[0], 3) == NULL) return false;
  bool begins_object = at.data[0] == '{', begins_array = at.data[0] == '[';
  at = skip_blanks(slice_after(at, 1));
  if (at.size == 0 || at.data[0] == ']' || at.data[0] == '}') return false;
  *value = json_span_value(at);
  struct slice behind = skip_blanks(slice_after(at, value->size));
  bool is_field = !begins_array && value->size >= 2 && value->data[0] == '"' && behind.size > 0 && behind.data[0] == ':';
  if (is_field) {
    *name = slice_of(value->data + 1, value->size - 2);
    at = skip_blanks(slice_after(behind, 1));
    *value = json_span_value(at);
    behind = slice_after(at, value->size);
  } else if (begins_object) {
    return false;
  }
  *rest = behind;
  return true;
}

struct slice json_span_field(struct slice object, const char *name) {
  struct slice found, value;
  while (json_span_next(&object, &found, &value)) {
    if (slice_equal(found, slice_text(name))) return value;
  }
  return slice_of(NULL, 0);
}
