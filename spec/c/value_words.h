/* value_words.h -- values for tests, written as words.
 *
 * WHY   A value's bytes tell a reader nothing; `[2 i1 sa` is the array of 1 and "a".
 * BYTES n null, t f booleans, iN integer, dN float, sX string to the next blank, [N array, {N map, =N same.
 */
#ifndef TROUPE_SPEC_VALUE_WORDS_H
#define TROUPE_SPEC_VALUE_WORDS_H

#include <stdlib.h>
#include <string.h>

#include "codec/value.h"

static inline void put_words(struct buf *value, const char *words) {
  while (*words != 0) {
    char *end;
    size_t size = strcspn(words, " ");
    const char *rest = words + 1;
    switch (*words) {
      case 'n': value_put_null(value); break;
      case 't': case 'f': value_put_boolean(value, *words == 't'); break;
      case 'i': value_put_integer(value, strtoll(rest, &end, 10)); break;
      case 'd': value_put_float(value, strtod(rest, &end)); break;
      case 's': value_put_string(value, slice_of(rest, size - 1)); break;
      case '[': value_put_array(value, (uint32_t)strtoul(rest, &end, 10)); break;
      case '{': value_put_map(value, (uint32_t)strtoul(rest, &end, 10)); break;
      case '=': value_put_same(value, (uint32_t)strtoul(rest, &end, 10)); break;
      default: fail();
    }
    words += size + strspn(words + size, " ");
  }
}

#endif
