/* checkpoint_number.h -- the number of the batch up to which the store holds everything in the log; 0: none.
 *
 * WHY    It says where the log begins to matter.
 * ROOM   ledger. Below: store, record.
 * OWNS   Nothing.
 * BYTES  A record of the store: RECORD_HOST_ID, space `c`; u64 big-endian.
 * ERRORS ERR_STORAGE: the record cannot be read.
 */
#ifndef TROUPE_CHECKPOINT_NUMBER_H
#define TROUPE_CHECKPOINT_NUMBER_H

#include "ledger/store.h"

/* The number in the store now, and the one in a reader's snapshot. */
enum err checkpoint_number_read(struct store *store, uint64_t *number, struct failure *failure);
enum err checkpoint_number_get(struct store_reader *reader, uint64_t *number, struct failure *failure);

/* Puts it into a batch. */
enum err checkpoint_number_put(struct store *store, uint64_t number);

/* Whether a key is the key of its record. */
bool checkpoint_number_is(struct slice key);

#endif
