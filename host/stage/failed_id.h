/* failed_id.h -- the ids by which operators name what was given up.
 *
 * WHY     What was given up stands among the records of a shard. Its id says of which, and which record of that it is: nothing
 *         has to be sought.
 * ROOM    stage. Below: schedule, mail_record, ledger (record keys).
 * OWNS    Nothing.
 * BYTES   `s-803-12-3`: of the actor 803/12 (record_print_id) the schedule 3. `m-803-16777217-5-7`: a message to an actor of
 *         the shard 803, with its stamp, which the actor 5/7 has sent. Numbers are decimal, without zeros in front.
 * ALWAYS  The order of record keys is that of shards, then that of kinds, messages first, then that of the numbers.
 */
#ifndef TROUPE_FAILED_ID_H
#define TROUPE_FAILED_ID_H

#include "stage/mail_record.h"

enum failed_kind { FAILED_NONE, FAILED_MESSAGE, FAILED_SCHEDULE };

struct failed_id {
  enum failed_kind kind;
  unsigned shard;
  struct mail_place place;     /* of a message */
  uint64_t actor_id;           /* of a schedule: whose; */
  int64_t schedule;            /* its id there */
};

/* Appends the id; not of FAILED_NONE. */
void failed_id_print(struct buf *text, const struct failed_id *id);

/* False if a text is none. */
bool failed_id_parse(struct slice text, struct failed_id *id);

/* The key of its record in SPACE_FAILED; and of which such a key is, false if it is none. */
void failed_id_put_key(struct buf *key, const struct failed_id *id);
bool failed_id_read_key(struct slice key, struct failed_id *id);

#endif
