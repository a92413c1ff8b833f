/* findings.c -- see findings.h. */
#include "base/findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *findings, const char *format, ...) {
  char sentence[FINDING_SIZE_MAX];
  if (++findings->count > FINDINGS_TOLD_MAX) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  findings->tell(findings->context, sentence);
}
