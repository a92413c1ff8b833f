/* siphash_test.c -- the hash is SipHash-1-3, and who knows it under one key knows nothing of it under another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/siphash.h"

/* Of the bytes 0, 1, 2, ..., under the key of the paper, 00 to 0f. The numbers are those against which the core library of
 * Rust is tested, whose tables hash with it. */
static void the_published_vectors_hold(void **state) {
  (void)state;
  static const struct { size_t size; uint64_t hash; } vectors[] = {
    { 0, 0xabac0158050fc4dc },  { 1, 0xc9f49bf37d57ca93 },  { 4, 0xcf75576088d38328 },  { 7, 0xd3927d989bb11140 },
    { 8, 0x369095118d299a8e },  { 9, 0x25a48eb36c063de4 },  { 15, 0xd320d86d2a519956 }, { 16, 0xcc4fdd1a7d908b66 },
    { 17, 0x9cf2689063dbd80c }, { 31, 0x2370dd1f8c21d1bc }, { 63, 0x9d199062b7bbb3a8 },
  };
  const struct siphash_key key = { .first = 0x0706050403020100, .second = 0x0f0e0d0c0b0a0908 };
  uint8_t bytes[64];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    assert_int_equal(siphash(&key, slice_of(bytes, vectors[i].size)), vectors[i].hash);
  }
}

static void each_key_is_a_new_one(void **state) {
  (void)state;
  struct siphash_key a = siphash_key_new(), b = siphash_key_new();
  assert_true(a.first != b.first && a.second != b.second && a.first != a.second);
}

/* Names that fall into one of 256 places under one key fall into many under each other. */
static void what_falls_together_under_one_key_is_spread_by_the_next(void **state) {
  (void)state;
  enum { PLACES = 256, WANTED = 400, MOST = 20, KEYS = 50 };
  char names[WANTED][16];
  const struct siphash_key known = { 1, 2 };
  for (unsigned number = 0, found = 0; found < WANTED; number++) {
    snprintf(names[found], sizeof *names, "name%u", number);
    found += siphash(&known, slice_text(names[found])) % PLACES == 0;
  }
  for (uint64_t other = 3; other < 3 + KEYS; other++) {
    const struct siphash_key key = { 1, other };
    unsigned counts[PLACES] = { 0 };
    for (unsigned i = 0; i < WANTED; i++) {
      assert_true(++counts[siphash(&key, slice_text(names[i])) % PLACES] < MOST);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_vectors_hold),
    cmocka_unit_test(each_key_is_a_new_one),
    cmocka_unit_test(what_falls_together_under_one_key_is_spread_by_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
