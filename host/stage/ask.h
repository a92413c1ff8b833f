/* ask.h -- one call of an actor to another, from the caller's side.
 *
 * WHY     The caller's turn waits while the request is on its way. The answer may come from another thread, when the caller
 *         has gone already. The ask stands between them: it holds the reply, and goes back as a letter.
 * ROOM    stage. Below: post, request, actor, router, script (outgoing).
 * THREAD  Its caller's worker's. But the reply is the callee's worker's, from the request's leaving until it is kept: then the
 *         caller may free both at once.
 * OWNS    Its reply. It belongs to its caller's turn; one whose caller has gone is freed where it arrives.
 * STATES  sent -> answered (its letter arrived) -> freed by its caller
 *         sent -> forgotten (ask_forget()) -> arrived -> freed
 */
#ifndef TROUPE_ASK_H
#define TROUPE_ASK_H

#include "script/outgoing.h"
#include "stage/actor.h"
#include "stage/post.h"
#include "stage/request.h"

struct ask;

/* What all asks of a worker have in common. Outlives them. */
struct ask_home {
  unsigned worker;             /* its number */
  const struct post *post;
  const struct logger *logger;
  void (*arrive)(void *context, struct ask *ask);   /* takes the answer of a callee on the same worker: without a letter */
  void *context;
};

struct ask {
  struct letter letter;        /* the answer on its way back */
  struct reply reply;          /* early */
  uint64_t id;                 /* the call id of its request */
  const struct ask_home *home; /* of the caller */
  struct performance *caller;  /* NULL: forgotten */
  bool is_answered;
  unsigned worker;             /* the callee's */
  struct slice method;         /* while its caller waits: in the caller's outgoing */
  uint32_t address_size, key_size;   /* of the callee */
  uint8_t addresses[];         /* the callee's (router.h), and behind that the caller's */
};

/* The callee: its address, and what that consists of. */
static inline struct slice ask_address(const struct ask *ask) {
  return slice_of(ask->addresses, ask->address_size);
}

static inline struct slice ask_key(const struct ask *ask) {
  return slice_after(ask_address(ask), ask->address_size - ask->key_size);
}

struct slice ask_class(const struct ask *ask);

/* Appends the callee for people: "Account/ann". */
void ask_print_callee(const struct ask *ask, struct buf *text);

/* Makes an ask and its request out of what a turn of the actor asks, whose bytes it takes. False if memory runs out; then
 * nothing is taken. The ask has no caller yet, and the request stands on nothing and has no deadline. */
bool ask_try_make(const struct ask_home *home, const struct actor *actor, struct outgoing *outgoing, uint64_t id,
                  struct ask **ask, struct request **request);

void ask_free(struct ask *ask);

/* Nobody waits for the answer any more: the request does not begin if it has not yet, and the answer frees the ask. */
void ask_forget(struct ask *ask);

/* The host ends, and no answer comes, or nobody reads it: the ask is freed with its caller, or now if that has gone. */
void ask_abandon(struct ask *ask);

static inline struct ask *ask_of(struct letter *letter) {
  return (struct ask *)(void *)((uint8_t *)letter - offsetof(struct ask, letter));
}

#endif
