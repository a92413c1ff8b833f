/* check.c -- the last words of a host that made a mistake. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *condition, long long a, long long b) {
  fprintf(stderr, "%s:%d: CHECK failed: %s (%lld, %lld)\n", file, line, condition, a, b);
  abort();
}
