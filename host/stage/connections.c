/* connections.c -- see connections.h. A seat is one block, with its bytes behind it. */
#include "stage/connections.h"

#include "base/check.h"
#include "base/mem.h"
#include "ledger/record_key.h"

_Static_assert(sizeof(struct seat) <= 200, "what each of 10,000 idle connections takes, with its socket, is a promise");

void connections_init(struct connections *connections) {
  *connections = (struct connections){ 0 };
}

void connections_done(struct connections *connections) {
  struct seat *seat, *next;
  HASH_ITER(hh, connections->seats, seat, next) {
    if (seat->state != SEAT_JOINED) seat->state = SEAT_LEFT;      /* whatever list it was in is gone */
    connections_drop(connections, seat);
  }
}

struct seat *connections_find(const struct connections *connections, uint64_t id) {
  struct seat *found;
  HASH_FIND_BYHASHVALUE(hh, connections->seats, &id, sizeof id, record_id_hash(id), found);
  return found;
}

struct hall *connections_hall(const struct connections *connections, uint64_t actor_id) {
  struct hall *found;
  HASH_FIND_BYHASHVALUE(hh, connections->halls, &actor_id, sizeof actor_id, record_id_hash(actor_id), found);
  return found;
}

size_t connections_count(const struct connections *connections, uint64_t actor_id) {
  const struct hall *hall = connections_hall(connections, actor_id);
  return hall == NULL ? 0 : hall->audience.count;
}

/* -- seats -- */

struct seat *connections_try_open(struct connections *connections, const struct request *request) {
  uint64_t id = request->reply->call_id;
  struct seat *seat = mem_try_alloc(sizeof *seat + request->params.size + request->headers.size + request->address.size);
  if (seat == NULL) return NULL;
  uint8_t *place = (uint8_t *)(seat + 1);
  *seat = (struct seat){ .outlet = request->outlet, .state = SEAT_JOINING, .hashed = true };
  seat->connection = (struct connection){
    .id = id, .format = request->format, .params = slice_copy(buf_slice(&request->params), &place),
    .headers = slice_copy(buf_slice(&request->headers), &place), .address = slice_copy(buf_slice(&request->address), &place),
  };
  HASH_ADD_BYHASHVALUE(hh, connections->seats, connection.id, sizeof id, record_id_hash(id), seat);
  if (seat->hashed) return seat;
  mem_free(seat);
  return NULL;
}

/* -- halls -- */

static struct hall *try_add_hall(struct connections *connections, const struct actor *actor) {
  struct hall *hall = mem_try_zero(sizeof *hall + actor->address_size);
  if (hall == NULL) return NULL;
  hall->actor_id = actor->id;
  hall->address_size = actor->address_size;
  hall->hashed = true;
  memcpy(hall->address, actor->address, actor->address_size);
  TAILQ_INIT(&hall->audience.connections);
  HASH_ADD_BYHASHVALUE(hh, connections->halls, actor_id, sizeof hall->actor_id, record_id_hash(actor->id), hall);
  if (hall->hashed) return hall;
  mem_free(hall);
  return NULL;
}

static void remove_hall(struct connections *connections, struct hall *hall) {
  CHECK_THAT(hall->audience.count, ==, 0);
  for (struct wing *wing = hall->wing.next, *next; wing != NULL; wing = next) {
    next = wing->next;
    mem_free(wing);
  }
  HASH_DEL(connections->halls, hall);
  mem_free(hall);
}

static struct wing *find_wing(struct hall *hall, const struct outlet *outlet) {
  struct wing *wing = &hall->wing;
  while (wing != NULL && wing->outlet != outlet) wing = wing->next;
  return wing;
}

/* The wing of an outlet; NULL if memory runs out. One that is empty becomes that of another outlet. */
static struct wing *try_get_wing(struct hall *hall, struct outlet *outlet) {
  struct wing *wing = find_wing(hall, outlet);
  if (wing != NULL) return wing;
  for (wing = &hall->wing; wing != NULL && wing->count > 0; wing = wing->next) continue;
  if (wing == NULL) {
    wing = mem_try_zero(sizeof *wing);
    if (wing == NULL) return NULL;
    wing->next = hall->wing.next;
    hall->wing.next = wing;
  }
  wing->outlet = outlet;
  return wing;
}

bool connections_try_seat(struct connections *connections, struct seat *seat, const struct actor *actor) {
  struct hall *hall = connections_hall(connections, actor->id);
  CHECK(seat->hall == NULL);
  if (hall == NULL) hall = try_add_hall(connections, actor);
  struct wing *wing = hall == NULL ? NULL : try_get_wing(hall, seat->outlet);
  if (wing == NULL) {
    if (hall != NULL && hall->seats == 0) remove_hall(connections, hall);
    return false;
  }
  wing->count++;
  hall->seats++;
  seat->hall = hall;
  return true;
}

void connections_join(struct seat *seat, uint64_t ticket) {
  CHECK(seat->state == SEAT_JOINING && seat->hall != NULL);
  seat->state = SEAT_JOINED;
  seat->ticket = ticket;
  TAILQ_INSERT_TAIL(&seat->hall->audience.connections, &seat->connection, link);
  seat->hall->audience.count++;
}

/* -- the end -- */

void connections_close(struct seat *seat, uint64_t ticket) {
  seat->connection.is_closing = true;
  seat->closing = ticket;
}

void connections_leave(struct seat *seat) {
  struct hall *hall = seat->hall;
  CHECK_THAT(seat->state, ==, SEAT_JOINED);
  TAILQ_REMOVE(&hall->audience.connections, &seat->connection, link);
  hall->audience.count--;
  find_wing(hall, seat->outlet)->count--;
  seat->state = SEAT_LEAVING;
}

void connections_drop(struct connections *connections, struct seat *seat) {
  struct hall *hall = seat->hall;
  if (seat->state == SEAT_JOINED) {
    connections_leave(seat);
  } else if (seat->state == SEAT_JOINING && hall != NULL) {
    find_wing(hall, seat->outlet)->count--;
  }
  HASH_DEL(connections->seats, seat);
  mem_free(seat);
  if (hall != NULL && --hall->seats == 0) remove_hall(connections, hall);
}

void connections_hear_lost(struct connections *connections, uint64_t verdict) {
  struct seat *seat, *next_seat;
  struct hall *hall, *next_hall;
  HASH_ITER(hh, connections->halls, hall, next_hall) {
    if (hall->told > verdict) hall->told = 0;
    if (hall->ended > verdict) hall->ended = 0;
  }
  HASH_ITER(hh, connections->seats, seat, next_seat) {
    if (seat->closing > verdict) {
      seat->closing = 0;
      seat->connection.is_closing = false;
    }
    if (seat->state == SEAT_JOINED && seat->ticket > verdict) connections_drop(connections, seat);
  }
}
