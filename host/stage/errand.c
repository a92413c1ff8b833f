/* errand.c -- see errand.h. */
#include "stage/errand.h"

#include "base/utf8.h"

const char errand_interrupted[] = "interrupted: the run failed, or the host ended, after a save_state; what it saved stays";

static struct errand *errand_of(struct reply *reply) {
  return (struct errand *)(void *)((uint8_t *)reply - offsetof(struct errand, reply));
}

/* Its end comes when its turn is over, and not with its reply. */
static void deliver(struct reply *reply) {
  (void)reply;
}

static void abandon(struct reply *reply) {
  struct errand *errand = errand_of(reply);
  errand->kind->free(errand);
}

struct request *errand_try_request(struct errand *errand, const struct errand_kind *kind, uint64_t call_id,
                                   const struct actor *actor) {
  errand->kind = kind;
  reply_init(&errand->reply, FORMAT_VALUE, deliver);
  errand->reply.abandon = abandon;
  errand->reply.early = true;
  errand->reply.call_id = call_id;
  struct request *request = request_try_new(REQUEST_CALL, &errand->reply);
  if (request == NULL) return NULL;
  request->errand = errand;
  buf_put(&request->class_name, actor_class(actor));
  buf_put(&request->key, actor_key(actor));
  if (request->class_name.err == ERR_NONE && request->key.err == ERR_NONE) return request;
  request_free(request);
  return NULL;
}

void errand_put(struct actors *actors, struct actor *actor, struct request *request, int64_t now_ns) {
  request->since_ns = now_ns;
  actors_try_mail(actors, actor, &request, 0);
}

bool errand_try_draft(struct errand *errand, const struct actor *actor, const struct turn *turn, bool saving) {
  if (!saving) return errand->kind->try_finish(errand, actor, turn);
  return errand->has_saved || errand->kind->try_save(errand, actor, turn);
}

void errand_put_error(const struct errand *errand, struct buf *error) {
  size_t begin = error->size;
  if (errand->has_saved) buf_put_text(error, "interrupted: ");
  buf_put(error, buf_slice(&errand->reply.failure.message));
  error->size = begin + utf8_cut(slice_after(buf_slice(error), begin), ERRAND_ERROR_MAX);
}

void errand_drop_waiting(struct actors *actors, struct actor *actor, const struct errand_kind *kind) {
  struct request *next;
  for (struct request *at = actor->mailbox.first; at != NULL; at = next) {
    next = mailbox_next(at);
    if (at->errand == NULL || (kind != NULL && at->errand->kind != kind)) continue;
    actors_take_out(actors, actor, at);
    request_abandon(at);
  }
}
