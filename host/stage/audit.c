/* audit.c -- see audit.h. */
#include "stage/audit.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/key.h"
#include "codec/value.h"
#include "ledger/clock_record.h"
#include "ledger/own_record.h"
#include "ledger/record_key.h"
#include "stage/failed_id.h"
#include "stage/idempotency.h"
#include "stage/mail_audit.h"
#include "stage/router.h"
#include "stage/schedule_audit.h"

enum { ID_SIZE = 8, NODE_SIZE = 8 };

struct audit {
  const struct view *view;
  struct findings *findings;
  struct audit_report *report;
  uint64_t indexed;            /* addresses in the index */
  uint64_t id;                 /* whose records are being scanned: an actor's, or a shard's own */
  bool has_own;                /* it has a record of its own */
  bool has_state;
  struct buf named, nodes;     /* of its state: the ids of nodes that fields name, and of nodes that exist */
  struct buf key;              /* of the record being checked */
  struct buf scratch;
  struct schedule_audit schedules;
};

/* "actor 803/12, kv "a": what" */
static void add(struct audit *audit, const char *what) {
  struct buf text = { 0 };
  record_key_print(&text, buf_slice(&audit->key));
  findings_add(audit->findings, "records: %.*s: %s", (int)text.size, (const char *)text.data, what);
  buf_done(&text);
}

/* ---- one record ------------------------------------------------------------------------------------------ */

static void check_index(struct audit *audit, struct slice rest, struct slice value) {
  audit->indexed++;
  if (!router_is_address(rest) || value.size != ID_SIZE || record_is_own(read_u64(value.data))) {
    add(audit, "it is not an address, or leads nowhere");
  } else if (router_shard_of(rest) != record_shard(audit->id)) {
    add(audit, "it is an address of another shard");
  } else if (record_shard(read_u64(value.data)) != record_shard(audit->id)) {
    add(audit, "it leads to an actor of another shard");
  }
}

/* Reads an actor's own record: its place in the index, as a record key in `scratch`. */
static bool read_own(struct audit *audit, struct slice value) {
  struct buf *place = &audit->scratch;
  buf_clear(place);
  record_key_put_head(place, RECORD_HOST_ID, SPACE_INDEX);
  struct slice class_name, actor_key;
  if (!own_record_read(value, &class_name, &actor_key)) return false;
  router_put_address(place, class_name, actor_key);
  if (place->err != ERR_NONE) return true;
  unsigned shard = router_shard_of(slice_after(buf_slice(place), RECORD_KEY_HEAD));
  record_key_write_head(place->data, record_own_id(shard), SPACE_INDEX);
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
  if (record_shard(record_key_id(buf_slice(&audit->scratch))) != record_shard(audit->id)) {
    add(audit, "its address is of another shard than its id");
  }
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

static void check_key(struct audit *audit, struct slice rest) {
  if (!key_is_valid(rest)) add(audit, "its key cannot be read");
}

static void check_entry(struct audit *audit, struct slice rest, struct slice value) {
  audit->report->entries++;
  bool is_bytes = value.size > 0 && value.data[0] == VALUE_NEVER;
  check_key(audit, rest);
  if (!is_bytes && !value_is_valid(value, NULL)) add(audit, "its value cannot be read");
}

/* Whether bytes are a key of one integer, above 0. */
static bool is_connection_id(struct slice bytes) {
  struct key_reader reader;
  key_reader_init(&reader, bytes);
  bool is_id = key_next(&reader) == KEY_INTEGER && reader.integer > 0 && key_next(&reader) == KEY_END;
  key_reader_done(&reader);
  return is_id;
}

static void check_connection(struct audit *audit, struct slice rest, struct slice value) {
  if (!is_connection_id(rest)) add(audit, "its key is not the id of a connection");
  if (!value_is_valid(value, NULL)) add(audit, "its value cannot be read");
}

static void check_version(struct audit *audit, struct slice rest, struct slice value) {
  struct value_reader reader;
  value_reader_init(&reader, value);
  bool is_version = rest.size == 0 && value_next(&reader) == VALUE_INTEGER && reader.integer > 1;
  if (!is_version || value_next(&reader) != VALUE_END) add(audit, "it is not the version of an actor");
}

static void check_number(struct audit *audit, struct slice rest, struct slice value) {
  if (rest.size > 0 || value.size != sizeof(uint64_t)) add(audit, "it is not the number of a batch");
}

static enum err check_of_host(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  if (space == SPACE_CHECKPOINT) {
    check_number(audit, rest, value);
  } else if (rest.size > 0 || !clock_record_is_valid(value)) {
    add(audit, "it does not say how the host's clocks stand");
  }
  return ERR_NONE;
}

static enum err check_mail(struct audit *audit, struct slice value) {
  const char *complaint;
  enum err err = mail_audit_waiting(audit->view, buf_slice(&audit->key), value, &complaint);
  if (err == ERR_NONE && complaint != NULL) add(audit, complaint);
  return err;
}

static enum err check_failed(struct audit *audit, struct slice value) {
  struct failed_id id;
  enum err err = ERR_NONE;
  const char *complaint = "its key cannot be read";
  bool is_read = failed_id_read_key(buf_slice(&audit->key), &id);
  if (is_read && id.kind == FAILED_MESSAGE) {
    err = mail_audit_failed(audit->view, &id, value, &complaint);
  } else if (is_read) {
    complaint = schedule_audit_failed(&audit->schedules, &id, value, &err);
  }
  if (err == ERR_NONE && complaint != NULL) add(audit, complaint);
  return err;
}

static enum err check_wake(struct audit *audit, struct slice value) {
  enum err err = ERR_NONE;
  const char *complaint = schedule_audit_wake(&audit->schedules, buf_slice(&audit->key), value, &err);
  if (complaint != NULL) add(audit, complaint);
  return err;
}

static enum err check_of_shard(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  switch (space) {
    case SPACE_INDEX: check_index(audit, rest, value); return ERR_NONE;
    case SPACE_WAKE: return check_wake(audit, value);
    case SPACE_FAILED: return check_failed(audit, value);
    case SPACE_MAIL: return check_mail(audit, value);
    default: add(audit, "no host makes such a record"); return ERR_NONE;
  }
}

static enum err check_schedule(struct audit *audit, struct slice value) {
  enum err err = ERR_NONE;
  const char *complaint = schedule_audit_record(&audit->schedules, buf_slice(&audit->key), value, &err);
  if (complaint != NULL) add(audit, complaint);
  return err;
}

static enum err check_of_actor(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  switch (space) {
    case SPACE_IDEMPOTENCY: {
      enum err err = idempotency_check_record(audit->view, buf_slice(&audit->key), value);
      if (err == ERR_NOT_FOUND) add(audit, "it stands by its name or by its time alone, or cannot be read");
      return err == ERR_NOT_FOUND ? ERR_NONE : err;
    }
    case SPACE_KV: check_entry(audit, rest, value); return ERR_NONE;
    case SPACE_OWN: return check_own(audit, rest, value);
    case SPACE_CONNECTION: check_connection(audit, rest, value); return ERR_NONE;
    case SPACE_STATE: check_state(audit, rest, value); return ERR_NONE;
    case SPACE_SCHEDULE: return check_schedule(audit, value);
    case SPACE_VERSION: check_version(audit, rest, value); return ERR_NONE;
    default: add(audit, "no host makes such a record"); return ERR_NONE;
  }
}

static enum err check_record(struct audit *audit, enum record_space space, struct slice rest, struct slice value) {
  bool is_host = audit->id == RECORD_HOST_ID && (space == SPACE_CHECKPOINT || space == SPACE_CLOCK);
  if (is_host) return check_of_host(audit, space, rest, value);
  if (!record_is_own(audit->id)) return check_of_actor(audit, space, rest, value);
  if (record_shard(audit->id) < ROUTER_SHARDS) return check_of_shard(audit, space, rest, value);
  add(audit, "there is no such shard");
  return ERR_NONE;
}

/* ---- one actor ------------------------------------------------------------------------------------------- */

/* "actor 803/12what" */
static void add_of_actor(struct audit *audit, const char *what) {
  struct buf id = { 0 };
  record_print_id(&id, audit->id);
  findings_add(audit->findings, "records: actor %.*s%s", (int)id.size, (const char *)id.data, what);
  buf_done(&id);
}

/* The nodes that fields name are exactly those that exist, each named once. */
static void check_nodes(struct audit *audit) {
  size_t named_count = audit->named.size / sizeof(uint64_t), node_count = audit->nodes.size / sizeof(uint64_t);
  char what[128];
  buf_sort_numbers(&audit->named);
  if (slice_equal(buf_slice(&audit->named), buf_slice(&audit->nodes))) return;
  snprintf(what, sizeof what, ", state: its fields lead to %zu nodes, and %zu are there, or they are others", named_count,
           node_count);
  add_of_actor(audit, what);
}

static enum err end_actor(struct audit *audit) {
  if (record_is_own(audit->id)) return ERR_NONE;
  schedule_audit_end_actor(&audit->schedules, audit->id);
  if (!audit->has_own) add_of_actor(audit, " has records, and none of itself");
  if (audit->has_state) audit->report->states++;
  check_nodes(audit);
  return audit->named.err != ERR_NONE ? audit->named.err : audit->nodes.err;
}

static enum err begin_actor(struct audit *audit, uint64_t id) {
  enum err err = end_actor(audit);
  if (record_shard(id) != record_shard(audit->id)) schedule_audit_end_shard(&audit->schedules);
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
  return check_record(audit, space, rest, value);
}

enum err audit_records(const struct view *view, struct findings *findings, struct audit_report *report) {
  struct audit audit = { .view = view, .findings = findings, .report = report,
                         .schedules = { .view = view, .findings = findings } };
  struct scan scan;
  struct slice key, value;
  enum err err;
  *report = (struct audit_report){ 0 };
  scan_begin(&scan, view, slice_of(NULL, 0), record_key_behind_all(), false);
  while ((err = scan_next(&scan, &key, &value)) == ERR_NONE) {
    err = take_record(&audit, key, value);
    if (err != ERR_NONE) break;
  }
  if (err == ERR_NOT_FOUND) {
    err = end_actor(&audit);
    schedule_audit_end_shard(&audit.schedules);
  }
  schedule_audit_done(&audit.schedules);
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
