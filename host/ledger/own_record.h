/* own_record.h -- the record that says who an actor is: its class and its key.
 *
 * WHY     An actor can be named without the index, by those that make it, check it or give it another id.
 * ROOM    ledger. Below: codec.
 * OWNS    Nothing.
 * BYTES   A value, {class: text, key: the encoded key}, under the actor's id in SPACE_OWN. A schedule that has failed says the
 *         same of its actor (schedule/schedule.h).
 */
#ifndef TROUPE_OWN_RECORD_H
#define TROUPE_OWN_RECORD_H

#include "base/buf.h"

/* Appends what the record holds. */
void own_record_put(struct buf *value, struct slice class_name, struct slice key);

/* What the record says, as slices of it. False if these bytes do not say who an actor is. */
bool own_record_read(struct slice value, struct slice *class_name, struct slice *key);

#endif
