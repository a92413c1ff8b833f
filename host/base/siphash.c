/* siphash.c -- see siphash.h. The names of the words are those of the paper. */
#include "base/siphash.h"

#include <sys/random.h>

#include "base/check.h"

struct state {
  uint64_t v0, v1, v2, v3;
};

struct siphash_key siphash_key_new(void) {
  struct siphash_key key;
  CHECK_THAT(getrandom(&key, sizeof key, 0), ==, sizeof key);
  return key;
}

static uint64_t rotate(uint64_t word, unsigned bits) {
  return word << bits | word >> (64 - bits);
}

static void round_once(struct state *state) {
  state->v0 += state->v1;
  state->v2 += state->v3;
  state->v1 = rotate(state->v1, 13) ^ state->v0;
  state->v3 = rotate(state->v3, 16) ^ state->v2;
  state->v0 = rotate(state->v0, 32);
  state->v2 += state->v1;
  state->v0 += state->v3;
  state->v1 = rotate(state->v1, 17) ^ state->v2;
  state->v3 = rotate(state->v3, 21) ^ state->v0;
  state->v2 = rotate(state->v2, 32);
}

static void take_word(struct state *state, uint64_t word) {
  state->v3 ^= word;
  round_once(state);
  state->v0 ^= word;
}

/* Up to 8 bytes as a number, the first one the least. */
static uint64_t read_little_endian(const uint8_t *data, size_t size) {
  uint64_t word = 0;
  for (size_t i = 0; i < size; i++) word |= (uint64_t)data[i] << 8 * i;
  return word;
}

uint64_t siphash(const struct siphash_key *key, struct slice bytes) {
  struct state state = {
    .v0 = key->first ^ 0x736f6d6570736575u, .v1 = key->second ^ 0x646f72616e646f6du,
    .v2 = key->first ^ 0x6c7967656e657261u, .v3 = key->second ^ 0x7465646279746573u,
  };
  size_t whole = bytes.size - bytes.size % 8;
  for (size_t at = 0; at < whole; at += 8) take_word(&state, read_little_endian(bytes.data + at, 8));
  take_word(&state, read_little_endian(bytes.data + whole, bytes.size % 8) | (uint64_t)bytes.size << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; i++) round_once(&state);
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
