/* handle.h -- the handle of an actor: its address, as a value of Lua.
 *
 * WHY     Actors name one another, and keep, pass and compare such names. So an address is a value like any other, and not a
 *         text, which may be wrong.
 * ROOM    marshal. Below: key, the VM.
 * OWNS    Its bytes. Its *options*, what calls through it do besides, are set by script/lib_actor.c.
 * ALWAYS  1. Handles of one actor are equal, whatever their options.
 *         2. Options stay with the handle that was made with them: what is saved, copied or sent has none.
 */
#ifndef TROUPE_HANDLE_H
#define TROUPE_HANDLE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct handle {
  bool has_options;
  bool create;              /* a call creates the actor if it does not exist */
  uint8_t class_size;
  uint32_t key_size;
  int64_t timeout_ms;       /* 0: none of its own */
  uint8_t bytes[];          /* the name of the class, the encoded key */
};

/* The user values of a handle with options: strings, or nil. */
enum { HANDLE_INPUT = 1, HANDLE_IDEMPOTENCY_KEY, HANDLE_SLOT_COUNT = HANDLE_IDEMPOTENCY_KEY };

/* Makes the metatable of handles. [-0, +0, m] */
void handle_build(lua_State *L);

/* Pushes a new handle of the actor of this class and encoded key, which it copies. `with_options`: the caller sets its options.
 * [-0, +1, m] */
struct handle *handle_push(lua_State *L, struct slice class_name, struct slice key, bool with_options);

bool handle_is(lua_State *L, int index);

/* Replaces the value at `index`, if it is a handle with options, by one without. [-0, +0, m] */
void handle_strip(lua_State *L, int index);

static inline struct slice handle_class(const struct handle *handle) {
  return slice_of(handle->bytes, handle->class_size);
}

static inline struct slice handle_key(const struct handle *handle) {
  return slice_of(handle->bytes + handle->class_size, handle->key_size);
}

#endif
