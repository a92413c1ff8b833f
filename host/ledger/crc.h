/* crc.h -- CRC-32C, the checksum of everything that the ledger puts on disk.
 *
 * WHY   It finds all damage of up to 32 bits in a row, and processors compute it in hardware.
 * ROOM  ledger. Below: base.
 */
#ifndef TROUPE_CRC_H
#define TROUPE_CRC_H

#include "base/slice.h"

#define CRC_BEGIN UINT32_MAX

/* Continues a checksum over more bytes: crc_end(crc_add(crc_add(CRC_BEGIN, a), b)) is the checksum of a and b in one. */
uint32_t crc_add(uint32_t crc, struct slice bytes);

static inline uint32_t crc_end(uint32_t crc) {
  return ~crc;
}

#endif
