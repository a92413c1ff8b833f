/* renumbering_test.c -- a data folder of an older format is copied into one of this: the ids are others, and nothing else. */
#include "records.h"

#include <fcntl.h>

#include "base/disk.h"
#include "base/findings.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/backup.h"
#include "ledger/checkpoint_number.h"
#include "ledger/folder.h"
#include "ledger/log.h"
#include "ledger/log_record.h"
#include "ledger/own_record.h"
#include "ledger/record_key.h"
#include "ledger/snapshot.h"
#include "stage/audit.h"
#include "stage/renumbering.h"
#include "stage/router.h"

enum { MAP = 1 << 30, SEGMENT = 1 << 16, REACHED = 6 };

/* What an actor is, with its old id. */
struct who {
  uint64_t id;
  struct slice class_name;
  struct buf key;
};

struct fixture {
  struct scratch scratch;
  struct memory_log log;
  struct failure failure;
  struct chance chance;
  char from[PATH_MAX], to[PATH_MAX];
  struct model old;           /* what the folder is to hold, and what its copy */
  struct model expected;
  struct backup_report report;
};

static int set_up(void **state) {
  struct fixture *fixture = calloc(1, sizeof *fixture);
  scratch_begin(&fixture->scratch);
  memory_log_init(&fixture->log);
  fixture->chance = chance_begin("renumbering");
  snprintf(fixture->from, sizeof fixture->from, "%s/old", fixture->scratch.path);
  snprintf(fixture->to, sizeof fixture->to, "%s/new", fixture->scratch.path);
  *state = fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  model_clear(&fixture->old);
  model_clear(&fixture->expected);
  failure_done(&fixture->failure);
  scratch_end(&fixture->scratch);
  free(fixture);
  return 0;
}

/* ---- records ------------------------------------------------------------------------------------------------- */

static struct who who_of(uint64_t id, const char *class_name, const char *name, int64_t number) {
  struct who who = { .id = id, .class_name = slice_text(class_name) };
  key_put_string(&who.key, slice_text(name));
  if (number != 0) key_put_integer(&who.key, number);
  return who;
}

static uint64_t new_id_of(const struct who *who) {
  return who->id + ((uint64_t)router_shard(who->class_name, buf_slice(&who->key)) << 48);
}

static void put_into(struct model *model, uint64_t id, char space, struct slice rest, struct slice value) {
  struct buf key = { 0 };
  buf_put_u64(&key, id);
  buf_put_byte(&key, (uint8_t)space);
  buf_put(&key, rest);
  model_put(model, buf_slice(&key), value, false);
  buf_done(&key);
}

static void put(struct fixture *fixture, const struct who *who, char space, struct slice rest, struct slice value) {
  put_into(&fixture->old, who->id, space, rest, value);
  put_into(&fixture->expected, new_id_of(who), space, rest, value);
}

static void put_index(struct fixture *fixture, const struct who *who) {
  struct buf address = { 0 }, old_value = { 0 }, value = { 0 };
  router_put_address(&address, who->class_name, buf_slice(&who->key));
  buf_put_u64(&old_value, who->id);
  buf_put_u64(&value, new_id_of(who));
  put_into(&fixture->old, 0, 'a', buf_slice(&address), buf_slice(&old_value));
  put_into(&fixture->expected, new_id_of(who) - who->id, 'a', buf_slice(&address), buf_slice(&value));
  buf_done(&address);
  buf_done(&old_value);
  buf_done(&value);
}

static void put_own(struct fixture *fixture, const struct who *who) {
  struct buf value = { 0 };
  own_record_put(&value, who->class_name, buf_slice(&who->key));
  put(fixture, who, 'm', slice_of(NULL, 0), buf_slice(&value));
  buf_done(&value);
}

/* A kv entry whose key is a text of so many letters and a number. */
static void put_entry(struct fixture *fixture, const struct who *who, size_t letters, int64_t number, struct slice value) {
  struct buf key = { 0 }, text = { 0 };
  while (text.size < letters) buf_put_byte(&text, 'x');
  key_put_string(&key, buf_slice(&text));
  key_put_integer(&key, number);
  put(fixture, who, 'k', buf_slice(&key), value);
  buf_done(&text);
  buf_done(&key);
}

/* A state of two nodes, of which one stands in the other. */
static void put_state(struct fixture *fixture, const struct who *who) {
  struct buf key = { 0 }, value = { 0 };
  buf_put_u64(&key, 0);
  key_put_string(&key, slice_text("node"));
  value_put_node(&value, 7);
  put(fixture, who, 's', buf_slice(&key), buf_slice(&value));
  buf_clear(&key);
  buf_clear(&value);
  buf_put_u64(&key, 7);
  value_put_map(&value, 0);
  put(fixture, who, 's', buf_slice(&key), buf_slice(&value));
  key_put_integer(&key, 3);
  put(fixture, who, 's', buf_slice(&key), slice_text("\x07"));
  buf_done(&value);
  buf_done(&key);
}

/* Both records of an idempotency key. */
static void put_idempotency(struct fixture *fixture, const struct who *who) {
  struct buf key = { 0 }, value = { 0 };
  key_put_string(&key, slice_text("order-7"));
  value_put_array(&value, 3);
  value_put_integer(&value, 1000);
  value_put_string(&value, slice_text("0123456789abcdef"));
  value_put_null(&value);
  put(fixture, who, 'i', buf_slice(&key), buf_slice(&value));
  buf_clear(&key);
  key_put_integer(&key, 1000);
  key_put_string(&key, slice_text("order-7"));
  put(fixture, who, 'i', buf_slice(&key), slice_of(NULL, 0));
  buf_done(&value);
  buf_done(&key);
}

static void put_actor(struct fixture *fixture, const struct who *who) {
  put_index(fixture, who);
  put_own(fixture, who);
  if (chance_below(&fixture->chance, 2) == 0) put_state(fixture, who);
  if (chance_below(&fixture->chance, 3) == 0) put_idempotency(fixture, who);
  if (chance_below(&fixture->chance, 3) == 0) put(fixture, who, 'v', slice_of(NULL, 0), slice_text("\x02"));
  for (size_t i = chance_below(&fixture->chance, 4); i > 0; i--) {
    size_t letters = chance_below(&fixture->chance, 3) == 0 ? 600 * i : i;
    put_entry(fixture, who, letters, (int64_t)chance_below(&fixture->chance, 100), slice_text("\x05"));
  }
}

static void put_actors(struct fixture *fixture, uint64_t count) {
  static const char *const classes[] = { "Counter", "Room", "R" };
  char name[1700];
  uint64_t id = 0;
  for (uint64_t i = 0; i < count; i++) {
    size_t size = chance_below(&fixture->chance, 20) == 0 ? 1600 : 0;      /* a key that the store cuts */
    memset(name, 'n', size);
    snprintf(name + size, 40, "actor %u", (unsigned)i);
    id += 1 + chance_below(&fixture->chance, 3);
    struct who who = who_of(id, classes[chance_below(&fixture->chance, 3)], name,
                            (int64_t)chance_below(&fixture->chance, 3));
    put_actor(fixture, &who);
    buf_done(&who.key);
  }
}

/* ---- the folder ---------------------------------------------------------------------------------------------- */

static const char *path_in(const char *folder, const char *name) {
  static char path[PATH_MAX];
  assert_true(snprintf(path, sizeof path, "%s/%s", folder, name) < PATH_MAX);
  return path;
}

static void write_format(const struct fixture *fixture, const char *format) {
  FILE *file = fopen(path_in(fixture->from, "FORMAT"), "wb");
  assert_non_null(file);
  fprintf(file, "%s\n", format);
  assert_int_equal(fclose(file), 0);
}

static void make_folders(const struct fixture *fixture, const char *format) {
  assert_int_equal(mkdir(fixture->from, 0700), 0);
  assert_int_equal(mkdir(path_in(fixture->from, "store"), 0700), 0);
  write_format(fixture, format);
}

/* Writes to the store what chance decides: a record, an older one, or none. What it does not have as it is to be comes into
 * `tail`; all of it goes to the store without a tail. */
static void write_store(struct fixture *fixture, struct memtable *tail) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", path_in(fixture->from, "store"));
  const struct store_config config = {
    .path = path, .map_bytes = MAP, .readers_max = 4, .logger = &fixture->log.logger,
  };
  struct store *store;
  assert_int_equal(store_open(&config, &store, &fixture->failure), ERR_NONE);
  assert_int_equal(store_begin(store), ERR_NONE);
  for (size_t i = 0; i < fixture->old.count; i++) {
    const struct record *record = &fixture->old.records[i];
    size_t fate = tail == NULL ? 0 : chance_below(&fixture->chance, 4);
    struct slice value = fate == 1 ? slice_text("\x09") : record->value;
    if (fate < 2) assert_int_equal(store_put(store, record->key, value), ERR_NONE);
    if (fate > 0) assert_true(memtable_try_put(tail, record->key, record->value));
  }
  if (tail != NULL) {
    struct slice doomed = slice_of("\0\0\0\0\0\0\0\1k\1doomed\0", 17), to = slice_of("\0\0\0\0\0\0\0\1k\1doon\0", 15);
    assert_int_equal(store_put(store, doomed, slice_text("\x07")), ERR_NONE);
    assert_true(memtable_try_delete_range(tail, doomed, to));
    assert_int_equal(checkpoint_number_put(store, REACHED), ERR_NONE);
  }
  assert_int_equal(store_commit(store), ERR_NONE);
  store_close(store);
}

static void write_log(struct fixture *fixture, const struct memtable *tail) {
  assert_int_equal(mkdir(path_in(fixture->from, "log"), 0700), 0);
  const struct log_config config = {
    .path = path_in(fixture->from, "log"), .segment_bytes = SEGMENT, .logger = &fixture->log.logger,
  };
  struct log *log;
  struct buf batch = { 0 };
  assert_int_equal(log_open(&config, REACHED, NULL, &log, &fixture->failure), ERR_NONE);
  for (int i = 0; i < LOG_RECORD_HEAD; i++) buf_put_byte(&batch, 0);
  changes_put_all(&batch, tail);
  assert_int_equal(log_append(log, &batch), ERR_NONE);
  log_close(log);
  buf_done(&batch);
}

/* With a part of the records in the log alone. */
static void make_format_2(struct fixture *fixture) {
  struct memtable *tail = memtable_try_new();
  make_folders(fixture, "troupe 2");
  write_store(fixture, tail);
  write_log(fixture, tail);
  memtable_free(tail);
}

static void make_format_1(struct fixture *fixture) {
  make_folders(fixture, "troupe 1");
  write_store(fixture, NULL);
}

static enum err back_up(struct fixture *fixture) {
  return backup_make(fixture->from, fixture->to, MAP, &fixture->log.logger, renumbering_source(), &fixture->report,
                     &fixture->failure);
}

/* ---- what came of it ------------------------------------------------------------------------------------------- */

static void tell(void *context, const char *sentence) {
  (void)context;
  print_error("%s\n", sentence);
}

/* The copy holds what it is to hold, and the number of its last batch; it makes sense. */
static void assert_copied(struct fixture *fixture, uint64_t batch) {
  struct snapshot *snapshot;
  struct scan scan;
  struct slice key, value;
  struct findings findings = { .tell = tell };
  struct audit_report report;
  uint8_t number[8];
  enum err err = back_up(fixture);
  if (err != ERR_NONE) fail_msg("%.*s", (int)fixture->failure.message.size, (const char *)fixture->failure.message.data);
  assert_true(fixture->report.is_upgraded);
  assert_int_equal(fixture->report.batch, batch);
  assert_int_equal(fixture->report.records, fixture->expected.count);
  write_u64(number, batch);
  put_into(&fixture->expected, 0, 'c', slice_of(NULL, 0), slice_of(number, sizeof number));
  assert_int_equal(snapshot_open(fixture->to, MAP, &fixture->log.logger, &snapshot, &fixture->failure), ERR_NONE);
  assert_false(snapshot_is_old(snapshot));
  scan_begin(&scan, snapshot_view(snapshot), slice_of(NULL, 0), record_key_behind_all(), false);
  for (size_t i = 0; i < fixture->expected.count; i++) {
    assert_int_equal(scan_next(&scan, &key, &value), ERR_NONE);
    assert_slice_equal(key, fixture->expected.records[i].key);
    assert_slice_equal(value, fixture->expected.records[i].value);
  }
  assert_int_equal(scan_next(&scan, &key, &value), ERR_NOT_FOUND);
  assert_int_equal(audit_records(snapshot_view(snapshot), &findings, &report), ERR_NONE);
  assert_int_equal(findings.count, 0);
  snapshot_close(snapshot);
}

static void assert_refused(struct fixture *fixture, const char *why) {
  assert_int_equal(back_up(fixture), ERR_STORAGE);
  struct slice message = buf_slice(&fixture->failure.message);
  if (memmem(message.data, message.size, why, strlen(why)) == NULL) {
    fail_msg("\"%.*s\" does not say \"%s\"", (int)message.size, (const char *)message.data, why);
  }
  assert_int_equal(access(path_in(fixture->to, "FORMAT"), F_OK), -1);
}

/* ---- the tests ------------------------------------------------------------------------------------------------- */

static void all_of_format_2_is_there_under_new_ids(void **state) {
  struct fixture *fixture = *state;
  put_actors(fixture, 3000);
  make_format_2(fixture);
  assert_copied(fixture, REACHED + 1);
}

static void all_of_format_1_is_there_which_had_no_log(void **state) {
  struct fixture *fixture = *state;
  put_actors(fixture, 200);
  make_format_1(fixture);
  assert_copied(fixture, 0);
}

static void a_folder_without_actors_is_copied(void **state) {
  struct fixture *fixture = *state;
  make_format_2(fixture);
  assert_copied(fixture, REACHED + 1);
}

static void the_folder_is_left_as_it_was(void **state) {
  struct fixture *fixture = *state;
  struct folder *folder;
  put_actors(fixture, 20);
  make_format_2(fixture);
  assert_copied(fixture, REACHED + 1);
  assert_int_equal(folder_open(fixture->from, &folder, &fixture->failure), ERR_REQUEST);
  struct slice message = buf_slice(&fixture->failure.message);
  assert_non_null(memmem(message.data, message.size, "`troupe backup ", strlen("`troupe backup ")));
  failure_clear(&fixture->failure);
  assert_int_equal(folder_open(fixture->to, &folder, &fixture->failure), ERR_NONE);
  folder_close(folder);
}

static void an_actor_without_its_own_record_is_named(void **state) {
  struct fixture *fixture = *state;
  struct who ann = who_of(4, "Counter", "ann", 0), bob = who_of(12, "Counter", "bob", 0);
  put_actor(fixture, &ann);
  put_index(fixture, &bob);
  put_entry(fixture, &bob, 3, 1, slice_text("\x05"));
  make_format_2(fixture);
  assert_refused(fixture, "actor 12 has records, and none of itself");
  buf_done(&ann.key);
  buf_done(&bob.key);
}

static void an_own_record_that_says_nothing_is_named(void **state) {
  struct fixture *fixture = *state;
  struct who ann = who_of(4, "Counter", "ann", 0);
  put_index(fixture, &ann);
  put(fixture, &ann, 'm', slice_of(NULL, 0), slice_text("\x80"));
  make_format_2(fixture);
  assert_refused(fixture, "actor 4 has a record of its own that does not say who it is");
  buf_done(&ann.key);
}

static void an_actor_that_the_index_does_not_lead_to_is_named(void **state) {
  struct fixture *fixture = *state;
  struct who ann = who_of(4, "Counter", "ann", 0), other = who_of(5, "Counter", "ann", 0);
  put_index(fixture, &other);
  put_own(fixture, &ann);
  make_format_2(fixture);
  assert_refused(fixture, "actor 4 is not the one that the index leads to from its address");
  buf_done(&ann.key);
  buf_done(&other.key);
}

static void an_index_that_leads_to_more_is_told(void **state) {
  struct fixture *fixture = *state;
  struct who ann = who_of(4, "Counter", "ann", 0), bob = who_of(12, "Counter", "bob", 0);
  put_actor(fixture, &ann);
  put_index(fixture, &bob);
  make_format_2(fixture);
  assert_refused(fixture, "the index leads to 2 actors, and there are 1");
  buf_done(&ann.key);
  buf_done(&bob.key);
}

static void records_that_no_host_made_are_told(void **state) {
  struct fixture *fixture = *state;
  put_into(&fixture->old, 0, 'x', slice_of(NULL, 0), slice_text("1"));
  make_format_2(fixture);
  assert_refused(fixture, "no host has made one of those of the host itself");
}

static void an_id_that_no_host_gave_is_told(void **state) {
  struct fixture *fixture = *state;
  put_into(&fixture->old, record_own_id(3) + 1, 'k', slice_text("\x27"), slice_text("\x05"));
  make_format_2(fixture);
  assert_refused(fixture, "no host has made the last one");
}

static void a_damaged_record_is_not_passed_on(void **state) {
  struct fixture *fixture = *state;
  struct who ann = who_of(4, "Counter", "ann", 0);
  struct buf value = { 0 };
  put_index(fixture, &ann);
  put_own(fixture, &ann);
  value_put_string(&value, slice_text("a note of ann"));
  put_entry(fixture, &ann, 3, 1, buf_slice(&value));
  make_format_1(fixture);
  scratch_damage(&fixture->scratch, "old/store/data.mdb", slice_text("a note of ann"), 4);
  assert_refused(fixture, "a record cannot be read; the line before names it");
  assert_non_null(strstr(fixture->log.last, "actor 0/4, kv"));
  buf_done(&value);
  buf_done(&ann.key);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
    TEST(all_of_format_2_is_there_under_new_ids), TEST(all_of_format_1_is_there_which_had_no_log),
    TEST(a_folder_without_actors_is_copied), TEST(the_folder_is_left_as_it_was),
    TEST(an_actor_without_its_own_record_is_named), TEST(an_own_record_that_says_nothing_is_named),
    TEST(an_actor_that_the_index_does_not_lead_to_is_named), TEST(an_index_that_leads_to_more_is_told),
    TEST(records_that_no_host_made_are_told), TEST(an_id_that_no_host_gave_is_told),
    TEST(a_damaged_record_is_not_passed_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
