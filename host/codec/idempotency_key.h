/* idempotency_key.h -- what may be an idempotency key.
 *
 * WHY     Clients, scripts and specs give one along with a call, by the same rule. stage/idempotency.h says what it does.
 * ROOM    codec.
 * OWNS    Nothing.
 * LIMITS  IDEMPOTENCY_KEY_BYTES_MAX
 */
#ifndef TROUPE_IDEMPOTENCY_KEY_H
#define TROUPE_IDEMPOTENCY_KEY_H

#include "base/failure.h"

enum { IDEMPOTENCY_KEY_BYTES_MAX = 255 };

/* Whether bytes are an idempotency key: 1 to 255 visible ASCII characters. ERR_REQUEST says what is wrong. */
enum err idempotency_key_check(struct slice key, struct failure *failure);

#endif
