/* failed_list.c -- see failed_list.h. */
#include "stage/failed_list.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/json.h"
#include "codec/json_lossless.h"
#include "codec/key.h"
#include "codec/value.h"
#include "ledger/own_record.h"
#include "ledger/record_key.h"
#include "schedule/schedule.h"
#include "stage/failed_id.h"
#include "stage/router.h"

/* A record that was found, by its key. */
struct entry {
  struct buf key;
  struct buf text;             /* as it is shown */
};

struct failed_list {
  struct survey survey;
  struct buf entries;          /* struct entry, one behind the other */
  struct buf behind;           /* the record key behind which the page begins; empty: none */
  struct buf end;              /* up to this record key, and no further, the page is complete; empty: without end */
  bool is_value;               /* in what format it is shown: a value, or else JSON */
};

/* What the records say of one that was given up. */
struct given_up {
  struct failed_id id;
  struct slice class_name, key;
  struct slice method, args;           /* method empty: its record cannot be read */
  struct slice sender_class, sender_key;   /* of a message */
  struct slice error;
  unsigned tries;
  int64_t due_ms;                      /* of the last try */
};

/* A scan of one worker. */
struct looking {
  struct failed_list *list;
  struct view view;
  size_t steps, count, bytes;  /* so far */
  size_t bytes_max;
  struct buf key, value, bytes_of;     /* of the record that was found; of the schedule */
};

static struct failed_list *list_of(struct survey *survey) {
  return (struct failed_list *)(void *)((uint8_t *)survey - offsetof(struct failed_list, survey));
}

/* -- one entry -- */

static void put_args(struct buf *text, struct slice args) {
  if (args.size > FAILED_LIST_ARGS) {
    buf_printf(text, "{\"$unshown\":\"arguments of %zu bytes\"}", args.size);
  } else if (args.size == 0) {
    buf_put_text(text, "[]");
  } else if (!json_lossless_put(text, args)) {
    buf_put_text(text, "{\"$unshown\":\"what cannot be read\"}");
  }
}

static void put_json(struct buf *text, const struct given_up *found) {
  buf_put_text(text, "{\"id\":\"");
  failed_id_print(text, &found->id);
  buf_printf(text, "\",\"kind\":\"%s\",", found->id.kind == FAILED_MESSAGE ? "message" : "schedule");
  json_put_address(text, found->class_name, found->key);
  buf_put_text(text, ",\"method\":");
  if (found->method.size == 0) {
    buf_put_text(text, "null,\"args\":null,\"sender\":null,\"tries\":0,\"error\":\"its record cannot be read\",\"due\":null}");
    return;
  }
  json_put_lossless_string(text, found->method);
  buf_put_text(text, ",\"args\":");
  put_args(text, found->args);
  buf_put_text(text, ",\"sender\":");
  if (found->sender_class.size == 0) {
    buf_put_text(text, "null");
  } else {
    buf_put_byte(text, '{');
    json_put_address(text, found->sender_class, found->sender_key);
    buf_put_byte(text, '}');
  }
  buf_printf(text, ",\"tries\":%u,\"error\":", found->tries);
  json_put_text(text, found->error);
  buf_put_text(text, ",\"due\":");
  json_put_float(text, (double)found->due_ms / 1000);
  buf_put_byte(text, '}');
}

static void put_name(struct buf *text, const char *name) {
  value_put_string(text, slice_text(name));
}

static void put_handle(struct buf *text, const char *name, struct slice class_name, struct slice key) {
  put_name(text, name);
  if (class_name.size == 0) {
    value_put_null(text);
  } else {
    value_put_array(text, 2);
    value_put_string(text, class_name);
    value_put_string(text, key);
  }
}

static void put_value(struct buf *text, const struct given_up *found) {
  struct buf id = { 0 };
  failed_id_print(&id, &found->id);
  if (id.err != ERR_NONE) text->err = id.err;
  value_put_map(text, 9);
  put_name(text, "id");
  value_put_string(text, buf_slice(&id));
  put_name(text, "kind");
  put_name(text, found->id.kind == FAILED_MESSAGE ? "message" : "schedule");
  put_handle(text, "actor", found->class_name, found->key);
  put_handle(text, "sender", found->sender_class, found->sender_key);
  put_name(text, "method");
  value_put_string(text, found->method);
  put_name(text, "args");
  value_put_string(text, found->args);
  put_name(text, "tries");
  value_put_integer(text, found->tries);
  put_name(text, "error");
  value_put_string(text, found->error);
  put_name(text, "due");
  value_put_float(text, (double)found->due_ms / 1000);
  buf_done(&id);
}

/* -- the records -- */

/* Reads the schedule of which a record of SPACE_FAILED tells. */
static enum err read_schedule(struct looking *looking, struct given_up *found) {
  struct schedule schedule;
  if (!own_record_read(buf_slice(&looking->value), &found->class_name, &found->key)) return ERR_STORAGE;
  enum err err = schedule_find(&looking->view, found->id.actor_id, found->id.schedule, &looking->bytes_of, &schedule);
  if (err == ERR_NOT_FOUND) return ERR_NONE;                 /* damage: it is shown, so that it can be dropped */
  if (err != ERR_NONE) return err;
  found->method = schedule.method;
  found->args = schedule.args;
  found->error = schedule.error;
  found->tries = schedule.tries;
  found->due_ms = schedule.due_ms;
  return ERR_NONE;
}

static enum err read_message(const struct looking *looking, struct given_up *found) {
  struct mail_record record;
  if (!mail_record_read(buf_slice(&looking->value), true, &record)) return ERR_STORAGE;
  found->class_name = record.class_name;
  found->key = record.key;
  found->method = record.method;
  found->args = record.args;
  found->sender_class = record.sender_class;
  found->sender_key = record.sender_key;
  found->error = record.error;
  found->tries = record.tries;
  found->due_ms = record.due_ms;
  return ERR_NONE;
}

static enum err add_record(struct looking *looking) {
  struct failed_list *list = looking->list;
  struct given_up found = { 0 };
  struct entry entry = { 0 };
  if (!failed_id_read_key(buf_slice(&looking->key), &found.id)) return ERR_STORAGE;
  enum err err = found.id.kind == FAILED_SCHEDULE ? read_schedule(looking, &found) : read_message(looking, &found);
  if (err != ERR_NONE) return err;
  if (list->is_value) {
    put_value(&entry.text, &found);
  } else {
    put_json(&entry.text, &found);
  }
  looking->count++;
  looking->bytes += entry.text.size;
  err = entry.text.err;
  buf_move(&entry.key, &looking->key);
  if (err == ERR_NONE) buf_put(&list->entries, slice_of(&entry, sizeof entry));
  if (err == ERR_NONE) err = list->entries.err;
  if (err == ERR_NONE) return ERR_NONE;
  buf_done(&entry.text);
  buf_done(&entry.key);
  return err;
}

/* -- one worker -- */

/* The page ends here, unless it ends before: this worker has looked no further. */
static void end_at(struct failed_list *list, struct slice key) {
  if (list->end.size > 0 && slice_compare(buf_slice(&list->end), key) <= 0) return;
  buf_clear(&list->end);
  buf_put(&list->end, key);
}

static bool has_enough(const struct looking *looking) {
  return looking->count > looking->list->survey.request->limit || looking->bytes >= looking->bytes_max ||
         looking->steps >= FAILED_LIST_STEPS;
}

/* Looks at the records of a shard. ERR_NOT_FOUND: that was all. ERR_NONE: the worker has looked at enough. */
static enum err look_at(struct looking *looking, unsigned shard) {
  struct failed_list *list = looking->list;
  struct buf from = { 0 }, to = { 0 };
  struct slice key, value;
  struct scan scan;
  bool found;
  record_key_put_head(&from, record_own_id(shard), SPACE_FAILED);
  record_key_put_head(&to, record_own_id(shard), SPACE_FAILED + 1);
  if (slice_compare(buf_slice(&list->behind), buf_slice(&from)) > 0) {
    buf_clear(&from);
    buf_put(&from, buf_slice(&list->behind));
    buf_put_byte(&from, 0);
  }
  enum err err = from.err != ERR_NONE || to.err != ERR_NONE ? ERR_MEMORY : ERR_NONE;
  if (err == ERR_NONE) scan_begin(&scan, &looking->view, buf_slice(&from), buf_slice(&to), false);
  while (err == ERR_NONE && (err = scan_step(&scan, &key, &value, &found)) == ERR_NONE) {
    looking->steps++;
    buf_clear(&looking->key);
    buf_put(&looking->key, key);
    bool ends = looking->steps >= FAILED_LIST_STEPS;
    if (ends) end_at(list, key);
    if (!found && ends) break;
    if (!found) continue;
    buf_clear(&looking->value);
    buf_put(&looking->value, value);
    err = looking->key.err != ERR_NONE ? looking->key.err : looking->value.err;
    if (err == ERR_NONE) err = add_record(looking);
    if (err == ERR_NONE && has_enough(looking)) {
      struct entry *entries = (struct entry *)(void *)list->entries.data;
      end_at(list, buf_slice(&entries[list->entries.size / sizeof *entries - 1].key));
      break;
    }
  }
  buf_done(&to);
  buf_done(&from);
  return err;
}

static enum err add_worker(struct survey *survey, const struct survey_place *place, struct failure *failure) {
  struct failed_list *list = list_of(survey);
  struct looking looking = {
    .list = list, .view = records_view(place->records, NULL), .bytes_max = FAILED_LIST_BYTES / place->workers,
  };
  enum err err = ERR_NOT_FOUND;
  for (unsigned shard = place->worker; shard < ROUTER_SHARDS && err == ERR_NOT_FOUND; shard += place->workers) {
    if (shard >= survey->request->failed.shard) err = look_at(&looking, shard);
  }
  survey->seen = records_ticket(place->records) > survey->seen ? records_ticket(place->records) : survey->seen;
  buf_done(&looking.bytes_of);
  buf_done(&looking.value);
  buf_done(&looking.key);
  if (err == ERR_NOT_FOUND || err == ERR_NONE) return ERR_NONE;
  if (err == ERR_MEMORY) return failure_set(failure, ERR_MEMORY, "no memory for a list of what was given up");
  return failure_set(failure, err, "what was given up cannot be read; troupe verify tells more");
}

/* -- the page -- */

static int compare(const void *a, const void *b) {
  const struct entry *one = a, *other = b;
  return slice_compare(buf_slice(&one->key), buf_slice(&other->key));
}

/* How many of the sorted entries the page has, and the record key behind which the next one begins: empty if there is none. */
static size_t cut(const struct failed_list *list, const struct entry *entries, size_t count, struct slice *next) {
  struct slice end = buf_slice(&list->end);
  size_t limit = list->survey.request->limit;
  while (end.size > 0 && count > 0 && slice_compare(buf_slice(&entries[count - 1].key), end) > 0) count--;
  *next = end;
  if (count <= limit) return count;
  *next = buf_slice(&entries[limit - 1].key);
  return limit;
}

static void put_page(struct buf *text, const struct entry *entries, size_t count, struct slice next_id) {
  buf_put_text(text, "{\"failed\":[");
  for (size_t i = 0; i < count; i++) {
    if (i > 0) buf_put_byte(text, ',');
    buf_put(text, buf_slice(&entries[i].text));
  }
  buf_put_text(text, "],\"next\":");
  if (next_id.size == 0) {
    buf_put_text(text, "null}");
  } else {
    json_put_text(text, next_id);
    buf_put_byte(text, '}');
  }
}

static void put_page_value(struct buf *text, const struct entry *entries, size_t count, struct slice next_id) {
  value_put_map(text, 2);
  put_name(text, "failed");
  value_put_array(text, (uint32_t)count);
  for (size_t i = 0; i < count; i++) buf_put(text, buf_slice(&entries[i].text));
  put_name(text, "next");
  if (next_id.size == 0) {
    value_put_null(text);
  } else {
    value_put_string(text, next_id);
  }
}

static enum err put(struct survey *survey, struct buf *text, struct failure *failure) {
  struct failed_list *list = list_of(survey);
  struct entry *entries = (struct entry *)(void *)list->entries.data;
  size_t count = list->entries.size / sizeof *entries;
  struct buf next_id = { 0 };
  struct failed_id id;
  struct slice next;
  if (count > 0) qsort(entries, count, sizeof *entries, compare);
  count = cut(list, entries, count, &next);
  if (next.size > 0 && failed_id_read_key(next, &id)) failed_id_print(&next_id, &id);
  if (list->is_value) {
    put_page_value(text, entries, count, buf_slice(&next_id));
  } else {
    put_page(text, entries, count, buf_slice(&next_id));
  }
  bool fine = next_id.err == ERR_NONE && list->end.err == ERR_NONE && text->err == ERR_NONE;
  buf_done(&next_id);
  return fine ? ERR_NONE : failure_set(failure, ERR_MEMORY, "no memory for a list of what was given up");
}

static void list_free(struct survey *survey) {
  struct failed_list *list = list_of(survey);
  struct entry *entries = (struct entry *)(void *)list->entries.data;
  for (size_t i = 0; i < list->entries.size / sizeof *entries; i++) {
    buf_done(&entries[i].key);
    buf_done(&entries[i].text);
  }
  buf_done(&list->entries);
  buf_done(&list->behind);
  buf_done(&list->end);
  mem_free(list);
}

struct survey *failed_list_try_new(struct request **request) {
  static const struct survey_kind kind = { .add = add_worker, .put = put, .free = list_free };
  struct failed_list *list = mem_try_zero(sizeof *list);
  if (list == NULL) return NULL;
  if ((*request)->failed.kind != FAILED_NONE) failed_id_put_key(&list->behind, &(*request)->failed);
  if (list->behind.err != ERR_NONE) {
    mem_free(list);
    return NULL;
  }
  list->is_value = (*request)->reply->format == FORMAT_VALUE;
  survey_init(&list->survey, &kind, request);
  return &list->survey;
}
