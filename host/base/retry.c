/* retry.c -- see retry.h. */
#include "base/retry.h"

enum { PAUSE_FIRST_MS = 1000, PAUSE_MOST_MS = 3600 * 1000, PAUSE_GROWTH = 4 };

int64_t retry_pause_ms(unsigned tries) {
  int64_t pause_ms = PAUSE_FIRST_MS;
  for (unsigned i = 1; i < tries && pause_ms < PAUSE_MOST_MS; i++) pause_ms *= PAUSE_GROWTH;
  return pause_ms < PAUSE_MOST_MS ? pause_ms : PAUSE_MOST_MS;
}
