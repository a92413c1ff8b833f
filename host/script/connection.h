/* connection.h -- the live connections of an actor, as the script room knows them.
 *
 * WHY     Scripts list them, read what came with them, and keep a state with each. The stage opens and ends them
 *         (stage/connections.h), and lends them to a turn.
 * ROOM    script, without lua.h.
 * THREAD  The actor's worker's.
 * OWNS    Nothing: the stage's table owns connections, with all that their slices show. An index is its maker's.
 * BYTES   The state of a connection is a record of its actor, in the space `n`: by the connection's id, a number (codec/key.h);
 *         the state, a value. No record: nil.
 */
#ifndef TROUPE_CONNECTION_H
#define TROUPE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "codec/format.h"

struct connection {
  TAILQ_ENTRY(connection) link;    /* in its audience */
  uint64_t id;                     /* that of the call which opened it: different for each, even after a restart */
  enum format format;              /* of params */
  struct slice params;             /* what the client sent as `params`; or empty */
  struct slice headers;            /* of its handshake: a value, a map from lower-case names to strings; or empty */
  struct slice address;            /* of the client, as text; or empty */
  bool has_state;                  /* it has, or may have, a record */
  bool is_closing;                 /* a commit has disconnected it: scripts do not see it any more */
};

struct connection_index;

/* The connections of one actor, in the order in which they were opened. */
struct audience {
  TAILQ_HEAD(connection_list, connection) connections;
  size_t count;
};

/* The connection with this id; NULL: there is none. For an audience that does not change meanwhile: `moment` numbers the time
 * for which it stays as it is, and then `index` is of use again. The index begins as NULL, and is made where the audience is
 * large. */
struct connection *connection_find(const struct audience *audience, struct connection_index **index, uint64_t moment,
                                   uint64_t id);
void connection_index_free(struct connection_index *index);

/* Appends the key of the record of a connection's state. Older connections have smaller ids: the records of those before one
 * lie between the key of 0 and its own. */
void connection_put_record_key(struct buf *key, uint64_t actor_id, uint64_t id);

#endif
