/* probe.c -- see probe.h. The algorithm is edge chasing (Chandy, Misra, Haas 1983, for the AND model), begun where a request
 * arrives and made exact by a second round. */
#include "stage/probe.h"

#include "base/check.h"
#include "base/mem.h"
#include "codec/key.h"
#include "stage/performance.h"

enum { HOPS_MAX = 1000, NAMES_MAX = 20 };

/* An actor that waits, as it was found. */
struct hop {
  unsigned worker;
  uint64_t owed;               /* the request that it owes an answer to: of the hop before */
  uint64_t ask;                /* what it waits for, by the id of that request */
  size_t address_at, address_size, key_size;   /* of its address in `addresses` */
};

struct probe {
  struct letter letter;
  uint64_t request;            /* the id of the one in a mailbox with which it began */
  unsigned home;               /* the worker of that mailbox's actor, */
  size_t home_size;            /* whose address comes first in `addresses` */
  struct buf hops;
  struct buf addresses;
  size_t next_at, next_size, next_key_size;    /* where it goes in the first round */
  uint64_t owed;               /* what the actor there must owe */
  size_t asked_again;          /* second round: so many hops, from the second one on, still wait as they did */
  bool crossed;                /* some hop is of another worker than the first */
  bool closed;                 /* the first round came to the request: a circle */
  bool starved;                /* memory ran out */
};

struct probe *probe_of(struct letter *letter) {
  return (struct probe *)(void *)((uint8_t *)letter - offsetof(struct probe, letter));
}

void probe_free(struct probe *probe) {
  if (probe == NULL) return;
  buf_done(&probe->hops);
  buf_done(&probe->addresses);
  mem_free(probe);
}

static size_t hop_count(const struct probe *probe) {
  return probe->hops.size / sizeof(struct hop);
}

static struct hop hop_at(const struct probe *probe, size_t place) {
  struct hop hop;
  CHECK_THAT(place, <, hop_count(probe));
  memcpy(&hop, probe->hops.data + place * sizeof hop, sizeof hop);
  return hop;
}

static struct slice address_of(const struct probe *probe, const struct hop *hop) {
  return slice_of(probe->addresses.data + hop->address_at, hop->address_size);
}

/* What the actor of an address waits for, if it waits and owes an answer to this request; NULL otherwise. */
static const struct ask *ask_of_debtor(const struct probes *probes, struct slice address, uint64_t owed) {
  const struct actor *actor = actors_find(probes->actors, address);
  const struct ask *ask = actor == NULL || actor->waiting == NULL ? NULL : performance_ask(actor->waiting);
  if (ask == NULL) return NULL;
  bool owes = performance_request(actor->waiting)->reply->call_id == owed || mailbox_find(&actor->mailbox, owed) != NULL;
  return owes ? ask : NULL;
}

/* "Shop/1 -> Bank/1 -> Shop/1": the last hop is the actor whose request closes the circle. */
static void print_circle(const struct probe *probe, struct buf *text) {
  size_t count = hop_count(probe);
  for (size_t i = 0; i <= count; i++) {
    struct hop hop = hop_at(probe, i == 0 ? count - 1 : i - 1);
    if (i > 0) buf_put_text(text, " -> ");
    if (i == NAMES_MAX && count > NAMES_MAX + 1) {
      buf_printf(text, "... %zu more ...", count - i);
      i = count - 1;
      continue;
    }
    struct slice address = address_of(probe, &hop);
    struct slice head = slice_of(address.data, address.size - hop.key_size);
    key_print_address(text, key_string_inside(head), slice_after(address, head.size));
  }
}

/* Where it began: the request is answered, if it still waits and so does its actor. */
static void refuse(const struct probes *probes, const struct probe *probe, struct actor *actor, struct request *request) {
  actors_take_out(probes->actors, actor, request);
  deadlines_clear(probes->deadlines, &request->deadline);
  struct reply *reply = request->reply;
  request_free(request);
  if (probe->starved) {
    reply_fail(reply, ERR_MEMORY, "no memory to find out whether these calls wait for one another");
    return;
  }
  struct buf text = { 0 };
  print_circle(probe, &text);
  reply_fail(reply, ERR_DEADLOCK, "these calls would wait for one another: %.*s", (int)text.size, (const char *)text.data);
  buf_done(&text);
}

static void end_at_home(const struct probes *probes, const struct probe *probe) {
  struct actor *actor = actors_find(probes->actors, slice_of(probe->addresses.data, probe->home_size));
  struct request *request = actor == NULL ? NULL : mailbox_find(&actor->mailbox, probe->request);
  if (request == NULL) return;
  const struct ask *ask = actor->waiting == NULL ? NULL : performance_ask(actor->waiting);
  if (probe->starved || (ask != NULL && ask->id == hop_at(probe, 0).ask)) refuse(probes, probe, actor, request);
}

static bool try_add_hop(const struct probes *probes, struct probe *probe, const struct ask *ask) {
  struct hop hop = {
    .worker = probes->worker, .owed = probe->owed, .ask = ask->id, .address_at = probe->next_at,
    .address_size = probe->next_size, .key_size = probe->next_key_size,
  };
  buf_put(&probe->hops, slice_of(&hop, sizeof hop));
  probe->next_at = probe->addresses.size;
  probe->next_size = ask->address_size;
  probe->next_key_size = ask->key_size;
  probe->owed = ask->id;
  buf_put(&probe->addresses, ask_address(ask));
  return probe->hops.err == ERR_NONE && probe->addresses.err == ERR_NONE;
}

/* Where the probe goes on. */
enum onward { ONWARD_NOWHERE, ONWARD_HOME, ONWARD_WORKER };

/* First round: as far as this worker's actors go. */
static enum onward follow(const struct probes *probes, struct probe *probe, unsigned *worker) {
  for (;;) {
    struct slice address = slice_of(probe->addresses.data + probe->next_at, probe->next_size);
    const struct ask *ask = ask_of_debtor(probes, address, probe->owed);
    if (ask == NULL || hop_count(probe) == HOPS_MAX) return ONWARD_NOWHERE;
    if (!try_add_hop(probes, probe, ask)) {
      probe->starved = true;
      return ONWARD_HOME;
    }
    if (ask->id == probe->request) {
      probe->closed = true;
      return ONWARD_HOME;
    }
    if (ask->worker != probes->worker) {
      probe->crossed = true;
      *worker = ask->worker;
      return ONWARD_WORKER;
    }
  }
}

/* Second round: every hop but the first, in order. */
static enum onward ask_again(const struct probes *probes, struct probe *probe, unsigned *worker) {
  for (; probe->asked_again + 1 < hop_count(probe); probe->asked_again++) {
    struct hop hop = hop_at(probe, probe->asked_again + 1);
    if (hop.worker != probes->worker) {
      *worker = hop.worker;
      return ONWARD_WORKER;
    }
    const struct ask *ask = ask_of_debtor(probes, address_of(probe, &hop), hop.owed);
    if (ask == NULL || ask->id != hop.ask) return ONWARD_NOWHERE;
  }
  return ONWARD_HOME;
}

static void go_on(const struct probes *probes, struct probe *probe) {
  unsigned worker = 0;
  enum onward onward = probe->closed || probe->starved ? ONWARD_HOME : follow(probes, probe, &worker);
  if (onward == ONWARD_HOME && probe->crossed && !probe->starved) onward = ask_again(probes, probe, &worker);
  if (onward == ONWARD_HOME && probe->home != probes->worker) {
    worker = probe->home;
    onward = ONWARD_WORKER;
  }
  if (onward == ONWARD_WORKER) {
    post_send(probes->post, worker, &probe->letter);
    return;
  }
  if (onward == ONWARD_HOME) end_at_home(probes, probe);
  probe_free(probe);
}

void probe_begin(const struct probes *probes, struct actor *actor, const struct request *request) {
  struct probe *probe = mem_try_zero(sizeof *probe);
  struct probe none = { .starved = true };
  if (probe != NULL) {
    probe->letter.kind = LETTER_PROBE;
    probe->request = probe->owed = request->reply->call_id;
    probe->home = probes->worker;
    probe->home_size = probe->next_size = actor->address_size;
    probe->next_key_size = actor->key_size;
    buf_put(&probe->addresses, actor_address(actor));
  }
  if (probe == NULL || probe->addresses.err != ERR_NONE) {
    probe_free(probe);
    refuse(probes, &none, actor, mailbox_find(&actor->mailbox, request->reply->call_id));
    return;
  }
  go_on(probes, probe);
}

void probe_take(const struct probes *probes, struct letter *letter) {
  go_on(probes, probe_of(letter));
}
