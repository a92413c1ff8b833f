/* parting.c -- see parting.h. */
#include "stage/parting.h"

#include "base/mem.h"

struct parting *parting_try_new(void) {
  struct parting *made = mem_try_zero(sizeof *made);
  if (made != NULL) made->letter.kind = LETTER_PARTING;
  return made;
}

void parting_free(struct parting *parting) {
  mem_free(parting);
}
