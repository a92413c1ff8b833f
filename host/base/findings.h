/* findings.h -- what a check has found wrong: one sentence each, told when it is found.
 *
 * WHY    A check goes on after it has found something, and damage may then end the process: so each finding is told at once.
 * ROOM   base.
 * OWNS   Nothing.
 * LIMITS FINDING_SIZE_MAX bytes a sentence; the rest is cut. FINDINGS_TOLD_MAX are told, the rest is counted.
 */
#ifndef TROUPE_FINDINGS_H
#define TROUPE_FINDINGS_H

#include <stddef.h>

enum { FINDING_SIZE_MAX = 4096, FINDINGS_TOLD_MAX = 100 };

struct findings {
  size_t count;
  void (*tell)(void *context, const char *sentence);
  void *context;
};

/* Counts and tells one. */
void findings_add(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
