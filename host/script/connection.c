/* connection.c -- see connection.h. */
#include "script/connection.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/key.h"
#include "ledger/record_key.h"

enum { SMALL = 16 };      /* up to so many connections are found without an index */

struct connection_index {
  uint64_t moment;
  size_t count;
  struct connection *sorted[];     /* by id */
};

void connection_put_record_key(struct buf *key, uint64_t actor_id, uint64_t id) {
  record_key_put_head(key, actor_id, SPACE_CONNECTION);
  key_put_integer(key, (int64_t)id);
}

void connection_index_free(struct connection_index *index) {
  mem_free(index);
}

static int compare(const void *a, const void *b) {
  const struct connection *const *first = a, *const *second = b;
  return ((*first)->id > (*second)->id) - ((*first)->id < (*second)->id);
}

static struct connection_index *try_make_index(const struct audience *audience, uint64_t moment) {
  struct connection_index *made = mem_try_alloc(sizeof *made + audience->count * sizeof made->sorted[0]);
  struct connection *connection;
  bool in_order = true;
  if (made == NULL) return NULL;
  *made = (struct connection_index){ .moment = moment };
  TAILQ_FOREACH(connection, &audience->connections, link) {
    in_order = in_order && (made->count == 0 || made->sorted[made->count - 1]->id < connection->id);
    made->sorted[made->count++] = connection;
  }
  if (!in_order) qsort(made->sorted, made->count, sizeof made->sorted[0], compare);
  return made;
}

static struct connection *find_in(const struct connection_index *index, uint64_t id) {
  size_t low = 0, high = index->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (index->sorted[middle]->id == id) return index->sorted[middle];
    if (index->sorted[middle]->id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return NULL;
}

struct connection *connection_find(const struct audience *audience, struct connection_index **index, uint64_t moment,
                                   uint64_t id) {
  struct connection *connection;
  if (audience->count > SMALL && (*index == NULL || (*index)->moment != moment)) {
    connection_index_free(*index);
    *index = try_make_index(audience, moment);
  }
  if (audience->count > SMALL && *index != NULL) return find_in(*index, id);
  TAILQ_FOREACH(connection, &audience->connections, link) {
    if (connection->id == id) return connection;
  }
  return NULL;
}
