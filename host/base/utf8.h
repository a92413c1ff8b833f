/* utf8.h -- where one character of a text ends, and whether it is one.
 *
 * WHY   Log lines, messages and JSON each show what is UTF-8 and do something else with the rest. What counts as UTF-8
 *       is said once: RFC 3629, so no surrogates, nothing overlong, nothing beyond U+10FFFF.
 * ROOM  base.
 */
#ifndef TROUPE_UTF8_H
#define TROUPE_UTF8_H

#include "base/slice.h"

/* How many bytes the first character of a text takes, 1 to 4, and its number in `code`; 0 if the text is empty or
 * does not begin with a valid character. */
size_t utf8_first(struct slice text, uint32_t *code);

/* How many bytes from the beginning are UTF-8; and whether all are. */
size_t utf8_valid_size(struct slice text);
bool utf8_is_valid(struct slice text);

/* The largest size <= `size_max` at which a text can be cut without cutting through a character. If the
 * bytes there are not UTF-8, it is size_max. */
size_t utf8_cut(struct slice text, size_t size_max);

#endif
