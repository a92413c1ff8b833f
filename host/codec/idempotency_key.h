/* idempotency_key.h -- what may be an idempotency key.
 *
 * WHY     Doors, scripts and specs give one along with a call; it is the same everywhere. What it does is told in
 *         stage/idempotency.h.
 * ROOM    codec.
 * LIMITS  IDEMPOTENCY_KEY_BYTES_MAX
 */
#ifndef TROUPE_IDEMPOTENCY_KEY_H
#define TROUPE_IDEMPOTENCY_KEY_H

#include "base/failure.h"

enum { IDEMPOTENCY_KEY_BYTES_MAX = 255 };

/* Whether bytes are an idempotency key: 1 to 255 visible characters of ASCII. ERR_REQUEST says what not. */
enum err idempotency_key_check(struct slice key, struct failure *failure);

#endif
