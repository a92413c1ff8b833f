/* check.h -- mistakes of the host end the host, at once and by name.
 *
 * WHY   An actor's mistake is an error of that actor. The host's own mistake must not be served on top of, so a
 *       CHECK stays in release builds: it prints file, line and both values, and aborts.
 * ROOM  base.
 */
#ifndef TROUPE_CHECK_H
#define TROUPE_CHECK_H

#include <stdnoreturn.h>

#define CHECK(condition) \
  ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, 0, 0))

/* Compares two integers, and prints both where the comparison fails: CHECK_THAT(used, <=, size). */
#define CHECK_THAT(a, op, b) \
  (((a) op (b)) ? (void)0 : check_failed(__FILE__, __LINE__, #a " " #op " " #b, (long long)(a), (long long)(b)))

noreturn void check_failed(const char *file, int line, const char *condition, long long a, long long b);

#endif
