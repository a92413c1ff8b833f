/* key_test.c -- known keys, the order of random pairs against an exact model, the way back, and broken bytes. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/key.h"
#include "random.h"

/* A tuple as a flat list: what a nested one holds stands between its BEGIN and its END. */
enum { PARTS_MAX = 64, TEXT_MAX = 32 };

enum part_type { PART_END, PART_STRING, PART_BEGIN, PART_INTEGER, PART_FLOAT, PART_FALSE, PART_TRUE };

struct part {
  enum part_type type;
  size_t size;
  uint8_t text[TEXT_MAX];
  int64_t integer;
  double number;
};

struct tuple {
  size_t count;
  struct part parts[PARTS_MAX];
};

static struct part *tuple_add(struct tuple *tuple, enum part_type type) {
  assert_true(tuple->count < PARTS_MAX);
  struct part *part = &tuple->parts[tuple->count++];
  memset(part, 0, sizeof *part);
  part->type = type;
  return part;
}

static void tuple_encode(const struct tuple *tuple, struct buf *key) {
  for (size_t i = 0; i < tuple->count; i++) {
    const struct part *part = &tuple->parts[i];
    switch (part->type) {
      case PART_END: key_tuple_end(key); break;
      case PART_STRING: key_put_string(key, slice_of(part->text, part->size)); break;
      case PART_BEGIN: key_tuple_begin(key); break;
      case PART_INTEGER: key_put_integer(key, part->integer); break;
      case PART_FLOAT: assert_true(key_put_float(key, part->number)); break;
      case PART_FALSE: case PART_TRUE: key_put_boolean(key, part->type == PART_TRUE); break;
    }
  }
  assert_int_equal(key->err, ERR_NONE);
}

/* The model: numbers by their mathematical value. */

static int compare_floats(double a, double b) {
  return (a > b) - (a < b);
}

static int compare_integer_to_float(int64_t integer, double number) {
  if (number >= 0x1p63) return -1;
  if (number < -0x1p63) return 1;
  int64_t whole = (int64_t)floor(number);   /* exact: it is within 64 bits */
  if (integer != whole) return integer < whole ? -1 : 1;
  return number > floor(number) ? -1 : 0;
}

static int compare_numbers(const struct part *a, const struct part *b) {
  if (a->type == PART_FLOAT && b->type == PART_FLOAT) return compare_floats(a->number, b->number);
  if (a->type == PART_FLOAT) return -compare_integer_to_float(b->integer, a->number);
  if (b->type == PART_FLOAT) return compare_integer_to_float(a->integer, b->number);
  return (a->integer > b->integer) - (a->integer < b->integer);
}

static int rank(const struct part *part) {
  static const int ranks[] = { [PART_END] = 0, [PART_STRING] = 1, [PART_BEGIN] = 2, [PART_INTEGER] = 3,
                               [PART_FLOAT] = 3, [PART_FALSE] = 4, [PART_TRUE] = 5 };
  return ranks[part->type];
}

static int compare_parts(const struct part *a, const struct part *b) {
  if (rank(a) != rank(b)) return rank(a) < rank(b) ? -1 : 1;
  if (rank(a) == 3) return compare_numbers(a, b);
  if (a->type != PART_STRING) return 0;
  size_t size = a->size < b->size ? a->size : b->size;
  for (size_t i = 0; i < size; i++) {
    if (a->text[i] != b->text[i]) return a->text[i] < b->text[i] ? -1 : 1;
  }
  return (a->size > b->size) - (a->size < b->size);
}

static int compare_tuples(const struct tuple *a, const struct tuple *b) {
  for (size_t i = 0; i < a->count && i < b->count; i++) {
    int order = compare_parts(&a->parts[i], &b->parts[i]);
    if (order != 0) return order;
  }
  return (a->count > b->count) - (a->count < b->count);
}

/* What a part is after the way into a key and back. */
static struct part normal(const struct part *part) {
  struct part result = *part;
  if (part->type != PART_FLOAT || part->number < -0x1p63 || part->number >= 0x1p63) return result;
  if (floor(part->number) == part->number) {
    result.type = PART_INTEGER;
    result.integer = (int64_t)part->number;
  }
  return result;
}

/* Reads a key back into a tuple; false where it is broken or has more parts than fit. */
static bool tuple_decode(struct slice key, struct tuple *tuple) {
  struct key_reader reader;
  key_reader_init(&reader, key);
  bool is_fine = true;
  tuple->count = 0;
  for (;;) {
    size_t depth = reader.depth;
    enum key_type type = key_next(&reader);
    is_fine = type != KEY_BROKEN;
    if (!is_fine || (type == KEY_END && depth == 0)) break;
    if (tuple->count == PARTS_MAX) break;
    struct part *part = tuple_add(tuple, PART_END);
    switch (type) {
      case KEY_STRING:
        part->type = PART_STRING;
        part->size = reader.text.size;
        if (part->size > TEXT_MAX) part->size = TEXT_MAX;
        if (part->size > 0) memcpy(part->text, reader.text.data, part->size);
        break;
      case KEY_TUPLE: part->type = PART_BEGIN; break;
      case KEY_INTEGER: part->type = PART_INTEGER; part->integer = reader.integer; break;
      case KEY_FLOAT: part->type = PART_FLOAT; part->number = reader.number; break;
      case KEY_BOOLEAN: part->type = reader.truth ? PART_TRUE : PART_FALSE; break;
      default: break;
    }
  }
  if (!is_fine) assert_int_equal(key_next(&reader), KEY_BROKEN);
  key_reader_done(&reader);
  return is_fine;
}

/* Known keys: the tuples as Lua would read them, as far as the file needs it. */

static bool take(const char **text, const char *word) {
  while (**text == ' ') (*text)++;
  if (strncmp(*text, word, strlen(word)) != 0) return false;
  *text += strlen(word);
  return true;
}

static void parse_string(const char **text, struct tuple *tuple) {
  struct part *part = tuple_add(tuple, PART_STRING);
  while (!take(text, "\"")) {
    unsigned byte = (unsigned char)*(*text)++;
    if (byte == '\\') {
      assert_int_equal(sscanf(*text, "x%2x", &byte), 1);
      *text += 3;
    }
    assert_true(byte != 0 || (*text)[-1] == '0');
    assert_true(part->size < TEXT_MAX);
    part->text[part->size++] = (uint8_t)byte;
  }
}

static void parse_number(const char **text, struct tuple *tuple) {
  char *integer_end, *number_end;
  struct part *part = tuple_add(tuple, PART_INTEGER);
  part->integer = strtoll(*text, &integer_end, 10);
  part->number = strtod(*text, &number_end);
  assert_ptr_not_equal(number_end, *text);
  if (number_end != integer_end) part->type = PART_FLOAT;
  *text = number_end;
}

static void parse_parts(const char **text, struct tuple *tuple) {
  while (!take(text, "}")) {
    if (take(text, "{")) {
      tuple_add(tuple, PART_BEGIN);
      parse_parts(text, tuple);
      tuple_add(tuple, PART_END);
    } else if (take(text, "\"")) {
      parse_string(text, tuple);
    } else if (take(text, "true")) {
      tuple_add(tuple, PART_TRUE);
    } else if (take(text, "false")) {
      tuple_add(tuple, PART_FALSE);
    } else if (take(text, "math.huge")) {
      tuple_add(tuple, PART_FLOAT)->number = INFINITY;
    } else if (take(text, "-math.huge")) {
      tuple_add(tuple, PART_FLOAT)->number = -INFINITY;
    } else if (take(text, "math.mininteger")) {
      tuple_add(tuple, PART_INTEGER)->integer = INT64_MIN;
    } else {
      parse_number(text, tuple);
    }
    (void)take(text, ",");
  }
}

static void check_vector(const char *line) {
  struct tuple tuple = { 0 }, back = { 0 };
  struct buf key = { 0 }, hex = { 0 };
  const char *text = line;
  assert_true(take(&text, "{"));
  parse_parts(&text, &tuple);
  assert_int_equal(*text++, '\t');
  tuple_encode(&tuple, &key);
  for (size_t i = 0; i < key.size; i++) buf_printf(&hex, "%02x", key.data[i]);
  buf_put_byte(&hex, 0);
  if (strcmp((char *)hex.data, text) != 0) fail_msg("%s gives %s", line, (char *)hex.data);
  assert_true(key_is_valid(buf_slice(&key)));
  assert_true(tuple_decode(buf_slice(&key), &back));
  assert_int_equal(back.count, tuple.count);
  for (size_t i = 0; i < tuple.count; i++) {
    struct part expected = normal(&tuple.parts[i]);
    assert_int_equal(expected.type, back.parts[i].type);
    assert_int_equal(compare_parts(&expected, &back.parts[i]), 0);
  }
  buf_done(&key);
  buf_done(&hex);
}

static void known_keys(void **state) {
  FILE *file = fopen(*state, "r");
  char line[512];
  int count = 0;
  if (file == NULL) fail_msg("cannot open %s", (const char *)*state);
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '#' || line[0] == 0) continue;
    check_vector(line);
    count++;
  }
  fclose(file);
  assert_true(count >= 70);
}

/* Random tuples, most of them near an edge and near each other. */

static double random_float(struct random *random) {
  static const double edges[] = { 0.0, -0.0, INFINITY, -INFINITY, 0x1p-1074, -0x1p-1074, 0x1p-1022, 0x1p53, -0x1p53,
                                  0x1p54, -0x1p54, 0x1p62, -0x1p62, 0x1p63, -0x1p63, 0x1p64, -0x1p64, 1e308, -1e308,
                                  0.5, 1.0 };
  double number;
  uint64_t bits;
  switch (random_below(random, 4)) {
    case 0:
      do {
        bits = random_next(random);
        memcpy(&number, &bits, sizeof number);
      } while (isnan(number));
      return number;
    case 1: return (double)(int64_t)random_next(random) / (double)((uint64_t)1 << random_below(random, 64));
    default:
      number = edges[random_below(random, sizeof edges / sizeof edges[0])];
      for (uint64_t steps = random_below(random, 4); steps > 0; steps--) {
        number = nextafter(number, random_once_in(random, 2) ? INFINITY : -INFINITY);
      }
      return number;
  }
}

static int64_t random_integer(struct random *random) {
  uint64_t edge = random_once_in(random, 8) ? random_next(random) : (uint64_t)1 << random_below(random, 64);
  uint64_t number = edge + random_below(random, 9) - 4;
  if (random_once_in(random, 4)) number = edge + random_below(random, 4200) - 2100;
  return (int64_t)(random_once_in(random, 2) ? number : 0 - number);
}

static void random_text(struct random *random, struct part *part) {
  static const uint8_t bytes[] = { 0x00, 0x00, 0x01, 0x05, 0x15, 0xfe, 0xff, 0xff, 'a', 'b' };
  part->size = random_below(random, 6);
  for (size_t i = 0; i < part->size; i++) part->text[i] = bytes[random_below(random, sizeof bytes)];
}

static void random_parts(struct random *random, struct tuple *tuple, size_t depth) {
  for (uint64_t count = random_below(random, 4); count > 0 && tuple->count < PARTS_MAX / 2; count--) {
    switch (random_below(random, depth < 3 ? 8 : 7)) {
      case 0: case 1: random_text(random, tuple_add(tuple, PART_STRING)); break;
      case 2: case 3: tuple_add(tuple, PART_INTEGER)->integer = random_integer(random); break;
      case 4: case 5: tuple_add(tuple, PART_FLOAT)->number = random_float(random); break;
      case 6: tuple_add(tuple, random_once_in(random, 2) ? PART_TRUE : PART_FALSE); break;
      default:
        tuple_add(tuple, PART_BEGIN);
        random_parts(random, tuple, depth + 1);
        tuple_add(tuple, PART_END);
    }
  }
}

/* Changes one part a little, or its kind, or gives the tuple one more. */
static void mutate(struct random *random, struct tuple *tuple) {
  if (tuple->count == 0 || random_once_in(random, 8)) {
    random_parts(random, tuple, 0);
    return;
  }
  struct part *part = &tuple->parts[random_below(random, tuple->count)];
  switch (part->type) {
    case PART_STRING:
      if (part->size > 0 && random_once_in(random, 2)) part->size--;
      else part->text[part->size++] = (uint8_t)(random_once_in(random, 2) ? 0 : 0xff);
      break;
    case PART_INTEGER:
      part->number = (double)part->integer;
      if (random_once_in(random, 2)) part->type = PART_FLOAT;
      else part->integer = (int64_t)((uint64_t)part->integer + random_below(random, 3) - 1);
      break;
    case PART_FLOAT:
      part->integer = part->number >= -0x1p63 && part->number < 0x1p63 ? (int64_t)part->number : 0;
      if (random_once_in(random, 2)) part->type = PART_INTEGER;
      else part->number = nextafter(part->number, random_once_in(random, 2) ? INFINITY : -INFINITY);
      break;
    case PART_FALSE: part->type = PART_TRUE; break;
    case PART_TRUE: part->type = PART_FALSE; break;
    default: break;
  }
}

static int sign(int order) {
  return (order > 0) - (order < 0);
}

static void check_way_back(const struct tuple *tuple, struct slice key) {
  struct tuple back;
  assert_true(key.size == 0 || key_is_valid(key));
  assert_true(tuple_decode(key, &back));
  assert_int_equal(back.count, tuple->count);
  for (size_t i = 0; i < tuple->count; i++) {
    struct part expected = normal(&tuple->parts[i]);
    if (expected.type != back.parts[i].type || compare_parts(&expected, &back.parts[i]) != 0) {
      fail_msg("part %zu came back as another", i);
    }
  }
}

/* The sizes of the first parts add up to the whole. */
static void check_sizes(struct slice key) {
  while (key.size > 0) {
    size_t size = key_part_size(key);
    assert_true(size > 0 && size <= key.size);
    assert_true(key_is_valid(slice_of(key.data, size)));
    key = slice_after(key, size);
  }
}

static void random_pairs(void **state) {
  (void)state;
  struct random random = random_begin("random_pairs");
  uint64_t pairs = environment_count("TROUPE_PAIRS", 200000);
  uint64_t seen[3] = { 0 };
  struct buf a_key = { 0 }, b_key = { 0 };
  for (uint64_t i = 0; i < pairs; i++) {
    struct tuple a = { 0 }, b = { 0 };
    random_parts(&random, &a, 0);
    if (random_once_in(&random, 3)) {
      random_parts(&random, &b, 0);
    } else {
      b = a;
      mutate(&random, &b);
    }
    buf_clear(&a_key);
    buf_clear(&b_key);
    tuple_encode(&a, &a_key);
    tuple_encode(&b, &b_key);
    int expected = compare_tuples(&a, &b);
    int got = sign(slice_compare(buf_slice(&a_key), buf_slice(&b_key)));
    if (got != expected) fail_msg("pair %" PRIu64 " sorts %d, should sort %d", i, got, expected);
    check_way_back(&a, buf_slice(&a_key));
    check_sizes(buf_slice(&b_key));
    seen[got + 1]++;
  }
  buf_done(&a_key);
  buf_done(&b_key);
  if (pairs >= 1000) assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > 0);
}

/* In a block of its own size, so that a sanitizer sees a read beyond it. */
static bool is_whole(struct slice key) {
  uint8_t *copy = malloc(key.size == 0 ? 1 : key.size);
  assert_non_null(copy);
  if (key.size > 0) memcpy(copy, key.data, key.size);
  struct slice block = slice_of(copy, key.size);
  struct tuple tuple;
  struct buf again = { 0 }, text = { 0 };
  bool is_fine = tuple_decode(block, &tuple);
  assert_int_equal(is_fine && key.size > 0, key_is_valid(block));
  assert_true(key_part_size(block) <= key.size);
  key_print(&text, block);
  if (is_fine && tuple.count < PARTS_MAX) {
    tuple_encode(&tuple, &again);
    assert_true(slice_equal(buf_slice(&again), block));
  }
  buf_done(&again);
  buf_done(&text);
  free(copy);
  return is_fine;
}

static void broken_bytes_are_refused_or_the_very_bytes_of_a_key(void **state) {
  (void)state;
  struct random random = random_begin("broken_bytes");
  uint64_t count = environment_count("TROUPE_PAIRS", 200000) / 2;
  uint64_t fine = 0;
  struct buf key = { 0 };
  for (uint64_t i = 0; i < count; i++) {
    static const uint8_t likely[] = { 0x00, 0x01, 0x05, 0x15, 0x26, 0x27, 0x7f, 0x80, 0xc3, 0x3c, 0xff };
    struct tuple tuple = { 0 };
    random_parts(&random, &tuple, 0);
    buf_clear(&key);
    tuple_encode(&tuple, &key);
    for (uint64_t changes = random_below(&random, 3) + 1; changes > 0 && key.size > 0; changes--) {
      size_t at = random_below(&random, key.size);
      switch (random_below(&random, 4)) {
        case 0: key.size = at; break;
        case 1: key.data[at] = (uint8_t)random_next(&random); break;
        case 2: key.data[at] = likely[random_below(&random, sizeof likely)]; break;
        default: key.data[at] ^= (uint8_t)(1u << random_below(&random, 8));
      }
    }
    if (key.size <= TEXT_MAX) fine += is_whole(buf_slice(&key));   /* so that no string is longer than a part */
  }
  buf_done(&key);
  if (count >= 1000) assert_true(fine > 0 && fine < count);
}

/* Bytes that would decode to something and are not what the writer writes. */
static void other_spellings_are_broken(void **state) {
  (void)state;
  static const struct {
    size_t size;
    const char *bytes;
  } broken[] = {
    { 9, "\x15\x7f\xff\xff\xff\xff\xff\xff\xff" },              /* -0.0 */
    { 11, "\x15\xff\xf8\x00\x00\x00\x00\x00\x00\x00\x00" },     /* NaN */
    { 11, "\x15\x00\x07\xff\xff\xff\xff\xff\xff\x00\x00" },     /* another NaN */
    { 9, "\x15\xc3\x40\x00\x00\x00\x00\x00\x00" },              /* 2^53 without its two bytes */
    { 10, "\x15\xc3\x40\x00\x00\x00\x00\x00\x00\x00" },         /* with one of them */
    { 11, "\x15\xc3\x40\x00\x00\x00\x00\x00\x00\x00\x02" },     /* 2^53 + 2 by another floor */
    { 11, "\x15\xc3\xdf\xff\xff\xff\xff\xff\xff\x04\x00" },     /* 2^63 by another floor */
    { 11, "\x15\xc3\xe0\x00\x00\x00\x00\x00\x00\x00\x01" },     /* more than 2^63, whose floats stand alone */
    { 11, "\x15\x3c\xbf\xff\xff\xff\xff\xff\xff\x00\x01" },     /* -2^53 + 1 */
    { 11, "\x15\xff\xf0\x00\x00\x00\x00\x00\x00\x00\x01" },     /* infinity and one */
    { 2, "\x01" "a" },                                          /* no end */
    { 3, "\x01\x00\xff" },                                      /* an escaped zero and no end */
    { 1, "\x00" },                                              /* an end of nothing */
    { 1, "\x05" },                                              /* a tuple without end */
    { 3, "\x05\x00\xff" },
    { 1, "\x02" },
    { 3, "\x01\x00\x00" },
  };
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    if (is_whole(slice_of(broken[i].bytes, broken[i].size))) fail_msg("number %zu was read", i);
  }
  assert_false(key_is_valid(slice_of(NULL, 0)));
  assert_int_equal(key_part_size(slice_of(NULL, 0)), 0);
}

static void depth_is_bounded(void **state) {
  (void)state;
  struct buf key = { 0 };
  for (int i = 0; i < KEY_DEPTH_MAX; i++) key_tuple_begin(&key);
  for (int i = 0; i < KEY_DEPTH_MAX; i++) key_tuple_end(&key);
  assert_true(key_is_valid(buf_slice(&key)));
  assert_int_equal(key_part_size(buf_slice(&key)), key.size);
  buf_clear(&key);
  for (int i = 0; i < KEY_DEPTH_MAX + 1; i++) key_tuple_begin(&key);
  for (int i = 0; i < KEY_DEPTH_MAX + 1; i++) key_tuple_end(&key);
  assert_false(key_is_valid(buf_slice(&key)));
  assert_int_equal(key_part_size(buf_slice(&key)), 0);
  buf_done(&key);
}

static void nan_is_no_key(void **state) {
  (void)state;
  struct buf key = { 0 };
  assert_false(key_put_float(&key, (double)NAN));
  assert_false(key_put_float(&key, -(double)NAN));
  assert_int_equal(key.size, 0);
  buf_done(&key);
}

static void keys_are_printed_for_people(void **state) {
  (void)state;
  struct buf key = { 0 }, text = { 0 };
  key_put_string(&key, slice_text("ann"));
  key_print(&text, buf_slice(&key));
  key_put_integer(&key, 42);
  key_tuple_begin(&key);
  key_tuple_end(&key);
  key_tuple_begin(&key);
  key_put_float(&key, 0.5);
  key_put_boolean(&key, true);
  key_put_float(&key, INFINITY);
  key_tuple_end(&key);
  key_put_string(&key, slice_of("\"\xff\0", 3));
  key_print(&text, buf_slice(&key));
  buf_put_byte(&key, 0x77);
  key_print(&text, slice_after(buf_slice(&key), 5));
  buf_put_byte(&text, 0);
  assert_string_equal((char *)text.data, "\"ann\"[\"ann\",42,[],[0.5,true,inf],\"\\\"\\ufffd\\u0000\"]"
                                         "[42,[],[0.5,true,inf],\"\\\"\\ufffd\\u0000\"<broken>]");
  buf_done(&key);
  buf_done(&text);
}

static void addresses_are_printed_as_in_paths(void **state) {
  (void)state;
  static const struct { const char *class_name, *first; bool with_number; const char *text; } rows[] = {
    { "Account", "ann", false, "Account/ann" },  { "Account", "a b/c", false, "Account/a b/c" },
    { "Account", "42", false, "Account/42" },    { "Room", "eu", true, "Room/[\"eu\",42]" },
    { "Account", "[x", false, "Account/[\"[x\"]" }, { "Account", "", false, "Account/[\"\"]" },
    { "Account", "a\n", false, "Account/[\"a\\n\"]" }, { "Account", "\xff", false, "Account/[\"\\ufffd\"]" },
    { "\xff", "ann", false, "\"\\ufffd\"/ann" },
  };
  struct buf key = { 0 }, text = { 0 };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    buf_clear(&key);
    buf_clear(&text);
    key_put_string(&key, slice_text(rows[i].first));
    if (rows[i].with_number) key_put_integer(&key, 42);
    key_print_address(&text, slice_text(rows[i].class_name), buf_slice(&key));
    buf_put_byte(&text, 0);
    assert_string_equal((char *)text.data, rows[i].text);
  }
  buf_done(&key);
  buf_done(&text);
}

static void want_of_memory_is_told_from_damage(void **state) {
  (void)state;
  struct buf key = { 0 };
  struct key_reader reader;
  key_put_string(&key, slice_of("a\0text", 6));      /* only what is unescaped needs memory */
  key_reader_init(&reader, buf_slice(&key));
  mem_fail_at(1);
  assert_int_equal(key_next(&reader), KEY_BROKEN);
  assert_int_equal(reader.unescaped.err, ERR_MEMORY);
  assert_int_equal(key_next(&reader), KEY_STRING);
  assert_int_equal(reader.unescaped.size, 6);
  assert_int_equal(key_next(&reader), KEY_END);
  key_reader_done(&reader);
  buf_done(&key);
}

int main(int argc, char **argv) {
  static char file[] = "spec/c/key_vectors.txt";
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_prestate(known_keys, argc > 1 ? argv[1] : file),
    cmocka_unit_test(random_pairs),
    cmocka_unit_test(broken_bytes_are_refused_or_the_very_bytes_of_a_key),
    cmocka_unit_test(other_spellings_are_broken),
    cmocka_unit_test(depth_is_bounded),
    cmocka_unit_test(nan_is_no_key),
    cmocka_unit_test(keys_are_printed_for_people),
    cmocka_unit_test(addresses_are_printed_as_in_paths),
    cmocka_unit_test(want_of_memory_is_told_from_damage),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
