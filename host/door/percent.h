/* percent.h -- what the percent escapes in a URL stand for.
 *
 * WHY    Paths of calls and paths of files are written in one way, and are read in one way.
 * ROOM   door. Below: base.
 * BYTES  RFC 3986 section 2.1. `+` is itself.
 */
#ifndef TROUPE_PERCENT_H
#define TROUPE_PERCENT_H

#include "base/buf.h"
#include "base/failure.h"

/* Decodes once, and appends the result. `what` names the text in a message. ERR_REQUEST, which names the first escape that is
 * none; ERR_MEMORY. */
enum err percent_decode(const char *what, struct slice raw, struct buf *into, struct failure *failure);

#endif
