/* word.c -- see word.h. */
#include "stage/word.h"

#include <string.h>

#include "base/mem.h"

struct word *word_try_new(const struct word_entry *entries, size_t count) {
  struct word *made = mem_try_zero(sizeof *made + count * sizeof *entries);
  if (made == NULL) return NULL;
  made->letter.kind = LETTER_WORD;
  made->count = count;
  memcpy(made->entries, entries, count * sizeof *entries);
  return made;
}

void word_free(struct word *word) {
  mem_free(word);
}
