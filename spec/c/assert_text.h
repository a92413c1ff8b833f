/* assert_text.h -- a buffer that holds the wrong text says which, and which was expected. */
#ifndef TROUPE_SPEC_ASSERT_TEXT_H
#define TROUPE_SPEC_ASSERT_TEXT_H

#include "base/buf.h"

static inline void assert_text(const struct buf *buf, const char *expected) {
  if (buf->size == strlen(expected) && (buf->size == 0 || memcmp(buf->data, expected, buf->size) == 0)) return;
  fail_msg("got      %.*s\nexpected %s", (int)buf->size, (const char *)buf->data, expected);
}

#endif
