/* range.h -- which part of a file a client asks for.
 *
 * WHY     Players ask for the part of a film that is to be seen next, and a download that was cut goes on where it was.
 * ROOM    door. Below: base.
 * BYTES   The header Range (RFC 9110 section 14). Several ranges at once are answered with the whole file, which is allowed.
 */
#ifndef TROUPE_RANGE_H
#define TROUPE_RANGE_H

#include "base/slice.h"

enum range_kind {
  RANGE_WHOLE,      /* there is nothing in the header that must be heeded */
  RANGE_PART,
  RANGE_BEYOND      /* the file ends before */
};

struct range {
  uint64_t begin, size;
};

/* Reads the header's value, for a file of so many bytes. The range is that of the bytes to send. */
enum range_kind range_read(struct slice header, uint64_t file_size, struct range *range);

#endif
