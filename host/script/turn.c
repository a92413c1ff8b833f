/* turn.c -- see turn.h. */
#include "script/turn.h"

#include "script/connection.h"
#include "script/events.h"
#include "script/outbox.h"
#include "script/outgoing.h"

struct connection *turn_find_connection(struct turn *turn, uint64_t id) {
  if (turn->connection != NULL && turn->connection->id == id) return turn->connection;
  if (turn->audience == NULL) return NULL;
  return connection_find(turn->audience, &turn->connection_index, turn->stay, id);
}

struct slice turn_params(const struct turn *turn, enum format *format) {
  *format = turn->connection != NULL ? turn->connection->format : turn->format;
  return turn->connection != NULL ? turn->connection->params : turn->params;
}

size_t turn_sent_bytes(const struct turn *turn) {
  size_t sent = turn->outbox == NULL ? 0 : turn->outbox->bytes;
  return sent + (turn->events == NULL ? 0 : turn->events->bytes);
}

void turn_done(struct turn *turn) {
  buf_done(&turn->result);
  buf_done(&turn->traceback);
  failure_done(&turn->failure);
  failure_done(&turn->refusal);
  outgoing_free(turn->outgoing);
  turn->outgoing = NULL;
  outbox_free(turn->outbox);
  turn->outbox = NULL;
  events_free(turn->events);
  turn->events = NULL;
  connection_index_free(turn->connection_index);
  turn->connection_index = NULL;
}
