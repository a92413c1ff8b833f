/* pool_test.c -- blocks keep what is in them, whatever waits beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "random.h"

enum { BLOCKS = 64, SIZE_MAX_TRIED = 2 * POOL_BLOCK_BYTES, STEPS = 200000 };

struct held {
  uint8_t *bytes;
  size_t size;
  uint8_t mark;
};

static void assert_held(const struct held *held, size_t size) {
  for (size_t i = 0; i < size; i++) assert_int_equal(held->bytes[i], held->mark);
}

static void fill(struct held *held, void *bytes, size_t size, struct random *random) {
  held->bytes = bytes;
  held->size = size;
  held->mark = (uint8_t)random_next(random);
  memset(bytes, held->mark, size);
}

/* One thing happens to a block; now and then memory is refused. */
static void change(struct pool *pool, struct held *held, struct random *random) {
  size_t size = 1 + (size_t)random_below(random, SIZE_MAX_TRIED);
  bool refused = random_once_in(random, 8);
  assert_held(held, held->size);
  if (held->bytes == NULL) {
    mem_fail_at(refused);
    void *taken = pool_try_take(pool, size);
    mem_fail_at(0);
    assert_int_equal(taken == NULL, refused);
    if (taken != NULL) fill(held, taken, size, random);
  } else if (random_once_in(random, 2)) {
    pool_put(pool, held->bytes, held->size);
    *held = (struct held){ 0 };
  } else {
    mem_fail_at(refused);
    void *moved = pool_try_resize(pool, held->bytes, held->size, size);
    mem_fail_at(0);
    assert_int_equal(moved == NULL, refused && size > held->size);
    if (moved == NULL) return;
    held->bytes = moved;
    assert_held(held, size < held->size ? size : held->size);
    fill(held, moved, size, random);
  }
}

static void blocks_keep_their_bytes(void **state) {
  (void)state;
  struct random random = random_begin("pool");
  struct pool pool = { 0 };
  struct held held[BLOCKS] = { 0 };
  for (int i = 0; i < STEPS; i++) change(&pool, &held[random_below(&random, BLOCKS)], &random);
  for (size_t i = 0; i < BLOCKS; i++) {
    if (held[i].bytes != NULL) pool_put(&pool, held[i].bytes, held[i].size);
  }
  pool_done(&pool);
  assert_int_equal(pool.kept_bytes, 0);
}

static void what_waits_is_bounded(void **state) {
  (void)state;
  enum { COUNT = 2 * POOL_KEPT_BYTES / 504 + 16 };
  static void *blocks[COUNT];
  struct pool pool = { 0 };
  for (size_t i = 0; i < COUNT; i++) {
    blocks[i] = pool_try_take(&pool, 500);
    assert_non_null(blocks[i]);
  }
  for (size_t i = 0; i < COUNT; i++) pool_put(&pool, blocks[i], 500);
  assert_true(pool.kept_bytes <= POOL_KEPT_BYTES);
  assert_true(pool.kept_bytes + POOL_BLOCK_BYTES > POOL_KEPT_BYTES);
  pool_done(&pool);
}

static void a_block_comes_back(void **state) {
  (void)state;
  struct pool pool = { 0 };
  void *first = pool_try_take(&pool, 41);
  assert_non_null(first);
  pool_put(&pool, first, 56);
  void *second = pool_try_take(&pool, 50);
  if (POOL_KEPT_BYTES > 0) assert_ptr_equal(first, second);
  pool_put(&pool, second, 50);
  pool_done(&pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(blocks_keep_their_bytes),
    cmocka_unit_test(what_waits_is_bounded),
    cmocka_unit_test(a_block_comes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
