/* view_fixture.h -- what the specs above the store share: a view without drafts over layers and a store in a scratch folder.
 */
#ifndef TROUPE_SPEC_VIEW_FIXTURE_H
#define TROUPE_SPEC_VIEW_FIXTURE_H

#include "records.h"

#include "ledger/store.h"
#include "ledger/view.h"

/* A part of a spec's fixture; it stays where it is. */
struct view_fixture {
  struct scratch scratch;
  struct memory_log log;
  struct failure failure;
  struct store *store;
  struct layers layers;
  struct view view;      /* who wants drafts makes them here */
};

static inline void view_fixture_open_store(struct view_fixture *fixture) {
  const struct store_config config = {
    .path = fixture->scratch.path, .map_bytes = (size_t)1 << 30, .readers_max = 4, .logger = &fixture->log.logger,
  };
  assert_int_equal(store_open(&config, &fixture->store, &fixture->failure), ERR_NONE);
  assert_int_equal(store_reader_open(fixture->store, &fixture->view.reader, &fixture->failure), ERR_NONE);
}

static inline void view_fixture_close_store(struct view_fixture *fixture) {
  store_reader_close(fixture->view.reader);
  store_close(fixture->store);
}

static inline void view_fixture_begin(struct view_fixture *fixture) {
  *fixture = (struct view_fixture){0};
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  view_fixture_open_store(fixture);
  assert_true(layers_try_init(&fixture->layers));
  fixture->view.layers = &fixture->layers;
}

static inline void view_fixture_end(struct view_fixture *fixture) {
  drafts_free(fixture->view.drafts);
  layers_done(&fixture->layers);
  view_fixture_close_store(fixture);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
}

#endif
