/* log_record.c -- heads with two checksums: the one of the head is right even if the body is damaged. */
#include "ledger/log_record.h"

#include "base/buf.h"
#include "base/check.h"
#include "ledger/crc.h"

enum { LENGTH_AT = 0, HEAD_CRC_AT = 4, BODY_CRC_AT = 8, NUMBER_AT = 12, SYNCED_AT = 20 };

static uint32_t head_crc(const uint8_t *record) {
  uint32_t crc = crc_add(CRC_BEGIN, slice_of(record, HEAD_CRC_AT));
  return crc_end(crc_add(crc, slice_of(record + BODY_CRC_AT, LOG_RECORD_HEAD - BODY_CRC_AT)));
}

void log_record_seal(uint8_t *record, size_t size, uint64_t number, uint64_t synced) {
  CHECK_THAT(size, >=, LOG_RECORD_HEAD);
  CHECK_THAT(size - LOG_RECORD_HEAD, <=, UINT32_MAX);
  CHECK_THAT(synced, <, number);
  struct slice body = slice_of(record + LOG_RECORD_HEAD, size - LOG_RECORD_HEAD);
  write_u32(record + LENGTH_AT, (uint32_t)body.size);
  write_u32(record + BODY_CRC_AT, crc_end(crc_add(CRC_BEGIN, body)));
  write_u64(record + NUMBER_AT, number);
  write_u64(record + SYNCED_AT, synced);
  write_u32(record + HEAD_CRC_AT, head_crc(record));
}

bool log_record_read_head(struct slice bytes, struct log_record *record) {
  if (bytes.size < LOG_RECORD_HEAD) return false;
  record->number = read_u64(bytes.data + NUMBER_AT);
  record->synced = read_u64(bytes.data + SYNCED_AT);
  record->body = slice_of(NULL, read_u32(bytes.data + LENGTH_AT));
  return record->synced < record->number && read_u32(bytes.data + HEAD_CRC_AT) == head_crc(bytes.data);
}

bool log_record_read(struct slice bytes, struct log_record *record) {
  if (!log_record_read_head(bytes, record) || record->body.size > bytes.size - LOG_RECORD_HEAD) return false;
  record->body.data = bytes.data + LOG_RECORD_HEAD;
  return read_u32(bytes.data + BODY_CRC_AT) == crc_end(crc_add(CRC_BEGIN, record->body));
}
