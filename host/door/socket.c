/* socket.c -- see socket.h. */
#include "door/socket.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"

/* A call that came through a socket. */
struct socket_call {
  struct claim claim;
  struct socket *socket;               /* NULL: the call is unwanted */
  LIST_ENTRY(socket_call) link;
  size_t id_size;
  uint8_t id[];                        /* JSON, as it came */
};

struct socket {
  struct sockets *sockets;
  struct channel channel;
  uint64_t id;                         /* the connection's */
  struct parting *parting;             /* NULL: it is sent, or not needed any more */
  struct subscriber subscriber;
  LIST_HEAD(, socket_call) calls;      /* under way, the last first */
  LIST_ENTRY(socket) in_all;
  UT_hash_handle hh;
  unsigned call_count;
  bool hashed;
  bool is_joined, is_over;             /* its actor knows it; it is none of its connections any more */
  uint32_t class_size, key_size;
  uint8_t address[];                   /* class and key */
};

static struct socket *socket_of(struct channel *channel) {
  return H2O_STRUCT_FROM_MEMBER(struct socket, channel, channel);
}

/* -- calls -- */

static struct slice id_of(const struct socket_call *call) {
  return slice_of(call->id, call->id_size);
}

static void socket_call_free(struct socket_call *call) {
  claim_done(&call->claim);
  mem_free(call);
}

static void close_for_stop(struct socket *socket) {
  channel_close(&socket->channel, FRAME_GOING_AWAY, slice_text("the host stops"));
}

static void meet(struct claim *claim) {
  struct socket_call *call = H2O_STRUCT_FROM_MEMBER(struct socket_call, claim, claim);
  struct socket *socket = call->socket;
  if (socket != NULL) {
    const struct reply *reply = &claim->reply;
    bool is_good = reply->failure.err == ERR_NONE;
    struct frame *answer = is_good ? wire_try_result(id_of(call), buf_slice(&reply->body))
                                   : wire_try_failure(id_of(call), &reply->failure);
    LIST_REMOVE(call, link);
    socket->call_count--;
    channel_send(&socket->channel, &answer);
    if (!socket->sockets->is_stopping) channel_resume(&socket->channel);
    else if (socket->call_count == 0) close_for_stop(socket);
  }
  socket_call_free(call);
}

static bool is_in_use(const struct socket *socket, struct slice id) {
  const struct socket_call *call;
  LIST_FOREACH(call, &socket->calls, link) {
    if (slice_equal(id_of(call), id)) return true;
  }
  return false;
}

static struct socket_call *socket_call_try_new(struct socket *socket, struct slice id) {
  struct socket_call *made = mem_try_zero(sizeof *made + id.size);
  if (made == NULL) return NULL;
  claim_init(&made->claim, &socket->sockets->hatch->outlet, meet);
  made->socket = socket;
  made->id_size = id.size;
  memcpy(made->id, id.data, id.size);
  return made;
}

/* An actor of a connection is there; where it was destroyed meanwhile, a call does not make another. */
static struct request *request_of_call(const struct socket *socket, const struct wire_message *message,
                                       struct socket_call *call) {
  struct request *made = request_try_new(REQUEST_CALL, &call->claim.reply);
  if (made == NULL) return NULL;
  made->create = false;
  made->connection_id = socket->id;
  buf_put(&made->class_name, slice_of(socket->address, socket->class_size));
  buf_put(&made->key, slice_of(socket->address + socket->class_size, socket->key_size));
  buf_put(&made->method, message->method);
  buf_put(&made->args, message->args);
  buf_put(&made->idempotency_key, message->key);
  const struct buf *filled[] = { &made->class_name, &made->key, &made->method, &made->args, &made->idempotency_key };
  for (size_t i = 0; i < sizeof filled / sizeof *filled; i++) {
    if (filled[i]->err == ERR_NONE) continue;
    request_free(made);
    return NULL;
  }
  return made;
}

static enum err begin_call(struct socket *socket, const struct wire_message *message, struct failure *failure) {
  if (is_in_use(socket, message->id)) {
    return failure_set(failure, ERR_REQUEST, "the id is that of a call that is still under way");
  }
  struct socket_call *call = socket_call_try_new(socket, message->id);
  struct request *request = call == NULL ? NULL : request_of_call(socket, message, call);
  if (request == NULL) {
    if (call != NULL) socket_call_free(call);
    return failure_set(failure, ERR_MEMORY, "no memory for the call");
  }
  LIST_INSERT_HEAD(&socket->calls, call, link);
  socket->call_count++;
  hatch_begin(socket->sockets->hatch, &call->claim, &request);
  return ERR_NONE;
}

/* -- subscriptions -- */

static enum err subscribe(struct socket *socket, struct slice name, struct failure *failure) {
  struct sockets *sockets = socket->sockets;
  if (topics_has(&sockets->topics, &socket->subscriber, name)) return ERR_NONE;
  if (socket->subscriber.count >= sockets->limits->subscriptions) {
    return failure_set(failure, ERR_TOO_LARGE, "the connection has %u subscriptions; the limit is %" PRIu64 " "
                       LIMIT_NAME(SUBSCRIPTIONS), socket->subscriber.count, sockets->limits->subscriptions);
  }
  if (topics_try_add(&sockets->topics, &socket->subscriber, name)) return ERR_NONE;
  return failure_set(failure, ERR_MEMORY, "no memory for the subscription");
}

/* -- what channels tell -- */

static enum err obey(struct socket *socket, const struct wire_message *message, struct failure *failure) {
  switch (message->kind) {
    case WIRE_CALL: return begin_call(socket, message, failure);
    case WIRE_SUBSCRIBE: return subscribe(socket, message->event, failure);
    default: topics_remove(&socket->sockets->topics, &socket->subscriber, message->event); return ERR_NONE;
  }
}

static bool hear(struct channel *channel, struct slice text) {
  struct socket *socket = socket_of(channel);
  struct wire_message message;
  struct failure failure = { 0 };
  enum err err = wire_read(&socket->sockets->wire, text, &message, &failure);
  if (err == ERR_NONE) err = obey(socket, &message, &failure);
  if (err != ERR_NONE) {
    struct frame *answer = wire_try_error(&message, &failure);
    channel_send(channel, &answer);
  }
  failure_done(&failure);
  return socket->call_count < socket->sockets->limits->connection_calls;
}

/* Once it has joined and is over: whichever comes last. */
static void part(struct socket *socket) {
  if (!socket->is_joined || !socket->is_over || socket->parting == NULL) return;
  if (socket->sockets->is_stopping) return;
  hatch_part(socket->sockets->hatch, &socket->parting);
}

static void leave(struct socket *socket) {
  struct sockets *sockets = socket->sockets;
  topics_leave(&sockets->topics, &socket->subscriber);
  if (socket->hashed) HASH_DEL(sockets->by_id, socket);
  socket->hashed = false;
  while (!LIST_EMPTY(&socket->calls)) {
    struct socket_call *call = LIST_FIRST(&socket->calls);
    LIST_REMOVE(call, link);
    call->socket = NULL;
    atomic_store(&call->claim.reply.is_unwanted, true);
  }
  socket->call_count = 0;
  socket->is_over = true;
  part(socket);
}

static void over(struct channel *channel) {
  leave(socket_of(channel));
}

static void gone(struct channel *channel) {
  struct socket *socket = socket_of(channel);
  LIST_REMOVE(socket, in_all);
  parting_free(socket->parting);
  mem_free(socket);
}

/* -- life -- */

struct socket *socket_try_new(struct sockets *sockets, struct slice class_name, struct slice key) {
  struct socket *made = mem_try_zero(sizeof *made + class_name.size + key.size);
  struct parting *parting = parting_try_new();
  if (made == NULL || parting == NULL) {
    mem_free(made);
    parting_free(parting);
    return NULL;
  }
  made->sockets = sockets;
  made->parting = parting;
  made->class_size = (uint32_t)class_name.size;
  made->key_size = (uint32_t)key.size;
  if (class_name.size > 0) memcpy(made->address, class_name.data, class_name.size);
  if (key.size > 0) memcpy(made->address + class_name.size, key.data, key.size);
  channel_init(&made->channel, &sockets->channels);
  LIST_INSERT_HEAD(&sockets->all, made, in_all);
  return made;
}

void socket_free(struct socket *socket) {
  leave(socket);
  channel_done(&socket->channel);
  gone(&socket->channel);
}

struct channel *socket_channel(struct socket *socket) {
  return &socket->channel;
}

struct parting *socket_parting(const struct socket *socket) {
  return socket->parting;
}

static void stop(struct socket *socket) {
  channel_deafen(&socket->channel);
  if (socket->call_count == 0) close_for_stop(socket);
}

static unsigned hash_of(const struct sockets *sockets, uint64_t id) {
  return (unsigned)siphash(&sockets->hash_key, slice_of(&id, sizeof id));
}

void socket_await(struct socket *socket, uint64_t connection_id) {
  struct sockets *sockets = socket->sockets;
  socket->id = connection_id;
  socket->hashed = true;
  HASH_ADD_BYHASHVALUE(hh, sockets->by_id, id, sizeof socket->id, hash_of(sockets, connection_id), socket);
  if (!socket->hashed) channel_close(&socket->channel, FRAME_NO_MEMORY, slice_text("no memory for the connection"));
}

void socket_join(struct socket *socket, uint64_t actor_id) {
  socket->subscriber.actor_id = actor_id;
  socket->is_joined = true;
  part(socket);
  if (socket->sockets->is_stopping) stop(socket);
}

void socket_refuse(struct socket *socket, const struct failure *failure) {
  channel_close(&socket->channel, FRAME_REFUSED + (unsigned)err_status(failure->err), failure_code(failure));
}

/* -- all of them -- */

void sockets_init(struct sockets *sockets, h2o_loop_t *loop, struct hatch *hatch, const struct limits *limits) {
  static const struct channel_events events = { .hear = hear, .over = over, .gone = gone };
  *sockets = (struct sockets){ .hatch = hatch, .limits = limits, .hash_key = siphash_key_new() };
  channels_init(&sockets->channels, loop, &events, limits);
  topics_init(&sockets->topics);
}

void sockets_done(struct sockets *sockets) {
  CHECK(LIST_EMPTY(&sockets->all));
  channels_done(&sockets->channels);
  topics_done(&sockets->topics);
  wire_done(&sockets->wire);
}

/* An event that goes to many is one frame. */
struct telling {
  struct slice text;
  struct frame *frame;                 /* NULL: nobody has heard it yet */
};

static void tell_one(struct subscriber *subscriber, void *context) {
  struct telling *telling = context;
  struct socket *socket = H2O_STRUCT_FROM_MEMBER(struct socket, subscriber, subscriber);
  if (telling->frame == NULL) telling->frame = frame_try_new(FRAME_TEXT, &telling->text, 1);
  struct frame *frame = telling->frame == NULL ? NULL : frame_share(telling->frame);
  channel_send(&socket->channel, &frame);
}

void sockets_tell(struct sockets *sockets, const struct notice *notice) {
  struct telling telling = { .text = notice->text };
  if (notice->kind == NOTICE_BROADCAST) {
    topics_tell(&sockets->topics, notice->actor_id, notice->name, tell_one, &telling);
    frame_free(telling.frame);
    return;
  }
  struct socket *socket;
  unsigned hash = hash_of(sockets, notice->connection_id);
  HASH_FIND_BYHASHVALUE(hh, sockets->by_id, &notice->connection_id, sizeof notice->connection_id, hash, socket);
  if (socket == NULL) return;
  if (notice->kind == NOTICE_SEND) {
    tell_one(&socket->subscriber, &telling);
    frame_free(telling.frame);
  } else {
    channel_close(&socket->channel, notice->code, notice->text);
  }
}

void sockets_stop(struct sockets *sockets) {
  struct socket *socket;
  if (sockets->is_stopping) return;
  sockets->is_stopping = true;
  LIST_FOREACH(socket, &sockets->all, in_all) {
    if (socket->is_joined) stop(socket);
  }
}

void sockets_cut(struct sockets *sockets) {
  struct socket *socket;
  sockets->is_stopping = true;
  LIST_FOREACH(socket, &sockets->all, in_all) channel_cut(&socket->channel);
}
