/* base64.h -- bytes as letters (RFC 4648).
 *
 * WHY     The operator's token, and bytes in what an operator looks at.
 * ROOM    codec.
 */
#ifndef TROUPE_BASE64_H
#define TROUPE_BASE64_H

#include "base/buf.h"

/* The 64 letters, each way. */
extern const char base64_letters[], base64_url_letters[];

/* Writes the letters of all bytes, four for each three, and none to fill up the last four; returns where they end. */
char *base64_write(struct slice bytes, const char *letters, char *to);

/* Appends the letters of all bytes, filled up with `=`. */
void base64_put(struct buf *buf, struct slice bytes);

#endif
