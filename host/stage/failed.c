/* failed.c -- see failed.h. */
#include "stage/failed.h"

#include "base/trace.h"
#include "codec/key.h"
#include "ledger/own_record.h"
#include "stage/existence.h"

/* What is being settled, and how. */
struct settling {
  struct rig *rig;
  struct actor *actor;
  const struct failed_id *id;
  bool anew;                   /* else it is dropped */
  struct view view;            /* with the drafts */
  struct buf key, bytes;       /* of its record; what `method` lies in */
  struct slice method;
};

static enum err fail(const struct failed_id *id, enum err err, struct failure *failure) {
  struct buf text = { 0 };
  failed_id_print(&text, id);
  if (err == ERR_NOT_FOUND) {
    err = failure_set(failure, ERR_FAILED_NOT_FOUND, "nothing with the id %.*s is given up", (int)text.size, (char *)text.data);
  } else if (err == ERR_MEMORY) {
    failure_set(failure, err, "no memory for what was given up");
  } else if (err == ERR_OVERLOADED) {
    failure_set(failure, err, "nothing can be written just now: %.*s is given up as before", (int)text.size, (char *)text.data);
  } else {
    failure_set(failure, err, "the record of %.*s cannot be read; troupe verify tells more", (int)text.size, (char *)text.data);
  }
  buf_done(&text);
  return err;
}

/* -- whose it is -- */

/* Class and key in a record of SPACE_FAILED. */
static bool read_owner(const struct failed_id *id, struct slice value, struct slice *class_name, struct slice *key) {
  struct mail_record record;
  if (id->kind == FAILED_SCHEDULE) return own_record_read(value, class_name, key);
  if (!mail_record_read(value, true, &record)) return false;
  *class_name = record.class_name;
  *key = record.key;
  return true;
}

enum err failed_find(const struct view *view, const struct failed_id *id, struct buf *class_name, struct buf *key,
                     struct failure *failure) {
  struct buf record_key = { 0 };
  struct slice value, found_class, found_key;
  failed_id_put_key(&record_key, id);
  enum err err = record_key.err != ERR_NONE ? record_key.err : view_get(view, buf_slice(&record_key), &value);
  if (err == ERR_NONE && !read_owner(id, value, &found_class, &found_key)) err = ERR_STORAGE;
  if (err == ERR_NONE) {
    buf_clear(class_name);
    buf_clear(key);
    buf_put(class_name, found_class);
    buf_put(key, found_key);
    err = class_name->err != ERR_NONE ? class_name->err : key->err;
  }
  buf_done(&record_key);
  return err == ERR_NONE ? err : fail(id, err, failure);
}

/* -- a schedule -- */

static enum err settle_schedule(struct settling *settling) {
  struct schedule old, new;
  struct schedule_touch touch = { 0 };
  struct actor *actor = settling->actor;
  struct schedule_owner owner = {
    .view = &settling->view, .touch = &touch, .actor_id = settling->id->actor_id, .class_name = actor_class(actor),
    .key = actor_key(actor),
  };
  enum err err = existence_learn(settling->rig->records, settling->view.drafts, actor);
  if (err != ERR_NONE) return err;
  bool is_there = actor->exists && actor->id == settling->id->actor_id;
  err = ERR_NOT_FOUND;
  if (is_there) err = schedule_find(&settling->view, owner.actor_id, settling->id->schedule, &settling->bytes, &old);
  if (err == ERR_NOT_FOUND && !settling->anew) {             /* the record that tells of it stands alone: damage */
    return drafts_try_delete(settling->view.drafts, buf_slice(&settling->key)) ? ERR_NONE : ERR_MEMORY;
  }
  if (err != ERR_NONE) return err;
  settling->method = old.method;
  new = old;
  schedule_begin_anew(&new, schedule_now_ms(settling->rig->config->timekeeper, new.timeline));
  err = schedule_draft(&owner, &old, settling->anew ? &new : NULL);
  return err == ERR_NONE ? wakes_draft(settling->rig->wakes, actor, &settling->view, &touch) : err;
}

/* -- a message -- */

static enum err settle_message(struct settling *settling, struct slice value) {
  struct mail_record record;
  struct drafts *drafts = settling->view.drafts;
  struct buf key = { 0 }, bytes = { 0 };
  buf_put(&settling->bytes, value);
  if (settling->bytes.err != ERR_NONE) return ERR_MEMORY;
  if (!mail_record_read(buf_slice(&settling->bytes), true, &record)) return ERR_STORAGE;
  settling->method = record.method;
  bool drafted = drafts_try_delete(drafts, buf_slice(&settling->key));
  if (settling->anew) {
    record.tries = 0;
    record.due_ms = 0;
    record.error = slice_of(NULL, 0);
    record.revived = true;
    mail_record_put_key(&key, settling->id->shard, actor_address(settling->actor), settling->id->place);
    mail_record_write(&bytes, &record, false);
    bool written = key.err == ERR_NONE && bytes.err == ERR_NONE;
    drafted = drafted && written && drafts_try_put(drafts, buf_slice(&key), buf_slice(&bytes));
  }
  buf_done(&bytes);
  buf_done(&key);
  return drafted ? ERR_NONE : ERR_MEMORY;
}

/* -- both -- */

static void report(const struct settling *settling, uint64_t call_id) {
  struct buf key = { 0 }, failed = { 0 };
  char id[TRACE_ID_MAX];
  key_print(&key, actor_key(settling->actor));
  failed_id_print(&failed, settling->id);
  trace_print_id(call_id, id);
  const struct log_field fields[] = {
    { "class", actor_class(settling->actor) }, { "key", buf_slice(&key) }, { "method", settling->method },
    { "failed", buf_slice(&failed) },          { "id", slice_text(id) },
  };
  const char *what = settling->anew ? "begun anew by an operator" : "dropped by an operator";
  logger_event(settling->rig->config->logger, LOG_INFO, slice_text(what), fields, sizeof fields / sizeof *fields);
  buf_done(&failed);
  buf_done(&key);
}

static enum err draft(struct settling *settling) {
  struct slice value;
  failed_id_put_key(&settling->key, settling->id);
  enum err err = settling->key.err != ERR_NONE ? ERR_MEMORY : view_get(&settling->view, buf_slice(&settling->key), &value);
  if (err != ERR_NONE) return err;
  return settling->id->kind == FAILED_SCHEDULE ? settle_schedule(settling) : settle_message(settling, value);
}

enum err failed_settle(struct rig *rig, struct actor *actor, const struct request *request, struct failure *failure) {
  struct drafts *drafts = rig_begin_own(rig);
  if (drafts == NULL) return fail(&request->failed, ERR_OVERLOADED, failure);
  struct settling settling = {
    .rig = rig, .actor = actor, .id = &request->failed, .anew = request->type == REQUEST_RETRY,
    .view = records_view(rig->records, drafts),
  };
  enum err err = draft(&settling);
  if (err != ERR_NONE) {
    rig_drop_own(rig);
    actor->knows_wakes = false;                              /* what was drafted of them is gone */
  } else if (rig_commit_own(rig, actor) == 0) {
    actor->knows_wakes = false;
    err = ERR_OVERLOADED;
  } else {
    report(&settling, request->reply->call_id);
  }
  buf_done(&settling.bytes);
  buf_done(&settling.key);
  return err == ERR_NONE ? err : fail(&request->failed, err, failure);
}
