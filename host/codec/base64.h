/* base64.h -- bytes as letters (RFC 4648).
 *
 * WHY     The operator's token is written so, and so are bytes that an operator looks at.
 * ROOM    codec.
 */
#ifndef TROUPE_BASE64_H
#define TROUPE_BASE64_H

#include "base/buf.h"

/* The 64 letters, each way. */
extern const char base64_letters[], base64_url_letters[];

/* Writes the letters of all bytes, four for each three, without padding; returns where they end. */
char *base64_write(struct slice bytes, const char *letters, char *to);

/* Appends the letters of all bytes, padded with `=`. */
void base64_put(struct buf *buf, struct slice bytes);

#endif
