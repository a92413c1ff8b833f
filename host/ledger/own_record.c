/* own_record.c -- see own_record.h. */
#include "ledger/own_record.h"

#include "codec/key.h"
#include "codec/value.h"

void own_record_put(struct buf *value, struct slice class_name, struct slice key) {
  value_put_map(value, 2);
  value_put_string(value, slice_text("class"));
  value_put_string(value, class_name);
  value_put_string(value, slice_text("key"));
  value_put_string(value, key);
}

bool own_record_read(struct slice value, struct slice *class_name, struct slice *key) {
  struct value_reader reader;
  *class_name = *key = slice_of(NULL, 0);
  value_reader_init(&reader, value);
  if (value_next(&reader) != VALUE_MAP || reader.count != 2) return false;
  for (int i = 0; i < 2; i++) {
    if (value_next(&reader) != VALUE_STRING) return false;
    struct slice name = reader.text;
    if (value_next(&reader) != VALUE_STRING) return false;
    if (slice_equal(name, slice_text("class"))) *class_name = reader.text;
    if (slice_equal(name, slice_text("key"))) *key = reader.text;
  }
  return value_next(&reader) == VALUE_END && class_name->data != NULL && key_is_valid(*key);
}
