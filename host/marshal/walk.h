/* walk.h -- goes over a Lua value and tells a writer what is in it.
 *
 * WHY     State, kv values, results and log fields are all "a Lua value as bytes". This file decides what a value may hold,
 *         how deep it may be and which path an error names; the writer decides how it is written.
 * ROOM    marshal. Below: vm, journal (parts of a state), codec.
 * ALWAYS  Tables are read raw: no code of a script runs. Parts of a state are read like the tables they stand for.
 * ERRORS  A path looks like `state.players["ann b"][3].cb`.
 */
#ifndef TROUPE_WALK_H
#define TROUPE_WALK_H

#include <lua.h>

#include "vm/raise.h"

struct walk_options {
  struct argument root;      /* how paths begin: "value", "result", ...; "": as the caller says */
  size_t depth_max;          /* tables within tables */
  bool raw_metatables;       /* a table with a metatable is read like one without; otherwise it is an error */
  bool finite;               /* NaN and infinities are errors */
  bool boolean_keys;         /* keys may be booleans too */
  bool shared;               /* a table in two places is told with on_same */
  /* returns the node id of a part below the root, which goes to on_node; 0: the walk goes on into it. NULL: always */
  uint64_t (*node_of)(lua_State *L, int index);
  bool sequences;            /* an unmarked table with keys 1..n, n > 0, is an array, and any other must have string keys
                              * only. One pass finds out and writes, so the writer gets no counts */
};

/* What a writer is told, in order. `context` is the buffer that it fills. on_string returns false if it cannot take the
 * bytes. An array has `count` values, a map `count` pairs of key and value; with the option `sequences` the count is not
 * known beforehand, and is 0. */
struct walk_writer {
  void (*on_null)(void *context);
  void (*on_boolean)(void *context, bool truth);
  void (*on_integer)(void *context, lua_Integer number);
  void (*on_float)(void *context, lua_Number number);
  bool (*on_string)(void *context, struct slice text);
  void (*on_begin)(void *context, bool array, uint32_t count);
  void (*on_element)(void *context);                              /* before each value of an array, each key of a map */
  void (*on_key_end)(void *context);                              /* between key and value */
  void (*on_end)(void *context, bool array);
  void (*on_same)(void *context, uint32_t table);                 /* the table that began as number `table` */
  void (*on_node)(void *context, uint64_t node_id);
  void (*on_handle)(void *context, struct slice class_name, struct slice key);   /* NULL: a handle is an error */
};

/* Walks the value at `index` for a writer that fills `bytes`, and stops early if the buffer has failed, with its err. On
 * ERR_INTERNAL the failure says what is wrong and where; throw away what has been written so far. Raises if out of memory,
 * at the limits of a call and for a dead part. [-0, +0, v] */
enum err walk(lua_State *L, int index, const struct walk_writer *writer, struct buf *bytes,
              const struct walk_options *options, struct failure *failure);

/* If the value at `index` is a plain table or a part of the state, pushes the table that holds its content, and notes
 * whether it is marked as a sequence. For any other value: false, and nothing pushed. Raises for a dead part. [-0,
 * +(0|1), v] */
bool walk_table(lua_State *L, int index, bool *marked);

/* The same for what is read here and now, such as keys and options. A table with a metatable of the script's is refused
 * too, since it may show the script something other than it holds. */
bool walk_plain_table(lua_State *L, int index, bool *marked);

/* Whether the keys of the table at `data` are exactly 1..count; true for an empty one too. [-0, +0, -] */
bool walk_is_sequence(lua_State *L, int data, size_t *count);

/* Whether the value at `index` is a connection, which a script might take for something that can be saved. */
bool walk_is_connection(lua_State *L, int index);

/* What errors call the value at `index` that one of the two above refused. */
const char *walk_typename(lua_State *L, int index);

/* Makes the mark of sequences. [-0, +0, m] */
void walk_build(lua_State *L);

/* array(t) -> t: marks a plain table as a sequence   [-0, +1, v] */
int walk_array(lua_State *L);

/* Marks the plain table on top of the stack. [-0, +0, m] */
void walk_mark(lua_State *L);

/* Appends a step of a path, by the key at `index`: `.name`, `["other name"]`, `[3]`, `[true]`. */
void walk_put_step(lua_State *L, int index, struct buf *path);

#endif
