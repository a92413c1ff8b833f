/* announcement.c -- see announcement.h. */
#include "stage/announcement.h"

#include "script/events.h"

/* Where the next notice goes. */
struct making {
  struct effect **place;
  _Atomic size_t *under_way;
  uint64_t actor_id;
};

static bool try_put(struct making *making, struct outlet *outlet, const struct notice *like) {
  struct notice *notice = notice_try_new(outlet, like);
  if (notice == NULL) return false;
  notice_leave(notice, making->under_way);
  *making->place = &notice->effect;
  making->place = &notice->effect.next;
  return true;
}

static bool try_broadcast(struct making *making, const struct hall *hall, const struct event *event) {
  const struct notice like = {
    .kind = NOTICE_BROADCAST, .actor_id = making->actor_id, .name = event->name, .text = event->text,
  };
  for (const struct wing *wing = &hall->wing; wing != NULL; wing = wing->next) {
    if (wing->count > 0 && !try_put(making, wing->outlet, &like)) return false;
  }
  return true;
}

static bool try_close(struct making *making, const struct seat *seat, unsigned code, struct slice reason) {
  const struct notice like = { .kind = NOTICE_CLOSE, .connection_id = seat->connection.id, .code = code, .text = reason };
  return try_put(making, seat->outlet, &like);
}

/* Whether a connection can be told anything: it is there, or joins with this turn, and no commit has ended it. */
static bool hears(const struct seat *seat) {
  return seat != NULL && (seat->state == SEAT_JOINING || seat_is_open(seat));
}

static bool try_tell_one(struct making *making, const struct connections *connections, const struct event *event) {
  const struct seat *seat = connections_find(connections, event->connection_id);
  if (!hears(seat)) return true;
  if (event->kind == EVENT_DISCONNECT) return try_close(making, seat, NOTICE_DISCONNECTED, event->text);
  const struct notice like = { .kind = NOTICE_SEND, .connection_id = seat->connection.id, .text = event->text };
  return try_put(making, seat->outlet, &like);
}

static const struct event *first_of(const struct turn *turn) {
  return turn->events == NULL ? NULL : turn->events->first;
}

static bool try_make_notices(struct making *making, const struct connections *connections, const struct hall *hall,
                             const struct turn *turn) {
  for (const struct event *event = first_of(turn); event != NULL; event = event->next) {
    bool made = event->kind == EVENT_BROADCAST ? try_broadcast(making, hall, event)
                : event->kind == EVENT_SEND    ? try_tell_one(making, connections, event)
                                               : true;
    if (!made) return false;
  }
  return true;
}

static bool try_make_closings(struct making *making, const struct connections *connections, const struct hall *hall,
                              const struct turn *turn) {
  const struct connection *connection;
  for (const struct event *event = first_of(turn); event != NULL; event = event->next) {
    if (event->kind == EVENT_DISCONNECT && !try_tell_one(making, connections, event)) return false;
  }
  if (!turn->destroys) return true;
  TAILQ_FOREACH(connection, &hall->audience.connections, link) {
    const struct seat *seat = seat_of((struct connection *)(uintptr_t)connection);
    if (hears(seat) && !try_close(making, seat, NOTICE_DESTROYED, slice_text("destroyed"))) return false;
  }
  return true;
}

static void free_all(struct effect **effects) {
  struct effect *effect = *effects;
  *effects = NULL;
  while (effect != NULL) {
    struct effect *next = effect->next;
    notice_free(notice_of_effect(effect));
    effect = next;
  }
}

void announcement_done(struct announcement *announcement) {
  free_all(&announcement->notices);
  free_all(&announcement->closings);
}

bool announcement_try_make(const struct connections *connections, const struct turn *turn, uint64_t actor_id,
                           _Atomic size_t *under_way, struct announcement *made) {
  const struct hall *hall = connections_hall(connections, actor_id);
  *made = (struct announcement){ 0 };
  if (hall == NULL) return true;                             /* nobody is there to be told */
  struct making notices = { .place = &made->notices, .under_way = under_way, .actor_id = actor_id };
  struct making closings = { .place = &made->closings, .under_way = under_way, .actor_id = actor_id };
  if (try_make_notices(&notices, connections, hall, turn) && try_make_closings(&closings, connections, hall, turn)) return true;
  announcement_done(made);
  return false;
}

void announcement_note(const struct connections *connections, const struct turn *turn, uint64_t actor_id, uint64_t ticket) {
  for (const struct event *event = first_of(turn); event != NULL; event = event->next) {
    struct seat *seat = event->kind == EVENT_DISCONNECT ? connections_find(connections, event->connection_id) : NULL;
    if (hears(seat)) connections_close(seat, ticket);
  }
  struct hall *hall = turn->destroys ? connections_hall(connections, actor_id) : NULL;
  if (hall != NULL) hall->ended = ticket;
}
