/* random.h -- random numbers for property tests, the same ones for the same seed.
 *
 * WHY   A test that fails once in a million must be seen again: the seed is printed, and TROUPE_SEED sets it. The
 *       numbers are those of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
 */
#ifndef TROUPE_SPEC_RANDOM_H
#define TROUPE_SPEC_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
  uint64_t state;
};

static inline uint64_t random_next(struct random *random) {
  random->state += 0x9e3779b97f4a7c15u;
  uint64_t mixed = random->state;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
  return mixed ^ mixed >> 31;
}

/* 0 to count - 1; count > 0. */
static inline uint64_t random_below(struct random *random, uint64_t count) {
  return random_next(random) % count;
}

static inline int random_once_in(struct random *random, uint64_t count) {
  return random_below(random, count) == 0;
}

/* A count from the environment, or the one given. */
static inline uint64_t environment_count(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

/* Begins with TROUPE_SEED or a new seed, and prints which. */
static inline struct random random_begin(const char *test) {
  uint64_t seed = environment_count("TROUPE_SEED", (uint64_t)time(NULL));
  printf("%s: TROUPE_SEED=%llu\n", test, (unsigned long long)seed);
  return (struct random){ .state = seed };
}

#endif
