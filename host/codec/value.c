/* value.c -- MessagePack: msgpack-c writes, a switch over the first byte reads. */
#include "codec/value.h"

#include <msgpack/pack.h>

#include "base/check.h"
#include "codec/key.h"

enum { CLASS_SIZE_MAX = 255 };

static int write_to_buf(void *data, const char *bytes, size_t size) {
  struct buf *buf = data;
  buf_put(buf, slice_of(bytes, size));
  return buf->err == ERR_NONE ? 0 : -1;
}

static msgpack_packer packer_of(struct buf *buf) {
  return (msgpack_packer){ .data = buf, .callback = write_to_buf };
}

/* What the packer returns is known to the buffer, which remembers its first failure; hence the casts to void. */

void value_put_null(struct buf *buf) {
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_nil(&packer);
}

void value_put_boolean(struct buf *buf, bool truth) {
  msgpack_packer packer = packer_of(buf);
  (void)(truth ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void value_put_integer(struct buf *buf, int64_t number) {
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_int64(&packer, number);
}

void value_put_float(struct buf *buf, double number) {
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_double(&packer, number);
}

void value_put_string(struct buf *buf, struct slice text) {
  if (buf->err == ERR_NONE && text.size > UINT32_MAX) buf->err = ERR_TOO_LARGE;
  if (buf->err != ERR_NONE) return;
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_str(&packer, text.size);
  if (text.size > 0) (void)msgpack_pack_str_body(&packer, text.data, text.size);
}

void value_put_array(struct buf *buf, uint32_t count) {
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_array(&packer, count);
}

void value_put_map(struct buf *buf, uint32_t count) {
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_map(&packer, count);
}

void value_put_same(struct buf *buf, uint32_t table) {
  uint8_t number[4];
  for (size_t i = 0; i < sizeof number; i++) number[i] = (uint8_t)(table >> (24 - 8 * i));
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_ext_with_body(&packer, number, sizeof number, VALUE_EXT_SAME);
}

void value_put_node(struct buf *buf, uint64_t node_id) {
  uint8_t number[8];
  for (size_t i = 0; i < sizeof number; i++) number[i] = (uint8_t)(node_id >> (56 - 8 * i));
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_ext_with_body(&packer, number, sizeof number, VALUE_EXT_NODE);
}

/* The bytes in front of the name of a class, within a handle. */
static size_t class_head_size(size_t size) {
  return size < 32 ? 1 : 2;
}

void value_put_handle(struct buf *buf, struct slice class_name, struct slice key) {
  CHECK(class_name.size > 0 && class_name.size <= CLASS_SIZE_MAX);
  size_t size = class_head_size(class_name.size) + class_name.size + key.size;
  if (buf->err == ERR_NONE && size > UINT32_MAX) buf->err = ERR_TOO_LARGE;
  if (buf->err != ERR_NONE) return;
  msgpack_packer packer = packer_of(buf);
  (void)msgpack_pack_ext(&packer, size, VALUE_EXT_HANDLE);
  value_put_string(buf, class_name);
  buf_put(buf, key);
}

void value_reader_init(struct value_reader *reader, struct slice bytes) {
  *reader = (struct value_reader){ .rest = bytes };
}

/* A big-endian number of 1, 2, 4 or 8 bytes off the front of `rest`; false where there are fewer. */
static bool take_number(struct slice *rest, size_t size, uint64_t *number) {
  if (rest->size < size) return false;
  *number = 0;
  for (size_t i = 0; i < size; i++) *number = *number << 8 | rest->data[i];
  *rest = slice_after(*rest, size);
  return true;
}

static enum value_type read_unsigned(struct value_reader *reader, struct slice *rest, size_t size) {
  uint64_t number;
  if (!take_number(rest, size, &number) || number > INT64_MAX) return VALUE_BROKEN;
  reader->integer = (int64_t)number;
  return VALUE_INTEGER;
}

static enum value_type read_signed(struct value_reader *reader, struct slice *rest, size_t size) {
  uint64_t number;
  if (!take_number(rest, size, &number)) return VALUE_BROKEN;
  switch (size) {
    case 1: reader->integer = (int8_t)number; break;
    case 2: reader->integer = (int16_t)number; break;
    case 4: reader->integer = (int32_t)number; break;
    default: reader->integer = (int64_t)number;
  }
  return VALUE_INTEGER;
}

static enum value_type read_float(struct value_reader *reader, struct slice *rest) {
  uint64_t bits;
  if (!take_number(rest, sizeof bits, &bits)) return VALUE_BROKEN;
  memcpy(&reader->number, &bits, sizeof bits);
  return VALUE_FLOAT;
}

static enum value_type read_string(struct value_reader *reader, struct slice *rest, uint64_t size) {
  if (size > rest->size) return VALUE_BROKEN;
  reader->text = slice_of(rest->data, (size_t)size);
  *rest = slice_after(*rest, (size_t)size);
  return VALUE_STRING;
}

/* A token is a byte at least, so no more of them can follow than there are bytes. */
static enum value_type read_table(struct value_reader *reader, const struct slice *rest, uint64_t count, bool is_map) {
  if (count > rest->size / (is_map ? 2 : 1)) return VALUE_BROKEN;
  reader->count = (uint32_t)count;
  return is_map ? VALUE_MAP : VALUE_ARRAY;
}

static enum value_type read_same(struct value_reader *reader, struct slice body) {
  uint64_t table;
  if (body.size != 4 || !take_number(&body, 4, &table)) return VALUE_BROKEN;
  reader->count = (uint32_t)table;
  return VALUE_SAME;
}

static enum value_type read_node(struct value_reader *reader, struct slice body) {
  if (body.size != 8 || !take_number(&body, 8, &reader->node)) return VALUE_BROKEN;
  return reader->node == 0 ? VALUE_BROKEN : VALUE_NODE;
}

static enum value_type read_handle(struct value_reader *reader, struct slice body) {
  uint64_t code, size;
  if (!take_number(&body, 1, &code)) return VALUE_BROKEN;
  size = code & 0x1f;
  if (code == 0xd9 ? !take_number(&body, 1, &size) || size < 32 : code < 0xa1 || code > 0xbf) return VALUE_BROKEN;
  if (size > body.size || !key_is_valid(slice_after(body, (size_t)size))) return VALUE_BROKEN;
  reader->text = slice_of(body.data, (size_t)size);
  reader->key = slice_after(body, (size_t)size);
  return VALUE_HANDLE;
}

/* The first byte of an extension with a body of this size. */
static uint8_t extension_code(uint64_t size) {
  switch (size) {
    case 1: return 0xd4;
    case 2: return 0xd5;
    case 4: return 0xd6;
    case 8: return 0xd7;
    case 16: return 0xd8;
    default: return size <= UINT8_MAX ? 0xc7 : size <= UINT16_MAX ? 0xc8 : 0xc9;
  }
}

/* What follows the first byte and the size of an extension: its type, and `size` bytes. They are ours, and so in the
 * shortest form. */
static enum value_type read_extension(struct value_reader *reader, struct slice *rest, uint8_t code, uint64_t size) {
  uint64_t type;
  if (code != extension_code(size) || !take_number(rest, 1, &type) || size > rest->size) return VALUE_BROKEN;
  struct slice body = slice_of(rest->data, (size_t)size);
  *rest = slice_after(*rest, (size_t)size);
  switch (type) {
    case VALUE_EXT_SAME: return read_same(reader, body);
    case VALUE_EXT_NODE: return read_node(reader, body);
    case VALUE_EXT_HANDLE: return read_handle(reader, body);
    default: return VALUE_BROKEN;
  }
}

/* A token whose first byte, 0xc0 to 0xdf, says how the rest is to be read. */
static enum value_type read_long(struct value_reader *reader, struct slice *rest, uint8_t code) {
  uint64_t number;
  switch (code) {
    case 0xc0: return VALUE_NULL;
    case 0xc2: case 0xc3: reader->truth = code == 0xc3; return VALUE_BOOLEAN;
    case 0xc7: return take_number(rest, 1, &number) ? read_extension(reader, rest, code, number) : VALUE_BROKEN;
    case 0xc8: return take_number(rest, 2, &number) ? read_extension(reader, rest, code, number) : VALUE_BROKEN;
    case 0xc9: return take_number(rest, 4, &number) ? read_extension(reader, rest, code, number) : VALUE_BROKEN;
    case 0xcb: return read_float(reader, rest);
    case 0xcc: return read_unsigned(reader, rest, 1);
    case 0xcd: return read_unsigned(reader, rest, 2);
    case 0xce: return read_unsigned(reader, rest, 4);
    case 0xcf: return read_unsigned(reader, rest, 8);
    case 0xd0: return read_signed(reader, rest, 1);
    case 0xd1: return read_signed(reader, rest, 2);
    case 0xd2: return read_signed(reader, rest, 4);
    case 0xd3: return read_signed(reader, rest, 8);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
      return read_extension(reader, rest, code, 1u << (code - 0xd4));
    case 0xd9: return take_number(rest, 1, &number) ? read_string(reader, rest, number) : VALUE_BROKEN;
    case 0xda: return take_number(rest, 2, &number) ? read_string(reader, rest, number) : VALUE_BROKEN;
    case 0xdb: return take_number(rest, 4, &number) ? read_string(reader, rest, number) : VALUE_BROKEN;
    case 0xdc: return take_number(rest, 2, &number) ? read_table(reader, rest, number, false) : VALUE_BROKEN;
    case 0xdd: return take_number(rest, 4, &number) ? read_table(reader, rest, number, false) : VALUE_BROKEN;
    case 0xde: return take_number(rest, 2, &number) ? read_table(reader, rest, number, true) : VALUE_BROKEN;
    case 0xdf: return take_number(rest, 4, &number) ? read_table(reader, rest, number, true) : VALUE_BROKEN;
    default: return VALUE_BROKEN;
  }
}

enum value_type value_next(struct value_reader *reader) {
  if (reader->rest.size == 0) return VALUE_END;
  uint8_t code = reader->rest.data[0];
  struct slice rest = slice_after(reader->rest, 1);
  enum value_type type;
  if (code < 0x80 || code >= 0xe0) {
    reader->integer = (int8_t)code;
    type = VALUE_INTEGER;
  } else if (code < 0x90) {
    type = read_table(reader, &rest, code & 0x0f, true);
  } else if (code < 0xa0) {
    type = read_table(reader, &rest, code & 0x0f, false);
  } else if (code < 0xc0) {
    type = read_string(reader, &rest, code & 0x1f);
  } else {
    type = read_long(reader, &rest, code);
  }
  /* What is broken stays in front, so that it is broken the next time too. */
  if (type != VALUE_BROKEN) reader->rest = rest;
  return type;
}

bool value_is_valid(struct slice bytes, struct buf *nodes) {
  struct value_reader reader;
  uint64_t to_come = 1, tables = 0;
  value_reader_init(&reader, bytes);
  while (to_come > 0) {
    to_come--;
    switch (value_next(&reader)) {
      case VALUE_END: case VALUE_BROKEN: return false;
      case VALUE_NULL: case VALUE_BOOLEAN: case VALUE_INTEGER: case VALUE_FLOAT: case VALUE_STRING:
      case VALUE_HANDLE:
        break;
      case VALUE_ARRAY:
        to_come += reader.count;
        tables++;
        break;
      case VALUE_MAP:
        to_come += 2 * (uint64_t)reader.count;
        tables++;
        break;
      case VALUE_NODE:
        if (nodes == NULL) return false;
        buf_put(nodes, slice_of(&reader.node, sizeof reader.node));
        break;
      case VALUE_SAME:
        if (reader.count >= tables) return false;
        break;
    }
  }
  return value_next(&reader) == VALUE_END;
}
