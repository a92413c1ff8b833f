/* log_record.h -- one batch in the commit log, as bytes.
 *
 * WHY    A record says by itself whether it is whole, which batch it holds, and what was on disk before it.
 * ROOM   ledger. Below: crc.
 * OWNS   Nothing.
 * BYTES  All big-endian: u32 length of the body; u32 CRC-32C of the other fields of this head; u32 CRC-32C of the body;
 *        u64 number of the batch, from 1; u64 number of the last batch that was synced when this one was written. Then
 *        the body.
 */
#ifndef TROUPE_LOG_RECORD_H
#define TROUPE_LOG_RECORD_H

#include "base/slice.h"

enum { LOG_RECORD_HEAD = 28 };   /* bytes before the body of a record */

struct log_record {
  uint64_t number;
  uint64_t synced;
  struct slice body;   /* in the bytes that it was read from; if only the head was read, just its size */
};

/* Fills in the head of a record whose body is in place: size >= LOG_RECORD_HEAD. */
void log_record_seal(uint8_t *record, size_t size, uint64_t number, uint64_t synced);

/* Whether bytes begin with the head of a record, whether its body is whole or not. */
bool log_record_read_head(struct slice bytes, struct log_record *record);

/* Whether bytes begin with a whole record. */
bool log_record_read(struct slice bytes, struct log_record *record);

#endif
