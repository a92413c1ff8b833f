/* call_list.c -- see call_list.h. */
#include "stage/call_list.h"

#include "base/mem.h"
#include "base/trace.h"
#include "codec/json.h"

struct call_list {
  struct survey survey;
  struct buf calls;            /* as JSON, with commas between them */
  size_t count;
  bool cut;
  int64_t now_ns;              /* where it is being added to */
};

/* -- one call -- */

/* The fields that name a call. */
static void put_call(struct buf *text, uint64_t id, struct slice class_name, struct slice key, struct slice method) {
  char words[TRACE_ID_MAX];
  trace_print_id(id, words);
  buf_printf(text, "{\"id\":\"%s\",", words);
  json_put_address(text, class_name, key);
  buf_put_text(text, ",\"method\":");
  if (method.size == 0) {
    buf_put_text(text, "null");                /* an operator, or a spec, looks at the actor, or destroys it */
  } else {
    json_put_lossless_string(text, method);
  }
}

static void put_caller(struct buf *text, const struct request *request) {
  buf_put_text(text, ",\"caller\":");
  if (request->caller_class.size == 0) {
    buf_put_text(text, "null");
    return;
  }
  buf_put_byte(text, '{');
  json_put_address(text, request->caller_class, request->caller_key);
  buf_put_byte(text, '}');
}

static void put_asked(struct buf *text, const struct ask *ask) {
  buf_put_text(text, ",\"asks\":");
  if (ask == NULL) {
    buf_put_text(text, "null");
    return;
  }
  put_call(text, ask->id, ask_class(ask), ask_key(ask), ask->method);
  buf_put_byte(text, '}');
}

static void put_seconds(struct buf *text, const char *name, int64_t ns) {
  buf_printf(text, ",\"%s\":%.3f", name, (double)(ns < 0 ? 0 : ns) / 1e9);
}

/* Adds a call that waits since then; `ask`: what for, or NULL. */
static void add(struct call_list *list, const struct request *request, const char *waits, int64_t since_ns,
                const struct ask *ask) {
  struct buf *text = &list->calls;
  list->cut = list->cut || list->count == CALL_LIST_MAX || text->size >= CALL_LIST_BYTES_MAX;
  if (list->cut) return;
  if (list->count++ > 0) buf_put_byte(text, ',');
  put_call(text, request->reply->call_id, buf_slice(&request->class_name), buf_slice(&request->key),
           request->type == REQUEST_CONNECT ? slice_text("on_connect") : buf_slice(&request->method));
  put_caller(text, request);
  put_seconds(text, "seconds", list->now_ns - request->since_ns);
  buf_printf(text, ",\"waits\":\"%s\"", waits);
  put_seconds(text, "waits_seconds", list->now_ns - since_ns);
  put_asked(text, ask);
  buf_put_byte(text, '}');
}

/* -- the calls of a worker -- */

static void add_mail(const struct actor *actor, void *context) {
  for (const struct request *at = actor->mailbox.first; at != NULL; at = mailbox_next(at)) {
    add(context, at, "mailbox", at->since_ns, NULL);
  }
}

static void add_waiting(const struct performance *performance, const struct actor *actor, const struct wait *wait,
                        void *context) {
  add(context, performance_request(performance), waits_name(wait->what), wait->since_ns, performance_ask(performance));
  add_mail(actor, context);
}

static struct call_list *list_of(struct survey *survey) {
  return (struct call_list *)(void *)((uint8_t *)survey - offsetof(struct call_list, survey));
}

static enum err add_worker(struct survey *survey, const struct survey_place *place, struct failure *failure) {
  struct call_list *list = list_of(survey);
  (void)failure;
  list->now_ns = place->now_ns;
  performances_each(place->performances, add_waiting, list);
  actors_each_ready(place->actors, add_mail, list);
  return ERR_NONE;
}

/* -- the list -- */

static enum err put(struct survey *survey, struct buf *text, struct failure *failure) {
  const struct call_list *list = list_of(survey);
  buf_put_text(text, "{\"calls\":[");
  buf_put(text, buf_slice(&list->calls));
  buf_printf(text, "],\"cut\":%s}", list->cut ? "true" : "false");
  if (list->calls.err == ERR_NONE && text->err == ERR_NONE) return ERR_NONE;
  return failure_set(failure, ERR_MEMORY, "no memory to tell of all calls");
}

static void call_list_free(struct survey *survey) {
  struct call_list *list = list_of(survey);
  buf_done(&list->calls);
  mem_free(list);
}

struct survey *call_list_try_new(struct request **request) {
  static const struct survey_kind kind = { .add = add_worker, .put = put, .free = call_list_free };
  struct call_list *list = mem_try_zero(sizeof *list);
  if (list == NULL) return NULL;
  survey_init(&list->survey, &kind, request);
  return &list->survey;
}
