/* json_text.h -- the words of JSON: strings and numbers as text.
 *
 * WHY     Keys, values and failures are all shown as JSON; what they share stands below them.
 * ROOM    codec.
 */
#ifndef TROUPE_JSON_TEXT_H
#define TROUPE_JSON_TEXT_H

#include "base/buf.h"

/* A string is quoted and escaped as JSON wants and no further; false, and nothing written, where it is no valid
 * UTF-8. */
bool json_put_string(struct buf *buf, struct slice text);

void json_put_integer(struct buf *buf, int64_t number);

/* The first of %.1g, %.2g, ... %.17g that reads back as the same float, with a mark of a float (`1e+300`); a whole
 * number below 10^15 is written out (`1.0`, `100.0`). Must be finite. The locale must be "C". */
void json_put_float(struct buf *buf, double number);

/* The same with so many digits, and what they say may be another number. */
void json_put_rounded(struct buf *buf, double number, int digits);

/* What JSON has no form for, as C writes it: `nan`, `inf`, `-inf`. */
void json_put_not_finite(struct buf *buf, double number);

/* A string as lua-cjson writes it: bytes that are no UTF-8 stay, and `/` and DEL are escaped too. */
void json_put_bytes(struct buf *buf, struct slice text);

/* Like json_put_string(), each invalid byte shown as \ufffd: for messages, which must always leave. */
void json_put_text(struct buf *buf, struct slice text);

#endif
