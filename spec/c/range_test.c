/* range_test.c -- which part of a file a client asks for, held against a list of all parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "door/range.h"

static void assert_range(const char *header, uint64_t file_size, enum range_kind kind, uint64_t begin, uint64_t size) {
  struct range range;
  enum range_kind found = range_read(slice_text(header), file_size, &range);
  if (found == kind && (kind == RANGE_BEYOND || (range.begin == begin && range.size == size))) return;
  fail_msg("%s of %llu: kind %d, from %llu so many: %llu", header, (unsigned long long)file_size, (int)found,
           (unsigned long long)range.begin, (unsigned long long)range.size);
}

/* Each byte of a small file is in the part if and only if its number is between the two. */
static void parts_are_the_bytes_between(void **state) {
  (void)state;
  enum { SIZE_MAX_TRIED = 5, NUMBERS = 8 };
  char header[64];
  for (uint64_t size = 0; size <= SIZE_MAX_TRIED; size++) {
    for (uint64_t first = 0; first < NUMBERS; first++) {
      bool is_beyond = first >= size;
      snprintf(header, sizeof header, "bytes=%llu-", (unsigned long long)first);
      assert_range(header, size, is_beyond ? RANGE_BEYOND : RANGE_PART, first, is_beyond ? 0 : size - first);
      for (uint64_t last = first; last < NUMBERS; last++) {
        uint64_t count = 0;
        for (uint64_t at = 0; at < size; at++) count += at >= first && at <= last;
        snprintf(header, sizeof header, "bytes=%llu-%llu", (unsigned long long)first, (unsigned long long)last);
        assert_range(header, size, count == 0 ? RANGE_BEYOND : RANGE_PART, first, count);
      }
      uint64_t tail = first < size ? first : size;
      snprintf(header, sizeof header, "bytes=-%llu", (unsigned long long)first);
      assert_range(header, size, tail == 0 ? RANGE_BEYOND : RANGE_PART, size - tail, tail);
    }
  }
}

static void numbers_may_be_larger_than_any_file(void **state) {
  (void)state;
  assert_range("bytes=0-18446744073709551615", 10, RANGE_PART, 0, 10);
  assert_range("bytes=1-18446744073709551616", 10, RANGE_PART, 1, 9);
  assert_range("bytes=-18446744073709551616", 10, RANGE_PART, 0, 10);
  assert_range("bytes=99999999999999999999-99999999999999999999", 10, RANGE_BEYOND, 0, 0);
  assert_range("bytes=5-18446744073709551615", UINT64_MAX, RANGE_PART, 5, UINT64_MAX - 5);
  assert_range("bytes=00000000000000000000000002-03", 10, RANGE_PART, 2, 2);
}

static void all_else_is_the_whole_file(void **state) {
  (void)state;
  static const char *const headers[] = {
    "", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=x-", "bytes=1-x", "bytes=1", "bytes=1-2,3-4", "bytes=-1,0-0", "bytes= 1-2",
    "bytes=1 -2", "bytes=1-2 ", "bytes=+1-2", "bytes=1--2", "bytes=--2", "lines=1-2", " bytes=1-2", "bytes:1-2", "byte=1-2",
  };
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) assert_range(headers[i], 10, RANGE_WHOLE, 0, 10);
  assert_range("BYTES=1-2", 10, RANGE_PART, 1, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(parts_are_the_bytes_between),
    cmocka_unit_test(numbers_may_be_larger_than_any_file),
    cmocka_unit_test(all_else_is_the_whole_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
