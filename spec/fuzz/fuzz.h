/* fuzz.h -- tries without end until the time is over: bytes that nobody should have written.
 *
 * WHY     Who reads bytes from a disk or a network meets any bytes. Some here are random; more are nearly right,
 *         since what is refused at its first byte tries nothing behind it.
 *
 * Each try has a seed of its own, one more than the try before. It is told when the try fails, however it does:
 * TROUPE_SEED with that seed and FUZZ_SECONDS=0 make that try again and no other. */
#ifndef TROUPE_SPEC_FUZZ_H
#define TROUPE_SPEC_FUZZ_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../c/random.h"
#include "base/buf.h"

/* Tries of one kind. */
struct fuzz {
  const char *name;
  struct random random;
  uint64_t tries;
  uint64_t taken;        /* tries whose bytes were valid after all */
  double until;
  struct buf bytes;      /* of this try */
  uint8_t *copy;         /* in a block of its own size, so that a sanitizer sees a read beyond it */
};

static uint64_t fuzz_seed;         /* of the try that is under way; 0: none is */

static inline void fuzz_tell_seed(void) {
  char line[128];
  int size = snprintf(line, sizeof line, "# the same try: TROUPE_SEED=%llu FUZZ_SECONDS=0\n",
                      (unsigned long long)fuzz_seed);
  if (fuzz_seed != 0 && write(STDOUT_FILENO, line, (size_t)size) < 0) _exit(1);
}

static inline void fuzz_on_abort(int signal_number) {
  fuzz_tell_seed();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

/* There where a sanitizer is. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static inline double fuzz_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* FUZZ_SECONDS; a moment where nobody says it, as in `make test`. */
static inline void fuzz_begin(struct fuzz *fuzz, const char *name) {
  const char *seconds = getenv("FUZZ_SECONDS");
  *fuzz = (struct fuzz){ .name = name, .until = fuzz_now() + (seconds == NULL ? 0.5 : strtod(seconds, NULL)) };
  fuzz_seed = environment_count("TROUPE_SEED", (uint64_t)time(NULL));
  printf("# %s: TROUPE_SEED=%llu\n", name, (unsigned long long)fuzz_seed);
  fflush(stdout);
  signal(SIGABRT, fuzz_on_abort);
  if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(fuzz_tell_seed);
}

/* Begins the next try, with no bytes; false where the time is over. There is always a first one. */
static inline bool fuzz_next(struct fuzz *fuzz) {
  free(fuzz->copy);
  fuzz->copy = NULL;
  buf_clear(&fuzz->bytes);
  if (fuzz->tries > 0 && fuzz_now() >= fuzz->until) return false;
  if (fuzz->tries++ > 0) fuzz_seed++;
  fuzz->random = (struct random){ .state = fuzz_seed };
  for (int i = 0; i < 2; i++) random_next(&fuzz->random);      /* so that seeds beside each other share no numbers */
  fuzz->random.state = random_next(&fuzz->random);
  return true;
}

/* Prints the figures. Where nothing was ever valid, the tries tried nothing. */
static inline void fuzz_end(struct fuzz *fuzz) {
  printf("# figures: %s: %llu tries, %llu of them valid\n", fuzz->name, (unsigned long long)fuzz->tries,
         (unsigned long long)fuzz->taken);
  fflush(stdout);
  if (fuzz->tries >= 1000) assert_in_range(fuzz->taken, 1, fuzz->tries - 1);
  buf_done(&fuzz->bytes);
  fuzz_seed = 0;
}

/* Around each test: where one ends before its end, its try is told. */
static inline int fuzz_tear_down(void **state) {
  (void)state;
  fuzz_tell_seed();
  fuzz_seed = 0;
  return 0;
}

#define FUZZ_TEST(name) cmocka_unit_test_teardown(name, fuzz_tear_down)

/* ---- chance ---------------------------------------------------------------------------------------------- */

static inline size_t fuzz_below(struct fuzz *fuzz, size_t count) {
  return (size_t)random_below(&fuzz->random, count);
}

static inline bool fuzz_once_in(struct fuzz *fuzz, size_t count) {
  return fuzz_below(fuzz, count) == 0;
}

/* Small as a rule. */
static inline size_t fuzz_size(struct fuzz *fuzz) {
  return fuzz_below(fuzz, fuzz_once_in(fuzz, 20) ? 2000 : fuzz_once_in(fuzz, 3) ? 60 : 8);
}

/* Numbers on whose other side something else begins. */
static inline uint64_t fuzz_number(struct fuzz *fuzz) {
  uint64_t number = (uint64_t)1 << fuzz_below(fuzz, 64);
  if (fuzz_once_in(fuzz, 4)) number = random_next(&fuzz->random) >> fuzz_below(fuzz, 64);
  number += fuzz_below(fuzz, 5);
  return number - fuzz_below(fuzz, 5);
}

/* Any bits of a float, and floats near to whole numbers. */
static inline double fuzz_float(struct fuzz *fuzz) {
  uint64_t bits = random_next(&fuzz->random);
  double number;
  if (fuzz_once_in(fuzz, 3)) return (double)(int64_t)fuzz_number(fuzz);
  if (fuzz_once_in(fuzz, 3)) return (double)(int64_t)fuzz_below(fuzz, 2000000) / 100;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* Text: letters, or any bytes, or characters of each size. */
static inline struct slice fuzz_text(struct fuzz *fuzz, uint8_t room[2000]) {
  static const char *const characters[] = {
    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\"", "\\", "\n",
  };
  size_t size = fuzz_size(fuzz), kind = fuzz_below(fuzz, 4);
  for (size_t i = 0; i < size; i++) {
    room[i] = (uint8_t)(kind == 0 ? random_next(&fuzz->random) : 'a' + fuzz_below(fuzz, 26));
  }
  for (size_t i = 0; kind == 1 && i + 4 < size; i += 5) {
    const char *character = characters[fuzz_below(fuzz, sizeof characters / sizeof characters[0])];
    memcpy(room + i, character, strlen(character));
  }
  return slice_of(room, size);
}

/* ---- bytes ----------------------------------------------------------------------------------------------- */

static inline void fuzz_put_random(struct fuzz *fuzz, size_t size) {
  while (size-- > 0) buf_put_byte(&fuzz->bytes, (uint8_t)random_next(&fuzz->random));
}

/* Replaces `cut` bytes at a place by others. */
static inline void fuzz_splice(struct fuzz *fuzz, size_t at, size_t cut, struct slice by) {
  struct buf spliced = { 0 };
  buf_put(&spliced, slice_of(fuzz->bytes.data, at));
  buf_put(&spliced, by);
  buf_put(&spliced, slice_after(buf_slice(&fuzz->bytes), at + cut));
  buf_move(&fuzz->bytes, &spliced);
}

/* One mutation: a bit, a byte, a number, a cut, bytes that are new, twice there or somewhere else. */
static inline void fuzz_mutate_once(struct fuzz *fuzz) {
  const size_t size = fuzz->bytes.size;
  uint8_t *data = fuzz->bytes.data;
  uint8_t room[16];
  if (size == 0) {
    fuzz_put_random(fuzz, 1 + fuzz_below(fuzz, 4));
    return;
  }
  size_t at = fuzz_below(fuzz, size), rest = size - at, from = fuzz_below(fuzz, size);
  size_t count = 1 + fuzz_below(fuzz, rest < 32 ? rest : 32);
  switch (fuzz_below(fuzz, 9)) {
    case 0: data[at] ^= (uint8_t)(1 << fuzz_below(fuzz, 8)); break;
    case 1: data[at] = (uint8_t)random_next(&fuzz->random); break;
    case 2: data[at] += (uint8_t)(fuzz_once_in(fuzz, 2) ? 1 : -1); break;
    case 3: fuzz->bytes.size = at; break;
    case 4: fuzz_splice(fuzz, at, count, slice_of(NULL, 0)); break;
    case 5:
      count = 1 + fuzz_below(fuzz, sizeof room);
      for (size_t i = 0; i < count; i++) room[i] = (uint8_t)random_next(&fuzz->random);
      fuzz_splice(fuzz, at, 0, slice_of(room, count));
      break;
    case 6: fuzz_splice(fuzz, at, 0, slice_of(data + at, count)); break;
    case 7: memmove(data + at, data + from, rest < size - from ? rest : size - from); break;
    default: {
      uint64_t number = fuzz_number(fuzz);
      size_t bytes = (size_t)1 << fuzz_below(fuzz, 4);
      for (size_t i = 0; i < bytes && i < rest; i++) data[at + i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
    }
  }
}

/* Mostly a few mutations, sometimes none: then it answers false. */
static inline bool fuzz_mutate(struct fuzz *fuzz) {
  if (fuzz_once_in(fuzz, 8)) return false;
  size_t count = 1 + fuzz_below(fuzz, fuzz_once_in(fuzz, 4) ? 8 : 2);
  while (count-- > 0) fuzz_mutate_once(fuzz);
  return true;
}

/* The bytes of this try in a block of their own size. They are the try's until the next one begins. */
static inline struct slice fuzz_copy(struct fuzz *fuzz) {
  free(fuzz->copy);
  size_t size = fuzz->bytes.size;
  fuzz->copy = malloc(size == 0 ? 1 : size);
  assert_non_null(fuzz->copy);
  if (size > 0) memcpy(fuzz->copy, fuzz->bytes.data, size);
  return slice_of(fuzz->copy, size);
}

static inline void fuzz_assert_same(struct slice a, struct slice b) {
  assert_int_equal(a.size, b.size);
  if (a.size > 0) assert_memory_equal(a.data, b.data, a.size);
}

#endif
