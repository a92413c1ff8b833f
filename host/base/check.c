/* check.c -- the last words of a host that made a mistake. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/stream.h"

enum { WORDS_SIZE_MAX = 1024, PATIENCE_MS = 1000 };

/* Not a line of the log: a thread writes that, and it may be the one that ends here. */
void check_failed(const char *file, int line, const char *condition, long long a, long long b) {
  char words[WORDS_SIZE_MAX];
  snprintf(words, sizeof words, "%s:%d: CHECK failed: %s (%lld, %lld)\n", file, line, condition, a, b);
  (void)stream_say(STDERR_FILENO, slice_text(words), PATIENCE_MS);
  abort();
}
