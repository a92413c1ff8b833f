/* range.c -- see range.h. */
#include "door/range.h"

#include <strings.h>

/* Takes the digits off the front; false if there are none. A number that is too large becomes the largest. */
static bool take_number(struct slice *text, uint64_t *number) {
  size_t count = 0;
  *number = 0;
  for (; count < text->size && text->data[count] >= '0' && text->data[count] <= '9'; count++) {
    unsigned digit = text->data[count] - '0';
    *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
  }
  *text = slice_after(*text, count);
  return count > 0;
}

enum range_kind range_read(struct slice header, uint64_t file_size, struct range *range) {
  static const char unit[] = "bytes=";
  uint64_t first = 0, last = 0;
  *range = (struct range){ 0, file_size };
  if (header.size < sizeof unit || strncasecmp((const char *)header.data, unit, sizeof unit - 1) != 0) return RANGE_WHOLE;
  struct slice text = slice_after(header, sizeof unit - 1);
  bool has_first = take_number(&text, &first);
  if (text.size == 0 || text.data[0] != '-') return RANGE_WHOLE;
  text = slice_after(text, 1);
  bool has_last = take_number(&text, &last);
  if (text.size > 0 || (!has_first && !has_last) || (has_first && has_last && last < first)) return RANGE_WHOLE;
  if (!has_first) {                       /* the last so many bytes */
    if (last == 0 || file_size == 0) return RANGE_BEYOND;
    range->size = last < file_size ? last : file_size;
    range->begin = file_size - range->size;
    return RANGE_PART;
  }
  if (first >= file_size) return RANGE_BEYOND;
  uint64_t end = has_last && last < file_size ? last + 1 : file_size;
  *range = (struct range){ first, end - first };
  return RANGE_PART;
}
