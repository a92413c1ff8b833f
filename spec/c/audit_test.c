/* audit_test.c -- records that make sense together, and each way in which they do not. */
#include "records.h"

#include "base/findings.h"
#include "codec/key.h"
#include "codec/value.h"
#include "stage/audit.h"
#include "stage/router.h"

struct fixture {
  struct scratch scratch;
  struct memory_log log;
  struct failure failure;
  struct store *store;
  struct layers layers;
  struct view view;
  struct memtable *records;
  struct buf told;
  struct findings findings;
  struct audit_report report;
};

static void tell(void *context, const char *sentence) {
  struct fixture *fixture = context;
  buf_put_text(&fixture->told, sentence);
  buf_put_byte(&fixture->told, '\n');
}

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  const struct store_config config = {
    .path = fixture->scratch.path, .map_bytes = (size_t)1 << 30, .readers_max = 4, .logger = &fixture->log.logger,
  };
  assert_int_equal(store_open(&config, &fixture->store, &fixture->failure), ERR_NONE);
  assert_int_equal(store_reader_open(fixture->store, &fixture->view.reader, &fixture->failure), ERR_NONE);
  assert_true(layers_try_init(&fixture->layers));
  fixture->records = fixture->layers.active;
  fixture->view.layers = &fixture->layers;
  fixture->findings = (struct findings){ .tell = tell, .context = fixture };
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  buf_done(&fixture->told);
  layers_done(&fixture->layers);
  store_reader_close(fixture->view.reader);
  store_close(fixture->store);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

/* ---- records --------------------------------------------------------------------------------------------- */

static void begin(struct buf *key, uint64_t id, char space) {
  buf_clear(key);
  buf_put_u64(key, id);
  buf_put_byte(key, (uint8_t)space);
}

static void put(struct fixture *fixture, const struct buf *key, const struct buf *value) {
  assert_true(memtable_try_put(fixture->records, buf_slice(key), buf_slice(value)));
}

static void put_index(struct fixture *fixture, const char *name, uint64_t id) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 };
  key_put_string(&actor_key, slice_text(name));
  begin(&key, 0, 'a');
  router_put_address(&key, slice_text("Counter"), buf_slice(&actor_key));
  buf_put_u64(&value, id);
  put(fixture, &key, &value);
  buf_done(&actor_key);
  buf_done(&value);
  buf_done(&key);
}

static void put_own(struct fixture *fixture, uint64_t id, const char *name) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 };
  key_put_string(&actor_key, slice_text(name));
  begin(&key, id, 'm');
  value_put_map(&value, 2);
  value_put_string(&value, slice_text("class"));
  value_put_string(&value, slice_text("Counter"));
  value_put_string(&value, slice_text("key"));
  value_put_string(&value, buf_slice(&actor_key));
  put(fixture, &key, &value);
  buf_done(&actor_key);
  buf_done(&value);
  buf_done(&key);
}

/* A field of a node, or with the name 0 its header; the value names a node, or is a number where that is 0. */
static void put_state(struct fixture *fixture, uint64_t id, uint64_t node, int64_t name, uint64_t named) {
  struct buf key = { 0 }, value = { 0 };
  begin(&key, id, 's');
  buf_put_u64(&key, node);
  if (name != 0) key_put_integer(&key, name);
  if (named != 0) {
    value_put_node(&value, named);
  } else {
    value_put_integer(&value, 7);
  }
  put(fixture, &key, &value);
  buf_done(&value);
  buf_done(&key);
}

static void put_raw(struct fixture *fixture, uint64_t id, char space, struct slice rest, struct slice bytes) {
  struct buf key = { 0 }, value = { 0 };
  begin(&key, id, space);
  buf_put(&key, rest);
  buf_put(&value, bytes);
  put(fixture, &key, &value);
  buf_done(&value);
  buf_done(&key);
}

static void put_entry(struct fixture *fixture, uint64_t id, const char *name, struct slice bytes) {
  struct buf rest = { 0 };
  key_put_string(&rest, slice_text(name));
  put_raw(fixture, id, 'k', buf_slice(&rest), bytes);
  buf_done(&rest);
}

/* Both records of an idempotency key, or one of them. */
static void put_idempotency(struct fixture *fixture, uint64_t id, const char *name, bool by_name, bool by_time) {
  struct buf rest = { 0 }, value = { 0 };
  key_put_string(&rest, slice_text(name));
  value_put_array(&value, 3);
  value_put_integer(&value, 1000);
  value_put_string(&value, slice_text("0123456789abcdef"));
  value_put_null(&value);
  if (by_name) put_raw(fixture, id, 'i', buf_slice(&rest), buf_slice(&value));
  buf_clear(&rest);
  key_put_integer(&rest, 1000);
  key_put_string(&rest, slice_text(name));
  if (by_time) put_raw(fixture, id, 'i', buf_slice(&rest), slice_of(NULL, 0));
  buf_done(&value);
  buf_done(&rest);
}

/* An actor with everything that one can have. */
static void put_actor(struct fixture *fixture, uint64_t id, const char *name) {
  static const uint8_t bytes[] = { 0xc1, 0xff, 0xc1 };
  put_index(fixture, name, id);
  put_own(fixture, id, name);
  put_state(fixture, id, 0, 1, 3);
  put_state(fixture, id, 3, 0, 0);
  put_state(fixture, id, 3, 5, 9);
  put_state(fixture, id, 3, 6, 0);
  put_state(fixture, id, 9, 0, 0);
  put_entry(fixture, id, "number", slice_text("\x07"));
  put_entry(fixture, id, "bytes", slice_of(bytes, sizeof bytes));
  put_idempotency(fixture, id, "order-7", true, true);
  put_raw(fixture, id, 'v', slice_of(NULL, 0), slice_text("\x02"));
}

/* ---- the tests ------------------------------------------------------------------------------------------- */

static void audit(struct fixture *fixture, size_t count, const char *sentence) {
  assert_int_equal(audit_records(&fixture->view, &fixture->findings, &fixture->report), ERR_NONE);
  buf_put_byte(&fixture->told, 0);
  if (fixture->findings.count != count || strstr((char *)fixture->told.data, sentence) == NULL) {
    fail_msg("%zu findings:\n%s", fixture->findings.count, (char *)fixture->told.data);
  }
}

static void whole_actors_make_sense(void **state) {
  struct fixture *fixture = *state;
  uint64_t number = htobe64(5);
  put_actor(fixture, 1, "ann");
  put_actor(fixture, 2, "bob");
  put_index(fixture, "eve", 4);
  put_own(fixture, 4, "eve");
  put_raw(fixture, 4, 'v', slice_of(NULL, 0), slice_text("\x03"));      /* of a class without a state */
  put_raw(fixture, 0, 'c', slice_of(NULL, 0), slice_of(&number, sizeof number));
  audit(fixture, 0, "");
  assert_int_equal(fixture->report.actors, 3);
  assert_int_equal(fixture->report.states, 2);
  assert_int_equal(fixture->report.entries, 4);
}

static void no_records_make_sense(void **state) {
  audit(*state, 0, "");
}

static void an_actor_without_its_own_record_is_told(void **state) {
  struct fixture *fixture = *state;
  put_entry(fixture, 3, "a", slice_text("\x07"));
  audit(fixture, 1, "actor 3 has records, and none of itself");
}

static void an_actor_that_the_index_does_not_lead_to_is_told(void **state) {
  struct fixture *fixture = *state;
  put_own(fixture, 3, "ann");
  audit(fixture, 2, "actor 3, its own record: the index does not lead to this actor");
}

static void an_address_that_leads_to_another_actor_is_told(void **state) {
  struct fixture *fixture = *state;
  put_index(fixture, "ann", 4);
  put_own(fixture, 3, "ann");
  audit(fixture, 1, "actor 3, its own record: the index does not lead to this actor");
}

static void an_address_that_leads_nowhere_is_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_index(fixture, "bob", 2);
  audit(fixture, 1, "the index leads to 2 actors, and there are 1");
}

static void nodes_that_are_not_there_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_state(fixture, 1, 3, 7, 11);
  audit(fixture, 1, "actor 1, state: its fields lead to 3 nodes, and 2 are there");
}

static void nodes_that_no_field_leads_to_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_state(fixture, 1, 11, 0, 0);
  audit(fixture, 1, "actor 1, state: its fields lead to 2 nodes, and 3 are there");
}

static void fields_without_their_node_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_state(fixture, 1, 4, 1, 0);
  audit(fixture, 1, "actor 1, state, node 4 [1]: its node has no record of itself");
}

static void values_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_entry(fixture, 1, "cut", slice_text("\x92\x01"));
  put_entry(fixture, 1, "more", slice_text("\x01\x01"));
  put_entry(fixture, 1, "none", slice_of(NULL, 0));
  put_entry(fixture, 1, "node", slice_of("\xd7\x02\0\0\0\0\0\0\0\1", 10));
  audit(fixture, 4, "actor 1, kv \"cut\": its value cannot be read");
}

static void keys_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_raw(fixture, 1, 'k', slice_text("\x01" "abc"), slice_text("\x07"));
  audit(fixture, 1, "actor 1, kv 01616263: its key cannot be read");
}

static void idempotency_keys_by_name_alone_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_idempotency(fixture, 1, "order-8", true, false);
  audit(fixture, 1, "actor 1, idempotency key \"order-8\": it stands by its name or by its time alone");
}

static void idempotency_keys_by_time_alone_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_idempotency(fixture, 1, "order-8", false, true);
  audit(fixture, 1, "actor 1, idempotency key [1000,\"order-8\"]: it stands by its name or by its time alone");
}

static void records_that_no_host_makes_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, 1, "ann");
  put_raw(fixture, 1, 'q', slice_of(NULL, 0), slice_text("\x07"));
  put_raw(fixture, 0, 'z', slice_of(NULL, 0), slice_text("\x07"));
  put_raw(fixture, 1, 'v', slice_of(NULL, 0), slice_text("\x01"));
  assert_true(memtable_try_put(fixture->records, slice_text("short"), slice_text("")));
  audit(fixture, 4, "actor 1, space 71: no host makes such a record");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST(whole_actors_make_sense), TEST(no_records_make_sense), TEST(an_actor_without_its_own_record_is_told),
    TEST(an_actor_that_the_index_does_not_lead_to_is_told), TEST(an_address_that_leads_to_another_actor_is_told),
    TEST(an_address_that_leads_nowhere_is_told), TEST(nodes_that_are_not_there_are_told),
    TEST(nodes_that_no_field_leads_to_are_told), TEST(fields_without_their_node_are_told),
    TEST(values_that_cannot_be_read_are_told), TEST(keys_that_cannot_be_read_are_told),
    TEST(idempotency_keys_by_name_alone_are_told), TEST(idempotency_keys_by_time_alone_are_told),
    TEST(records_that_no_host_makes_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
