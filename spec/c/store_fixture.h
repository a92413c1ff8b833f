/* store_fixture.h -- what the specs of the store share: one in a scratch folder, with a reader.
 */
#ifndef TROUPE_SPEC_STORE_FIXTURE_H
#define TROUPE_SPEC_STORE_FIXTURE_H

#include "records.h"

#include "base/mem.h"
#include "ledger/store.h"


struct fixture {
  struct scratch scratch;
  struct memory_log log;
  struct faults faults;
  struct failure failure;
  struct store *store;
  struct store_reader *reader;
};

static void open_store(struct fixture *fixture, size_t map_bytes) {
  const struct store_config config = {
    .path = fixture->scratch.path, .map_bytes = map_bytes, .readers_max = 4,
    .logger = &fixture->log.logger, .faults = &fixture->faults,
  };
  assert_int_equal(store_open(&config, &fixture->store, &fixture->failure), ERR_NONE);
  assert_int_equal(store_reader_open(fixture->store, &fixture->reader, &fixture->failure), ERR_NONE);
}

static void close_store(struct fixture *fixture) {
  store_reader_close(fixture->reader);
  store_close(fixture->store);
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  open_store(fixture, (size_t)1 << 30);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  close_store(fixture);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

static void put_one(struct fixture *fixture, struct slice key, struct slice value) {
  assert_int_equal(store_begin(fixture->store), ERR_NONE);
  assert_int_equal(store_put(fixture->store, key, value), ERR_NONE);
  assert_int_equal(store_commit(fixture->store), ERR_NONE);
  store_reader_reset(fixture->reader);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
