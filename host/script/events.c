/* events.c -- see events.h. Each event is one block, with its bytes behind it. */
#include "script/events.h"

#include "base/mem.h"

struct events *events_try_new(void) {
  return mem_try_zero(sizeof(struct events));
}

void events_free(struct events *events) {
  if (events == NULL) return;
  for (struct event *event = events->first, *next; event != NULL; event = next) {
    next = event->next;
    mem_free(event);
  }
  mem_free(events);
}

size_t events_bytes_of(const struct event *event) {
  return sizeof *event + event->name.size + event->text.size;
}

bool events_try_put(struct events *events, const struct event *event) {
  struct event *put = mem_try_alloc(events_bytes_of(event));
  if (put == NULL) return false;
  uint8_t *place = (uint8_t *)(put + 1);
  *put = (struct event){
    .kind = event->kind, .connection_id = event->connection_id, .name = slice_copy(event->name, &place),
    .text = slice_copy(event->text, &place),
  };
  if (events->last == NULL) {
    events->first = put;
  } else {
    events->last->next = put;
  }
  events->last = put;
  events->count++;
  events->bytes += events_bytes_of(put);
  return true;
}
