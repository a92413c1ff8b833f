/* call_tree.c -- see call_tree.h. A call waits for one other at most, so each tree is a chain. */
#include "call_tree.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/json.h"
#include "codec/key.h"

enum { INDENT = 2, INDENTED_MAX = 100, DEPTH_CALL = 3, DEPTH_ACTOR = 4 };

/* A text within `texts`. */
struct piece {
  size_t at, size;
};

/* An actor, perhaps with a call of it. */
struct party {
  struct piece id, class_name, key, method;    /* the key as JSON */
};

struct entry {
  struct party call, caller, asks;
  struct piece waits;
  double seconds, waits_seconds;
  bool is_nested;                              /* another one waits for it */
  bool is_printed;
};

enum field { FIELD_NONE, FIELD_ID, FIELD_CLASS, FIELD_KEY, FIELD_METHOD, FIELD_WAITS, FIELD_SECONDS, FIELD_WAITS_SECONDS };

struct call_tree {
  struct buf texts;
  struct buf entries;
  struct entry entry;                          /* that is being read */
  struct party *party;                         /* of it */
  enum field field;                            /* of that, whose value comes next */
  size_t depth;
  size_t key_depth;                            /* within a key: how many arrays and objects have begun */
  bool is_first;                               /* within a key: nothing stands in front of the next part */
  struct piece key;                            /* the one that is being read */
  bool is_cut;
};

/* -- reading -- */

static struct slice text_of(const struct call_tree *tree, struct piece piece) {
  return slice_of(tree->texts.data + piece.at, piece.size);
}

static struct piece keep(struct call_tree *tree, struct slice text) {
  struct piece piece = { .at = tree->texts.size, .size = text.size };
  buf_put(&tree->texts, text);
  return piece;
}

/* Whether the next value is a part of a key; then what stands in front of it is written. */
static bool begin_part(struct call_tree *tree) {
  if (tree->field != FIELD_KEY) return false;
  if (tree->key_depth == 0) tree->key.at = tree->texts.size;
  if (tree->key_depth > 0 && !tree->is_first) buf_put_byte(&tree->texts, ',');
  tree->is_first = false;
  return true;
}

static bool end_part(struct call_tree *tree) {
  if (tree->key_depth > 0) return true;
  tree->key.size = tree->texts.size - tree->key.at;
  tree->party->key = tree->key;
  tree->field = FIELD_NONE;
  return true;
}

static bool on_null(void *context) {
  struct call_tree *tree = context;
  if (!begin_part(tree)) return true;
  buf_put_text(&tree->texts, "null");
  return end_part(tree);
}

static bool on_boolean(void *context, bool truth) {
  struct call_tree *tree = context;
  if (begin_part(tree)) {
    buf_put_text(&tree->texts, truth ? "true" : "false");
    return end_part(tree);
  }
  if (tree->depth == 1) tree->is_cut = truth;        /* "cut" is the only one */
  return true;
}

static bool on_integer(void *context, int64_t number) {
  struct call_tree *tree = context;
  if (!begin_part(tree)) return true;
  json_put_integer(&tree->texts, number);
  return end_part(tree);
}

static bool on_float(void *context, double number) {
  struct call_tree *tree = context;
  if (begin_part(tree)) {
    json_put_float(&tree->texts, number);
    return end_part(tree);
  }
  if (tree->field == FIELD_SECONDS) tree->entry.seconds = number;
  if (tree->field == FIELD_WAITS_SECONDS) tree->entry.waits_seconds = number;
  return true;
}

static bool on_string(void *context, struct slice text) {
  struct call_tree *tree = context;
  if (begin_part(tree)) {
    (void)json_put_string(&tree->texts, text);
    return end_part(tree);
  }
  struct party *party = tree->party;
  switch (tree->field) {
    case FIELD_ID: party->id = keep(tree, text); break;
    case FIELD_CLASS: party->class_name = keep(tree, text); break;
    case FIELD_METHOD: party->method = keep(tree, text); break;
    case FIELD_WAITS: tree->entry.waits = keep(tree, text); break;
    default: break;
  }
  return true;
}

static enum field field_of(struct slice name) {
  static const struct { const char *name; enum field field; } known[] = {
    { "id", FIELD_ID }, { "class", FIELD_CLASS }, { "key", FIELD_KEY }, { "method", FIELD_METHOD },
    { "waits", FIELD_WAITS }, { "seconds", FIELD_SECONDS }, { "waits_seconds", FIELD_WAITS_SECONDS },
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (slice_equal(name, slice_text(known[i].name))) return known[i].field;
  }
  return FIELD_NONE;
}

static bool on_key(void *context, struct slice name) {
  struct call_tree *tree = context;
  if (tree->key_depth > 0) {
    if (!tree->is_first) buf_put_byte(&tree->texts, ',');
    (void)json_put_string(&tree->texts, name);
    buf_put_byte(&tree->texts, ':');
    tree->is_first = true;
    return true;
  }
  tree->field = tree->depth >= DEPTH_CALL ? field_of(name) : FIELD_NONE;
  if (tree->depth == DEPTH_CALL) {
    tree->party = slice_equal(name, slice_text("caller")) ? &tree->entry.caller
                : slice_equal(name, slice_text("asks")) ? &tree->entry.asks : &tree->entry.call;
  }
  return true;
}

static bool begin(struct call_tree *tree, char bracket) {
  if (begin_part(tree)) {
    buf_put_byte(&tree->texts, (uint8_t)bracket);
    tree->key_depth++;
    tree->is_first = true;
  } else if (++tree->depth == DEPTH_CALL) {
    tree->entry = (struct entry){ 0 };
    tree->party = &tree->entry.call;
  }
  return tree->depth <= DEPTH_ACTOR;
}

static bool end(struct call_tree *tree, char bracket) {
  if (tree->key_depth > 0) {
    buf_put_byte(&tree->texts, (uint8_t)bracket);
    tree->key_depth--;
    tree->is_first = false;
    return end_part(tree);
  }
  if (tree->depth-- == DEPTH_CALL) buf_put(&tree->entries, slice_of(&tree->entry, sizeof tree->entry));
  return true;
}

static bool on_array_begin(void *context) {
  return begin(context, '[');
}

static bool on_array_end(void *context) {
  return end(context, ']');
}

static bool on_object_begin(void *context) {
  return begin(context, '{');
}

static bool on_object_end(void *context) {
  return end(context, '}');
}

static enum err read(struct call_tree *tree, struct slice json, struct failure *failure) {
  static const struct json_events events = {
    .on_null = on_null, .on_boolean = on_boolean, .on_integer = on_integer, .on_float = on_float, .on_string = on_string,
    .on_key = on_key, .on_array_begin = on_array_begin, .on_array_end = on_array_end, .on_object_begin = on_object_begin,
    .on_object_end = on_object_end,
  };
  struct json_parser *parser = json_parser_try_new(&events, tree, JSON_LOSSLESS_DEPTH_MAX);
  if (parser == NULL) return failure_set(failure, ERR_MEMORY, "no memory to read JSON");
  enum err err = json_parse(parser, json, failure);
  json_parser_free(parser);
  if (err == ERR_NONE && (tree->texts.err != ERR_NONE || tree->entries.err != ERR_NONE)) {
    err = failure_set(failure, ERR_MEMORY, "no memory for the calls");
  }
  return err;
}

/* -- printing -- */

static void put_party(const struct call_tree *tree, const struct party *party, struct buf *lines) {
  struct buf key = { 0 };
  struct failure ignored = { 0 };
  if (json_parse_key(text_of(tree, party->key), &key, &ignored) == ERR_NONE) {
    key_print_address(lines, text_of(tree, party->class_name), buf_slice(&key));
  } else {                                           /* it has bytes that JSON cannot express */
    key_print_name(lines, text_of(tree, party->class_name));
    buf_put_byte(lines, '/');
    buf_put(lines, text_of(tree, party->key));
  }
  if (party->method.size > 0) {
    buf_put_byte(lines, '.');
    key_print_name(lines, text_of(tree, party->method));
  }
  failure_done(&ignored);
  buf_done(&key);
}

static void put_line(const struct call_tree *tree, const struct entry *entry, size_t indented, struct buf *lines) {
  static const struct { const char *waits, *words; } known[] = {
    { "mailbox", "waits for its turn" }, { "save", "waits for the disk" }, { "others", "lets others have their turns" },
    { "answered", "has its answer, waits to go on" },
  };
  const char *words = "waits";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (slice_equal(text_of(tree, entry->waits), slice_text(known[i].waits))) words = known[i].words;
  }
  for (size_t i = 0; i < indented * INDENT && i < INDENTED_MAX * INDENT; i++) buf_put_byte(lines, ' ');
  put_party(tree, &entry->call, lines);
  if (entry->call.method.size == 0) buf_put_text(lines, " (by an operator)");
  buf_printf(lines, "  %.1f s  ", entry->seconds);
  if (entry->asks.id.size > 0) {
    buf_put_text(lines, "waits for ");
    put_party(tree, &entry->asks, lines);
  } else {
    buf_put_text(lines, words);
  }
  buf_printf(lines, " (%.1f s)", entry->waits_seconds);
  if (indented == 0 && entry->caller.class_name.size > 0) {
    buf_put_text(lines, ", for ");
    put_party(tree, &entry->caller, lines);
  }
  buf_put_byte(lines, '\n');
}

/* Finds entries by their ids. */
struct index {
  struct slice id;
  struct entry *entry;
};

static int compare(const void *a, const void *b) {
  return slice_compare(((const struct index *)a)->id, ((const struct index *)b)->id);
}

static struct entry *find(const struct call_tree *tree, const struct index *index, size_t count, const struct entry *asker) {
  const struct index wanted = { .id = text_of(tree, asker->asks.id) };
  const struct index *found = wanted.id.size == 0 ? NULL : bsearch(&wanted, index, count, sizeof *index, compare);
  return found == NULL ? NULL : found->entry;
}

static void put_chain(const struct call_tree *tree, const struct index *index, size_t count, struct entry *entry,
                      struct buf *lines) {
  for (size_t indented = 0; entry != NULL && !entry->is_printed; indented++) {
    put_line(tree, entry, indented, lines);
    entry->is_printed = true;
    entry = find(tree, index, count, entry);
  }
}

static void put_chains(const struct call_tree *tree, struct index *index, struct entry *entries, size_t count,
                       struct buf *lines) {
  for (size_t i = 0; i < count; i++) index[i] = (struct index){ .id = text_of(tree, entries[i].call.id), .entry = &entries[i] };
  qsort(index, count, sizeof *index, compare);
  for (size_t i = 0; i < count; i++) {
    struct entry *asked = find(tree, index, count, &entries[i]);
    if (asked != NULL) asked->is_nested = true;
  }
  for (size_t i = 0; i < count; i++) {
    bool is_root = !entries[i].is_nested && entries[i].caller.class_name.size == 0;
    if (is_root) put_chain(tree, index, count, &entries[i], lines);
  }
  for (size_t i = 0; i < count; i++) {
    if (!entries[i].is_nested) put_chain(tree, index, count, &entries[i], lines);
  }
}

static enum err print(struct call_tree *tree, struct buf *lines, struct failure *failure) {
  size_t count = tree->entries.size / sizeof(struct entry);
  if (count == 0) {
    buf_put_text(lines, "no call waits\n");
    return lines->err;
  }
  struct index *index = mem_try_alloc(count * sizeof *index);
  if (index != NULL) put_chains(tree, index, (struct entry *)(void *)tree->entries.data, count, lines);
  if (tree->is_cut) buf_printf(lines, "... and more: these are the first %zu\n", count);
  bool printed = index != NULL && lines->err == ERR_NONE;
  mem_free(index);
  return printed ? ERR_NONE : failure_set(failure, ERR_MEMORY, "no memory for the calls");
}

enum err call_tree_print(struct slice json, struct buf *lines, struct failure *failure) {
  struct call_tree tree = { 0 };
  enum err err = read(&tree, json, failure);
  if (err == ERR_NONE) err = print(&tree, lines, failure);
  buf_done(&tree.texts);
  buf_done(&tree.entries);
  return err;
}
