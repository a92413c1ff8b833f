/* audit.c -- see audit.h. */
#include "stage/audit.h"

#include <inttypes.h>

#include "codec/key.h"
#include "codec/value.h"
#include "ledger/checkpoint_number.h"
#include "ledger/record_key.h"
#include "stage/idempotency.h"
#include "stage/router.h"

enum { ID_SIZE = 8, NODE_SIZE = 8 };

struct audit {
  const struct view *view;
  struct findings *findings;
  struct audit_report *report;
  uint64_t indexed;            /* addresses in the index */
  uint64_t id;                 /* of the actor whose records are being scanned; 0: none yet */
  bool has_own;                /* it has a record of its own */
  bool has_state;
  struct buf named, nodes;     /* of its state: the ids of nodes that fields name, and of nodes that exist */
  struct buf key;              /* of the record being checked */
  struct buf scratch;
};

/* "actor 12, kv "a": what" */
static void add(struct audit *audit, const char *what) {
  struct buf text = { 0 };
  record_key_print(&text, buf_slice(&audit->key));
  findings_add(audit->findings, "records: %.*s: %s", (int)text.size, (const char *)text.data, what);
  buf_done(&text);
}

/* ---- one record ------------------------------------------------------------------------------------------ */

static void check_index(struct audit *audit, struct slice rest, struct slice value) {
  audit->indexed++;
  bool is_address = key_is_valid(rest) && key_part_size(rest) < rest.size;
  if (!is_address || value.size != ID_SIZE || read_u64(value.data) == 0) add(audit, "it is not an address, or leads nowhere");
}

/* Reads an actor's own record: its class and key, as the address in `scratch`. */
static bool read_own(struct audit *audit, struct slice value) {
  struct value_reader reader;
  struct slice class_name = { 0 }, key = { 0 };
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_MAP || reader.count != 2) return false;
  for (int i = 0; i < 2; i++) {
    if (value_next(&reader) != VALUE_STRING) return false;
    struct slice name = reader.text;
    if (value_next(&reader) != VALUE_STRING) return false;
    if (slice_equal(name, slice_text("class"))) class_name = reader.text;
    if (slice_equal(name, slice_text("key"))) key = reader.text;
  }
  if (value_next(&reader) != VALUE_END || class_name.data == NULL || !key_is_valid(key)) return false;
  buf_clear(&audit->scratch);
  record_key_put_head(&audit->scratch, RECORD_HOST_ID, SPACE_INDEX);
  router_put_address(&audit->scratch, class_name, key);
  return true;
}

static enum err check_own(struct audit *audit, struct slice rest, struct slice value) {
  audit->has_own = true;
  audit->report->actors++;
  if (rest.size > 0 || !read_own(audit, value)) {
    add(audit, "it does not say who the actor is");
    return ERR_NONE;
  }
  if (audit->scratch.err != ERR_NONE) return audit->scratch.err;
  enum err err = view_get(audit->view, buf_slice(&audit->scratch), &value);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) return err;
  bool is_led_to = err == ERR_NONE && value.size == ID_SIZE && read_u64(value.data) == audit->id;
  if (!is_led_to) add(audit, "the index does not lead to this actor");
  return ERR_NONE;
}

static void check_state(struct audit *audit, struct slice rest, struct slice value) {
  if (rest.size < NODE_SIZE || (rest.size > NODE_SIZE && !key_is_valid(slice_after(rest, NODE_SIZE)))) {
    add(audit, "it is not a field of a state");
    return;
  }
  uint64_t node = read_u64(rest.data);
  bool is_header = rest.size == NODE_SIZE;
  if (node == 0) audit->has_state = true;
  if (is_header) buf_put(&audit->nodes, slice_of(&node, sizeof node));
  if (!is_header && node != 0) {
    uint64_t last = 0;
    if (audit->nodes.size > 0) memcpy(&last, audit->nodes.data + audit->nodes.size - sizeof last, sizeof last);
    if (last != node) add(audit, "its node has no record of itself");
  }
  if (!value_is_valid(value, &audit->named)) add(audit, "its value cannot be read");
}

static void check_entry(struct audit *audit, struct slice rest, struct slice value) {
  audit->report->entries++;
  bool is_bytes = value.size > 0 && value.data[0] == VALUE_NEVER;
  if (!key_is_valid(rest)) add(audit, "its key cannot be read");
  if (!is_bytes && !value_is_valid(value, NULL)) add(audit, "its value cannot be read");
}

static void check_version(struct audit *audit, struct slice rest, struct slice value) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  bool is_version = rest.size == 0 && value_next(&reader) == VALUE_INTEGER && reader.integer > 1;
  if (!is_version || value_next(&reader) != VALUE_END) add(audit, "it is not the version of an actor");
}

static enum err check_host(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  if (space == SPACE_INDEX) {
    check_index(audit, rest, value);
  } else if (!checkpoint_number_is(buf_slice(&audit->key)) || value.size != sizeof(uint64_t)) {
    add(audit, "no host makes such a record");
  }
  return ERR_NONE;
}

static enum err check_record(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  switch (space) {
    case SPACE_IDEMPOTENCY: {
      enum err err = idempotency_check_record(audit->view, buf_slice(&audit->key), value);
      if (err == ERR_NOT_FOUND) add(audit, "it stands by its name or by its time alone, or cannot be read");
      return err == ERR_NOT_FOUND ? ERR_NONE : err;
    }
    case SPACE_KV: check_entry(audit, rest, value); return ERR_NONE;
    case SPACE_OWN: return check_own(audit, rest, value);
    case SPACE_STATE: check_state(audit, rest, value); return ERR_NONE;
    case SPACE_VERSION: check_version(audit, rest, value); return ERR_NONE;
    default: add(audit, "no host makes such a record"); return ERR_NONE;
  }
}

/* ---- one actor ------------------------------------------------------------------------------------------- */

/* The nodes that fields name are exactly those that exist, each named once. */
static void check_nodes(struct audit *audit) {
  size_t named_count = audit->named.size / sizeof(uint64_t), node_count = audit->nodes.size / sizeof(uint64_t);
  buf_sort_numbers(&audit->named);
  if (slice_equal(buf_slice(&audit->named), buf_slice(&audit->nodes))) return;
  findings_add(audit->findings, "records: actor %" PRIu64 ", state: its fields lead to %zu nodes, and %zu are there, or they "
               "are others", audit->id, named_count, node_count);
}

static enum err end_actor(struct audit *audit) {
  if (audit->id == RECORD_HOST_ID) return ERR_NONE;
  if (!audit->has_own) findings_add(audit->findings, "records: actor %" PRIu64 " has records, and none of itself", audit->id);
  if (audit->has_state) audit->report->states++;
  check_nodes(audit);
  return audit->named.err != ERR_NONE ? audit->named.err : audit->nodes.err;
}

static enum err begin_actor(struct audit *audit, uint64_t id) {
  enum err err = end_actor(audit);
  audit->id = id;
  audit->has_own = audit->has_state = false;
  buf_clear(&audit->named);
  buf_clear(&audit->nodes);
  return err;
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

static enum err take_record(struct audit *audit, struct slice key, struct slice value) {
  buf_clear(&audit->key);
  buf_put(&audit->key, key);
  if (audit->key.err != ERR_NONE) return audit->key.err;
  if (key.size < RECORD_KEY_HEAD) {
    add(audit, "no host makes such a record");
    return ERR_NONE;
  }
  uint64_t id = record_key_id(key);
  enum record_space space = record_key_space(key);
  struct slice rest = slice_after(buf_slice(&audit->key), RECORD_KEY_HEAD);
  enum err err = id != audit->id ? begin_actor(audit, id) : ERR_NONE;
  if (err != ERR_NONE) return err;
  return id == RECORD_HOST_ID ? check_host(audit, space, rest, value) : check_record(audit, space, rest, value);
}

enum err audit_records(const struct view *view, struct findings *findings, struct audit_report *report) {
  struct audit audit = { .view = view, .findings = findings, .report = report };
  struct scan scan;
  struct slice key, value;
  enum err err;
  *report = (struct audit_report){ 0 };
  scan_begin(&scan, view, slice_of(NULL, 0), record_key_behind_all(), false);
  while ((err = scan_next(&scan, &key, &value)) == ERR_NONE) {
    err = take_record(&audit, key, value);
    if (err != ERR_NONE) break;
  }
  if (err == ERR_NOT_FOUND) err = end_actor(&audit);
  if (err == ERR_NONE && audit.indexed != report->actors) {
    findings_add(findings, "records: the index leads to %" PRIu64 " actors, and there are %" PRIu64, audit.indexed,
                 report->actors);
  }
  buf_done(&audit.scratch);
  buf_done(&audit.key);
  buf_done(&audit.nodes);
  buf_done(&audit.named);
  return err;
}
