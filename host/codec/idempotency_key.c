/* idempotency_key.c -- see idempotency_key.h. */
#include "codec/idempotency_key.h"

enum err idempotency_key_check(struct slice key, struct failure *failure) {
  if (key.size == 0) return failure_set(failure, ERR_REQUEST, "the idempotency key is empty");
  if (key.size > IDEMPOTENCY_KEY_BYTES_MAX) {
    return failure_set(failure, ERR_REQUEST, "the idempotency key has %zu bytes; the most is %d", key.size,
                       IDEMPOTENCY_KEY_BYTES_MAX);
  }
  for (size_t i = 0; i < key.size; i++) {
    if (key.data[i] > ' ' && key.data[i] < 0x7f) continue;
    return failure_set(failure, ERR_REQUEST, "the idempotency key has byte 0x%02x at position %zu; only visible "
                       "ASCII without spaces is allowed", key.data[i], i + 1);
  }
  return ERR_NONE;
}
