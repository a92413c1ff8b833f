/* json_text.h -- the words of JSON: strings and numbers as text.
 *
 * WHY     Keys, values and failures are all shown as JSON; this is what they share.
 * ROOM    codec.
 */
#ifndef TROUPE_JSON_TEXT_H
#define TROUPE_JSON_TEXT_H

#include "base/buf.h"

/* A string is quoted and escaped as JSON wants and no further; false, and nothing written, if it is not valid
 * UTF-8. */
bool json_put_string(struct buf *buf, struct slice text);

void json_put_integer(struct buf *buf, int64_t number);

/* The first of %.1g, %.2g, ... %.17g that reads back as the same float, with a mark of a float (`1e+300`); a whole
 * number below 10^15 is written out (`1.0`, `100.0`). Must be finite. The locale must be "C". */
void json_put_float(struct buf *buf, double number);

/* The same with so many digits, which may read back as another number. */
void json_put_rounded(struct buf *buf, double number, int digits);

/* A float that JSON cannot express, as C writes it: `nan`, `inf`, `-inf`. */
void json_put_not_finite(struct buf *buf, double number);

/* A string as lua-cjson writes it: bytes that are not UTF-8 stay, and `/` and DEL are escaped too. */
void json_put_bytes(struct buf *buf, struct slice text);

/* A string in the lossless form (lua/README.md): one that is not UTF-8 as {"$bytes": base64}. */
void json_put_lossless_string(struct buf *buf, struct slice text);

/* A finite float as json_put_float(), another as {"$number": "nan"}. */
void json_put_lossless_float(struct buf *buf, double number);

/* Like json_put_string(), each invalid byte shown as \ufffd: for messages, which must always leave. */
void json_put_text(struct buf *buf, struct slice text);

#endif
