/* report.c -- see report.h. */
#include "stage/report.h"

#include "base/trace.h"
#include "codec/key.h"
#include "codec/value.h"

/* A refused request is its client's affair, a limit that stopped a call is the affair of the class's author, and the rest
 * is the operator's. */
static enum log_level level_of(enum err err) {
  if (err == ERR_USER || err_blames_client(err)) return LOG_DEBUG;
  return err == ERR_INTERNAL || err == ERR_STORAGE ? LOG_ERROR : LOG_WARN;
}

void report_log(const struct logger *logger, const struct actor *actor, const struct turn *turn, struct slice method) {
  enum log_level level = level_of(turn->failure.err);
  struct buf key = { 0 };
  char id[TRACE_ID_MAX];
  if (level < logger->level_min) return;
  key_print(&key, actor_key(actor));
  trace_print_id(turn->call_id, id);
  struct log_field fields[] = {
    { "class", actor_class(actor) },            { "key", buf_slice(&key) },
    { "method", method },                       { "id", slice_text(id) },
    { "code", failure_code(&turn->failure) },   { "error", buf_slice(&turn->failure.message) },
    { "traceback", buf_slice(&turn->traceback) },
  };
  size_t count = sizeof fields / sizeof *fields - (turn->traceback.size == 0);
  logger_event(logger, level, slice_text("call failed"), fields, count);
  buf_done(&key);
}

void report_destroyed(const struct logger *logger, const struct actor *actor, const struct turn *turn) {
  struct buf key = { 0 };
  char id[TRACE_ID_MAX];
  key_print(&key, actor_key(actor));
  trace_print_id(turn->call_id, id);
  const struct log_field fields[] = {
    { "class", actor_class(actor) }, { "key", buf_slice(&key) }, { "id", slice_text(id) },
  };
  logger_event(logger, LOG_INFO, slice_text("destroyed by an operator"), fields, sizeof fields / sizeof *fields);
  buf_done(&key);
}

void report_given_up(const struct logger *logger, const char *what, struct slice class_name, struct slice key,
                     struct slice method, struct log_field detail, uint64_t call_id, struct slice error) {
  struct buf text = { 0 };
  char id[TRACE_ID_MAX];
  key_print(&text, key);
  trace_print_id(call_id, id);
  const struct log_field fields[] = {
    { "class", class_name }, { "key", buf_slice(&text) },   { "method", method },
    detail,                  { "id", slice_text(id) },      { "error", error },
  };
  logger_event(logger, LOG_ERROR, slice_text(what), fields, sizeof fields / sizeof *fields);
  buf_done(&text);
}

void report_tell(bool dev, struct turn *turn, struct reply *reply) {
  bool tells = dev || turn_is_operators(turn);
  if (turn->failure.err == ERR_INTERNAL && !tells) {
    failure_set(&reply->failure, ERR_INTERNAL, "the actor failed; the host's log says how");
  } else {
    failure_move(&reply->failure, &turn->failure);
    if (reply->failure.err == ERR_INTERNAL && turn->traceback.size > 0 && reply->failure.metadata.size == 0) {
      value_put_map(&reply->failure.metadata, 1);
      value_put_string(&reply->failure.metadata, slice_text("traceback"));
      value_put_string(&reply->failure.metadata, buf_slice(&turn->traceback));
      if (reply->failure.metadata.err != ERR_NONE) buf_clear(&reply->failure.metadata);
    }
  }
}
