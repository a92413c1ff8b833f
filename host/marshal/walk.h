/* walk.h -- goes over a Lua value and tells a writer what is in it.
 *
 * WHY     State, kv values, results and log fields are all "a Lua value as bytes". What may be in one, how deep it may
 *         be and which path an error names is decided here; how it is written, in the writer.
 * ROOM    marshal. Below: vm, journal (parts of a state), codec.
 * ALWAYS  Tables are read raw: no code of a script runs. Parts of a state are read like the tables they stand for.
 * ERRORS  A path is like `state.players["ann"][3].cb`.
 */
#ifndef TROUPE_WALK_H
#define TROUPE_WALK_H

#include <lua.h>

#include "vm/raise.h"

struct walk_options {
  struct argument root;      /* how paths begin: "value", "result", ...; "": as the caller says */
  size_t depth_max;          /* tables within tables */
  bool raw_metatables;       /* a table with a metatable is read like one without; else it is an error */
  bool finite;               /* NaN and infinities are errors */
  bool boolean_keys;         /* keys may be booleans too */
  bool shared;               /* a table in two places is told with on_same */
  /* of a part below the root: its node id, told with on_node; 0: goes on into it. NULL: always does */
  uint64_t (*node_of)(lua_State *L, int index);
  bool sequences;            /* an unmarked table with keys 1..n, n > 0, is an array; and others must have string keys only.
                              * The writer learns no counts then: one pass does for both */
};

/* What a writer hears, in order. `context` is the buffer that it fills. on_string and on_key_string answer false where
 * they cannot take the bytes. An array has `count` values; a map `count` pairs of key and value; with the option
 * `sequences` the count is not known beforehand, and 0. */
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
};

/* Walks the value at `index` for a writer that fills `bytes`, and stops early where that has failed; its err then says
 * why. ERR_INTERNAL, and the failure says what and where; what the writer got so far is to be thrown away. Raises for
 * want of memory, at the limits of a call and for a dead part. [-0, +0, v] */
enum err walk(lua_State *L, int index, const struct walk_writer *writer, struct buf *bytes,
              const struct walk_options *options, struct failure *failure);

/* A plain table or a part of the state at `index`: pushes the table that holds its content, and tells whether it is
 * marked as a sequence. A value that is neither: false, and nothing pushed. Raises for a part that is dead. [-0,
 * +(0|1), v] */
bool walk_table(lua_State *L, int index, bool *marked);

/* The same for what is read here and now, as keys and options are; a table with a metatable of the script's is neither,
 * since what it shows to the script is not what it holds. */
bool walk_plain_table(lua_State *L, int index, bool *marked);

/* Whether the keys of the table at `data` are exactly 1..count, of an empty one too. [-0, +0, -] */
bool walk_is_sequence(lua_State *L, int data, size_t *count);

/* What the value at `index` is, where that was neither. */
const char *walk_typename(lua_State *L, int index);

/* Makes the mark of sequences. [-0, +0, m] */
void walk_build(lua_State *L);

/* array(t) -> t: marks a plain table as a sequence   [-0, +1, v] */
int walk_array(lua_State *L);

/* Marks the plain table on top of the stack. [-0, +0, m] */
void walk_mark(lua_State *L);

/* Appends a path's step: `.name`, `["other name"]`, `[3]`, by the key at `index`, a string, number or boolean. */
void walk_put_step(lua_State *L, int index, struct buf *path);

#endif
