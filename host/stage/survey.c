/* survey.c -- see survey.h. */
#include "stage/survey.h"

#include "base/mem.h"
#include "base/trace.h"
#include "codec/json.h"

struct survey {
  struct letter letter;
  struct request *request;     /* or NULL */
  struct buf calls;            /* as JSON, with commas between them */
  size_t count;
  bool cut;
  int64_t now_ns;              /* where it is being added to */
};

struct survey *survey_try_new(struct request **request) {
  struct survey *survey = mem_try_zero(sizeof *survey);
  if (survey == NULL) return NULL;
  survey->letter.kind = LETTER_SURVEY;
  if (request == NULL) return survey;
  survey->request = *request;
  *request = NULL;
  return survey;
}

void survey_free(struct survey *survey) {
  if (survey == NULL) return;
  buf_done(&survey->calls);
  request_free(survey->request);
  mem_free(survey);
}

struct letter *survey_letter(struct survey *survey) {
  return &survey->letter;
}

struct survey *survey_of(struct letter *letter) {
  return (struct survey *)(void *)((uint8_t *)letter - offsetof(struct survey, letter));
}

/* -- one call -- */

/* The fields of an actor, and those of a call of it. */
static void put_actor(struct buf *text, struct slice class_name, struct slice key) {
  buf_put_text(text, "\"class\":");
  json_put_lossless_string(text, class_name);
  buf_put_text(text, ",\"key\":");
  json_put_key(text, key);
}

static void put_call(struct buf *text, uint64_t id, struct slice class_name, struct slice key, struct slice method) {
  char words[TRACE_ID_MAX];
  trace_print_id(id, words);
  buf_printf(text, "{\"id\":\"%s\",", words);
  put_actor(text, class_name, key);
  buf_put_text(text, ",\"method\":");
  if (method.size == 0) {
    buf_put_text(text, "null");                /* an operator, or a spec, looks at the actor */
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
  put_actor(text, request->caller_class, request->caller_key);
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
static void add(struct survey *survey, const struct request *request, const char *waits, int64_t since_ns,
                const struct ask *ask) {
  struct buf *text = &survey->calls;
  survey->cut = survey->cut || survey->count == SURVEY_CALLS_MAX || text->size >= SURVEY_BYTES_MAX;
  if (survey->cut) return;
  if (survey->count++ > 0) buf_put_byte(text, ',');
  put_call(text, request->reply->call_id, buf_slice(&request->class_name), buf_slice(&request->key),
           buf_slice(&request->method));
  put_caller(text, request);
  put_seconds(text, "seconds", survey->now_ns - request->since_ns);
  buf_printf(text, ",\"waits\":\"%s\"", waits);
  put_seconds(text, "waits_seconds", survey->now_ns - since_ns);
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

void survey_add(struct survey *survey, const struct actors *actors, const struct performances *performances, int64_t now_ns) {
  survey->now_ns = now_ns;
  performances_each(performances, add_waiting, survey);
  actors_each_ready(actors, add_mail, survey);
}

enum err survey_put(const struct survey *survey, struct buf *text) {
  buf_put_text(text, "{\"calls\":[");
  buf_put(text, buf_slice(&survey->calls));
  buf_printf(text, "],\"cut\":%s}", survey->cut ? "true" : "false");
  return survey->calls.err == ERR_NONE && text->err == ERR_NONE ? ERR_NONE : ERR_MEMORY;
}

void survey_end(struct survey *survey) {
  struct reply *reply = survey->request->reply;
  enum err err = survey_put(survey, &reply->body);
  survey_free(survey);
  if (err == ERR_NONE) {
    reply_keep(reply);
  } else {
    reply_fail(reply, err, "no memory to tell of all calls");
  }
}
