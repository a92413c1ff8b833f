/* ask.c -- see ask.h. */
#include "stage/ask.h"

#include "base/mem.h"
#include "codec/key.h"
#include "stage/router.h"

/* On the callee's worker, where the reply is kept. */
static void deliver(struct reply *reply) {
  struct ask *ask = (struct ask *)(void *)((uint8_t *)reply - offsetof(struct ask, reply));
  const struct ask_home *home = ask->home;
  if (ask->worker == home->worker) {
    home->arrive(home->context, ask);
  } else {
    post_send(home->post, home->worker, &ask->letter);
  }
}

void ask_abandon(struct ask *ask) {
  if (ask->caller == NULL) {
    ask_free(ask);
  } else {
    ask->is_answered = true;
  }
}

static void abandon(struct reply *reply) {
  ask_abandon((struct ask *)(void *)((uint8_t *)reply - offsetof(struct ask, reply)));
}

static struct ask *try_new(struct slice callee, uint32_t key_size, const struct actor *caller) {
  struct ask *ask = mem_try_zero(sizeof *ask + callee.size + caller->address_size);
  if (ask == NULL) return NULL;
  ask->letter.kind = LETTER_ANSWER;
  ask->address_size = (uint32_t)callee.size;
  ask->key_size = key_size;
  memcpy(ask->addresses, callee.data, callee.size);
  memcpy(ask->addresses + callee.size, caller->address, caller->address_size);
  reply_init(&ask->reply, FORMAT_VALUE, deliver);
  ask->reply.early = true;
  ask->reply.abandon = abandon;
  return ask;
}

/* The names stay where they are: a failure bears them. */
static bool try_copy(struct buf *to, const struct buf *from) {
  buf_put(to, buf_slice(from));
  return to->err == ERR_NONE;
}

bool ask_try_make(const struct ask_home *home, const struct actor *actor, struct outgoing *outgoing, uint64_t id,
                  struct ask **ask, struct request **request) {
  struct buf address = { 0 };
  router_put_address(&address, buf_slice(&outgoing->class_name), buf_slice(&outgoing->key));
  struct ask *made = address.err == ERR_NONE ? try_new(buf_slice(&address), (uint32_t)outgoing->key.size, actor) : NULL;
  buf_done(&address);
  struct request *asked = made == NULL ? NULL : request_try_new(REQUEST_CALL, &made->reply);
  if (asked == NULL || !try_copy(&asked->class_name, &outgoing->class_name) || !try_copy(&asked->key, &outgoing->key) ||
      !try_copy(&asked->method, &outgoing->method)) {
    request_free(asked);
    ask_free(made);
    return false;
  }
  made->id = id;
  made->home = home;
  made->worker = post_worker(home->post, buf_slice(&asked->class_name), buf_slice(&asked->key));
  made->reply.call_id = id;
  made->reply.logger = home->logger;
  buf_move(&asked->args, &outgoing->args);
  buf_move(&asked->input, &outgoing->input);
  buf_move(&asked->idempotency_key, &outgoing->idempotency_key);
  asked->create = outgoing->create;
  made->method = buf_slice(&outgoing->method);
  struct slice caller = slice_of(made->addresses + made->address_size, actor->address_size);
  asked->caller_key = slice_after(caller, actor->address_size - actor->key_size);
  asked->caller_class = key_string_inside(slice_of(caller.data, actor->address_size - actor->key_size));
  *ask = made;
  *request = asked;
  return true;
}

struct slice ask_class(const struct ask *ask) {
  return key_string_inside(slice_of(ask->addresses, ask->address_size - ask->key_size));
}

void ask_print_callee(const struct ask *ask, struct buf *text) {
  key_print_address(text, ask_class(ask), ask_key(ask));
}

void ask_free(struct ask *ask) {
  if (ask == NULL) return;
  reply_done(&ask->reply);
  mem_free(ask);
}

void ask_forget(struct ask *ask) {
  ask->caller = NULL;
  atomic_store(&ask->reply.is_unwanted, true);
}
