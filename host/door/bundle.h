/* bundle.h -- the files that the host brings along for browsers: the client for pages, and its types.
 *
 * WHY     A page needs nothing but the host to call actors: no package, no build.
 * ROOM    door. Below: base.
 * OWNS    Nothing: the files are part of the program.
 */
#ifndef TROUPE_BUNDLE_H
#define TROUPE_BUNDLE_H

#include "base/slice.h"

enum { BUNDLE_COUNT = 2, BUNDLE_TAG_SIZE = 32 };

struct bundle {
  struct bundle_file {
    const char *path, *type;
    struct slice text;
    char tag[BUNDLE_TAG_SIZE];  /* in quotes; other for another text (RFC 9110 section 8.8.3) */
  } files[BUNDLE_COUNT];
};

void bundle_init(struct bundle *bundle);

/* NULL: none has this path. */
const struct bundle_file *bundle_find(const struct bundle *bundle, struct slice path);

#endif
