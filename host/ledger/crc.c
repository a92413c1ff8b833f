/* crc.c -- CRC-32C by isa-l. */
#include "ledger/crc.h"

#include <isa-l/crc.h>

/* The library counts bytes in an int. */
uint32_t crc_add(uint32_t crc, struct slice bytes) {
  const size_t part_max = (size_t)1 << 30;
  while (bytes.size > 0) {
    size_t part = bytes.size < part_max ? bytes.size : part_max;
    crc = crc32_iscsi((unsigned char *)bytes.data, (int)part, crc);
    bytes = slice_after(bytes, part);
  }
  return crc;
}
