/* audit_test.c -- records that make sense together, and each way in which they do not. */
#include "view_fixture.h"

#include "base/findings.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/own_record.h"
#include "ledger/record_key.h"
#include "schedule/schedule.h"
#include "stage/audit.h"
#include "stage/mail_record.h"
#include "stage/router.h"
#include "stage/wake_key.h"

struct fixture {
  struct view_fixture base;
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
  view_fixture_begin(&fixture->base);
  fixture->records = fixture->base.layers.active;
  fixture->findings = (struct findings){ .tell = tell, .context = fixture };
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  buf_done(&fixture->told);
  view_fixture_end(&fixture->base);
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

/* The id of the actor with this name that has this counter. */
static uint64_t id_of(const char *name, uint64_t counter) {
  struct buf key = { 0 };
  key_put_string(&key, slice_text(name));
  uint64_t id = record_own_id(router_shard(slice_text("Counter"), buf_slice(&key))) + counter;
  buf_done(&key);
  return id;
}

static uint64_t ann(uint64_t counter) {
  return id_of("ann", counter);
}

static void put_index_in(struct fixture *fixture, uint64_t own_id, const char *name, uint64_t id) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 };
  key_put_string(&actor_key, slice_text(name));
  begin(&key, own_id, 'a');
  router_put_address(&key, slice_text("Counter"), buf_slice(&actor_key));
  buf_put_u64(&value, id);
  put(fixture, &key, &value);
  buf_done(&actor_key);
  buf_done(&value);
  buf_done(&key);
}

static void put_index(struct fixture *fixture, const char *name, uint64_t id) {
  put_index_in(fixture, id_of(name, 0), name, id);
}

/* A message for ann, which waits until then if `due_ms` is not 0, in this shard; or one that was given up. */
static void put_message(struct fixture *fixture, uint64_t own_id, bool is_failed, int64_t due_ms) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 }, address = { 0 };
  const struct mail_place place = { (uint64_t)7 << STAMP_BATCH_SHIFT, id_of("bob", 1) };
  key_put_string(&actor_key, slice_text("ann"));
  router_put_address(&address, slice_text("Counter"), buf_slice(&actor_key));
  const struct mail_record record = {
    .method = slice_text("add"), .args = slice_text("\x90"), .create = true, .sender_class = slice_text("Counter"),
    .sender_key = buf_slice(&actor_key), .due_ms = due_ms, .class_name = slice_text("Counter"), .key = buf_slice(&actor_key),
  };
  if (is_failed) {
    mail_record_put_failed_key(&key, record_shard(own_id), place);
  } else {
    mail_record_put_key(&key, record_shard(own_id), buf_slice(&address), place);
  }
  mail_record_write(&value, &record, is_failed);
  put(fixture, &key, &value);
  buf_done(&address);
  buf_done(&actor_key);
  buf_done(&value);
  buf_done(&key);
}

static void put_wake(struct fixture *fixture, int64_t due_ms) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 };
  key_put_string(&actor_key, slice_text("ann"));
  wake_key_put(&key, TIMELINE_MAIL, due_ms, slice_text("Counter"), buf_slice(&actor_key), id_of("bob", 1));
  put(fixture, &key, &value);
  buf_done(&actor_key);
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

static void put_connection(struct fixture *fixture, uint64_t id, int64_t connection_id, struct slice bytes) {
  struct buf rest = { 0 };
  key_put_integer(&rest, connection_id);
  put_raw(fixture, id, 'n', buf_slice(&rest), bytes);
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
  put_connection(fixture, id, 1795581214407000001, slice_text("\xa3" "ann"));
  put_raw(fixture, id, 'v', slice_of(NULL, 0), slice_text("\x02"));
}

/* ---- the tests ------------------------------------------------------------------------------------------- */

static void audit(struct fixture *fixture, size_t count, const char *sentence) {
  assert_int_equal(audit_records(&fixture->base.view, &fixture->findings, &fixture->report), ERR_NONE);
  buf_put_byte(&fixture->told, 0);
  if (fixture->findings.count != count || strstr((char *)fixture->told.data, sentence) == NULL) {
    fail_msg("%zu findings:\n%s", fixture->findings.count, (char *)fixture->told.data);
  }
}

static void whole_actors_make_sense(void **state) {
  struct fixture *fixture = *state;
  uint64_t number = htobe64(5);
  put_actor(fixture, ann(1), "ann");
  put_actor(fixture, id_of("bob", 2), "bob");
  put_index(fixture, "eve", id_of("eve", 4));
  put_own(fixture, id_of("eve", 4), "eve");
  put_raw(fixture, id_of("eve", 4), 'v', slice_of(NULL, 0), slice_text("\x03"));      /* of a class without a state */
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
  put_entry(fixture, ann(3), "a", slice_text("\x07"));
  audit(fixture, 1, "/3 has records, and none of itself");
}

static void an_actor_that_the_index_does_not_lead_to_is_told(void **state) {
  struct fixture *fixture = *state;
  put_own(fixture, ann(3), "ann");
  audit(fixture, 2, "/3, its own record: the index does not lead to this actor");
}

static void an_address_that_leads_to_another_actor_is_told(void **state) {
  struct fixture *fixture = *state;
  put_index(fixture, "ann", ann(4));
  put_own(fixture, ann(3), "ann");
  audit(fixture, 1, "/3, its own record: the index does not lead to this actor");
}

static void an_address_that_leads_nowhere_is_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_index(fixture, "bob", id_of("bob", 2));
  audit(fixture, 1, "the index leads to 2 actors, and there are 1");
}

static void nodes_that_are_not_there_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_state(fixture, ann(1), 3, 7, 11);
  audit(fixture, 1, "/1, state: its fields lead to 3 nodes, and 2 are there");
}

static void nodes_that_no_field_leads_to_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_state(fixture, ann(1), 11, 0, 0);
  audit(fixture, 1, "/1, state: its fields lead to 2 nodes, and 3 are there");
}

static void fields_without_their_node_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_state(fixture, ann(1), 4, 1, 0);
  audit(fixture, 1, "/1, state, node 4 [1]: its node has no record of itself");
}

static void values_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_entry(fixture, ann(1), "cut", slice_text("\x92\x01"));
  put_entry(fixture, ann(1), "more", slice_text("\x01\x01"));
  put_entry(fixture, ann(1), "none", slice_of(NULL, 0));
  put_entry(fixture, ann(1), "node", slice_of("\xd7\x02\0\0\0\0\0\0\0\1", 10));
  audit(fixture, 4, "/1, kv \"cut\": its value cannot be read");
}

static void keys_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_raw(fixture, ann(1), 'k', slice_text("\x01" "abc"), slice_text("\x07"));
  audit(fixture, 1, "/1, kv 01616263: its key cannot be read");
}

static void states_of_connections_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_connection(fixture, ann(1), 5, slice_text("\x92\x01"));
  audit(fixture, 1, "/1, state of connection [5]: its value cannot be read");
}

static void states_of_connections_that_are_none_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_raw(fixture, ann(1), 'n', slice_text("\x01" "x\0"), slice_text("\x07"));
  put_raw(fixture, ann(1), 'n', slice_of(NULL, 0), slice_text("\x07"));
  put_connection(fixture, ann(1), 0, slice_text("\x07"));
  audit(fixture, 3, "/1, state of connection: its key is not the id of a connection");
}

static void idempotency_keys_by_name_alone_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_idempotency(fixture, ann(1), "order-8", true, false);
  audit(fixture, 1, "/1, idempotency key \"order-8\": it stands by its name or by its time alone");
}

static void idempotency_keys_by_time_alone_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_idempotency(fixture, ann(1), "order-8", false, true);
  audit(fixture, 1, "/1, idempotency key [1000,\"order-8\"]: it stands by its name or by its time alone");
}

static void records_that_no_host_makes_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_raw(fixture, ann(1), 'q', slice_text("\x26"), slice_text("\x07"));      /* a space of shards */
  put_raw(fixture, ann(1), 'z', slice_of(NULL, 0), slice_text("\x07"));
  put_raw(fixture, 0, 'z', slice_of(NULL, 0), slice_text("\x07"));
  put_raw(fixture, record_own_id(7), 'k', slice_text("\x26"), slice_text("\x07"));
  put_raw(fixture, record_own_id(7), 'c', slice_of(NULL, 0), slice_text("12345678"));
  put_raw(fixture, record_own_id(7), 'h', slice_of(NULL, 0), slice_text("\x07"));
  put_raw(fixture, ann(1), 'v', slice_of(NULL, 0), slice_text("\x01"));
  assert_true(memtable_try_put(fixture->records, slice_text("short"), slice_text("")));
  audit(fixture, 8, "/1, space 71 [false]: no host makes such a record");
}

/* How the host's clocks stand, in so many bytes, of which the first is this. */
static void put_clocks(struct fixture *fixture, size_t size, uint8_t first) {
  uint8_t bytes[24] = { first, 0, 1 };
  put_raw(fixture, 0, 'h', slice_of(NULL, 0), slice_of(bytes, size));
}

static void records_of_time_and_mail_stand_where_they_belong(void **state) {
  struct fixture *fixture = *state;
  put_clocks(fixture, 24, 0);
  audit(fixture, 0, "");
}

static void clocks_that_no_host_has_are_told(void **state) {
  struct fixture *fixture = *state;
  put_clocks(fixture, 16, 0);
  audit(fixture, 1, "the clock of the host: it does not say how the host's clocks stand");
  put_clocks(fixture, 24, 0xff);
  audit(fixture, 2, "the clock of the host: it does not say how the host's clocks stand");
}

static void keys_of_time_and_mail_that_cannot_be_read_are_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_raw(fixture, record_own_id(9), 'd', slice_text("\x01" "abc"), slice_of(NULL, 0));
  put_raw(fixture, record_own_id(9), 'f', slice_of(NULL, 0), slice_of(NULL, 0));
  put_raw(fixture, record_own_id(9), 'q', slice_text("\x01" "abc"), slice_of(NULL, 0));
  put_raw(fixture, ann(1), 'p', slice_text("\x01" "abc"), slice_of(NULL, 0));
  audit(fixture, 4, "shard 9, wake-up 01616263: its key cannot be read");
  assert_non_null(strstr((char *)fixture->told.data, "it is not a message for an actor of this shard"));
}

static void messages_that_wait_make_sense(void **state) {
  struct fixture *fixture = *state;
  put_message(fixture, ann(0), false, 5000);
  put_wake(fixture, 5000);
  audit(fixture, 0, "");
}

static void a_message_that_was_given_up_makes_sense(void **state) {
  struct fixture *fixture = *state;
  put_message(fixture, ann(0), true, 0);
  audit(fixture, 0, "");
}

static void messages_of_another_shard_are_told(void **state) {
  struct fixture *fixture = *state;
  put_message(fixture, ann(0) ^ record_own_id(1), false, 0);
  put_message(fixture, ann(0) ^ record_own_id(1), true, 0);
  audit(fixture, 2, "it is not a message for an actor of this shard");
  assert_non_null(strstr((char *)fixture->told.data, "it is not for an actor of this shard"));
}

static void a_message_that_nothing_wakes_is_told(void **state) {
  struct fixture *fixture = *state;
  put_message(fixture, ann(0), false, 5000);
  put_wake(fixture, 5001);
  audit(fixture, 1, "it waits for another try, and nothing wakes its receiver then");
}

static void a_message_that_was_given_up_and_waits_is_told(void **state) {
  struct fixture *fixture = *state;
  put_message(fixture, ann(0), true, 0);
  put_message(fixture, ann(0), false, 0);
  audit(fixture, 1, "it was given up, and waits all the same");
}

static void an_actor_under_an_id_of_another_shard_is_told(void **state) {
  struct fixture *fixture = *state;
  uint64_t other = ann(1) ^ record_own_id(1);
  put_index(fixture, "ann", other);
  put_own(fixture, other, "ann");
  audit(fixture, 2, "its own record: its address is of another shard than its id");
  assert_non_null(strstr((char *)fixture->told.data, "\"ann\"]: it leads to an actor of another shard"));
}

static void an_address_in_the_index_of_another_shard_is_told(void **state) {
  struct fixture *fixture = *state;
  put_index_in(fixture, ann(0) ^ record_own_id(1), "ann", ann(1));
  put_own(fixture, ann(1), "ann");
  audit(fixture, 2, "[\"Counter\",\"ann\"]: it is an address of another shard");
  assert_non_null(strstr((char *)fixture->told.data, "the index does not lead to this actor"));
}

static void a_shard_that_there_is_not_is_told(void **state) {
  struct fixture *fixture = *state;
  put_raw(fixture, record_own_id(1024), 'd', slice_text("\x26"), slice_of(NULL, 0));
  put_index_in(fixture, record_own_id(1024), "ann", ann(1));
  put_own(fixture, ann(1), "ann");
  audit(fixture, 4, "shard 1024, wake-up [false]: there is no such shard");
}

/* ---- schedules ------------------------------------------------------------------------------------------- */

enum part { PART_RECORD = 1, PART_PLACE = 2, PART_COUNT = 4, PART_WAKE = 8, PART_FAILED = 16 };

static void put_key_value(struct fixture *fixture, struct buf *key, struct buf *value) {
  put(fixture, key, value);
  buf_clear(key);
  buf_clear(value);
}

/* The parts of a schedule of ann's, due at 1000 + its id, and what tells of it elsewhere. */
static void put_schedule(struct fixture *fixture, int64_t id, bool failed, unsigned parts) {
  struct buf key = { 0 }, value = { 0 }, actor_key = { 0 };
  const struct schedule schedule = { .id = id, .timeline = TIMELINE_HOST, .due_ms = 1000 + id, .beat_ms = 1000,
                                     .method = slice_text("work"), .args = slice_text("\x90"), .failed = failed };
  const struct schedule_place place = { .due_ms = 1000 + id, .id = id };
  key_put_string(&actor_key, slice_text("ann"));
  if (parts & PART_RECORD) {
    schedule_put_record_key(&key, ann(1), id);
    schedule_write(&value, &schedule);
    put_key_value(fixture, &key, &value);
  }
  if (parts & PART_PLACE) {
    schedule_put_place_key(&key, ann(1), TIMELINE_HOST, &place);
    put_key_value(fixture, &key, &value);
  }
  if (parts & PART_COUNT) {
    schedule_put_count_key(&key, ann(1));
    value_put_array(&value, 2);
    value_put_integer(&value, id);
    value_put_integer(&value, id);
    put_key_value(fixture, &key, &value);
  }
  if (parts & PART_WAKE) {
    wake_key_put(&key, TIMELINE_HOST, 1000 + id, slice_text("Counter"), buf_slice(&actor_key), 0);
    put_key_value(fixture, &key, &value);
  }
  if (parts & PART_FAILED) {
    schedule_put_failed_key(&key, ann(1), id);
    own_record_put(&value, slice_text("Counter"), buf_slice(&actor_key));
    put_key_value(fixture, &key, &value);
  }
  buf_done(&actor_key);
  buf_done(&value);
  buf_done(&key);
}

enum { PENDING = PART_RECORD | PART_PLACE, FAILED = PART_RECORD | PART_FAILED };

static void schedules_that_agree_make_sense(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_schedule(fixture, 1, false, PENDING | PART_WAKE);
  put_schedule(fixture, 2, true, FAILED);
  put_schedule(fixture, 3, false, PENDING | PART_COUNT);
  audit(fixture, 0, "");
}

/* Of a schedule that is pending, or has failed, something is missing, or something else is there. */
static void schedules_that_do_not_agree_are_told(void **state) {
  static const struct { bool failed; unsigned parts; size_t count; const char *sentence; } cases[] = {
    { false, PART_RECORD | PART_COUNT, 1, "it has no place" },
    { false, PENDING | PART_COUNT, 1, "nothing wakes it for the first of them" },
    { false, PART_PLACE | PART_WAKE, 1, "it is not the place of a schedule" },
    { false, PENDING | PART_WAKE, 1, "they are not as many as is said there" },
    { false, PENDING | PART_WAKE | PART_COUNT | PART_FAILED, 1, "no schedule is there that has failed" },
    { true, PART_RECORD | PART_COUNT, 1, "the list of those that have does not tell of it" },
    { true, PART_FAILED, 1, "no schedule is there that has failed" },
    { true, FAILED | PART_COUNT | PART_WAKE, 1, "it is woken for what is not the first of them" },
    { true, FAILED | PART_COUNT | PART_PLACE | PART_WAKE, 1, "it is not the place of a schedule" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture *fixture = *state;
    put_actor(fixture, ann(1), "ann");
    put_schedule(fixture, 1, cases[i].failed, cases[i].parts);
    audit(fixture, cases[i].count, cases[i].sentence);
    tear_down(state);
    set_up(state);
  }
}

static void an_actor_that_is_woken_twice_is_told(void **state) {
  struct fixture *fixture = *state;
  put_actor(fixture, ann(1), "ann");
  put_schedule(fixture, 1, false, PENDING | PART_WAKE | PART_COUNT);
  put_schedule(fixture, 2, false, PENDING | PART_WAKE | PART_COUNT);
  audit(fixture, 1, "it is woken for what is not the first of them");
}

static void an_actor_that_there_is_not_is_not_woken(void **state) {
  struct fixture *fixture = *state;
  put_schedule(fixture, 1, false, PART_WAKE);
  audit(fixture, 1, "there is no such actor");
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
    TEST(states_of_connections_that_cannot_be_read_are_told), TEST(states_of_connections_that_are_none_are_told),
    TEST(records_that_no_host_makes_are_told), TEST(records_of_time_and_mail_stand_where_they_belong),
    TEST(clocks_that_no_host_has_are_told),
    TEST(keys_of_time_and_mail_that_cannot_be_read_are_told), TEST(messages_that_wait_make_sense),
    TEST(a_message_that_was_given_up_makes_sense), TEST(messages_of_another_shard_are_told),
    TEST(a_message_that_nothing_wakes_is_told), TEST(a_message_that_was_given_up_and_waits_is_told),
    TEST(an_actor_under_an_id_of_another_shard_is_told), TEST(an_address_in_the_index_of_another_shard_is_told),
    TEST(a_shard_that_there_is_not_is_told), TEST(schedules_that_agree_make_sense),
    TEST(schedules_that_do_not_agree_are_told), TEST(an_actor_that_is_woken_twice_is_told),
    TEST(an_actor_that_there_is_not_is_not_woken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
