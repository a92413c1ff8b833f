/* arguments.h -- what an actor hands on, to another or to itself later, as bytes.
 *
 * WHY     Arguments of calls, of messages and of schedules are copied in one way, with the same rules as a kv value.
 * ROOM    marshal. Below: handle, lua_value, walk, budget.
 * OWNS    Nothing: it fills the VM's working buffer `value`.
 * LIMITS  ARGUMENTS_MAX, value_bytes
 */
#ifndef TROUPE_ARGUMENTS_H
#define TROUPE_ARGUMENTS_H

#include "vm/raise.h"

enum { ARGUMENTS_MAX = 200 };

/* Puts the `count` values from `first` on to the top of the stack into vm->value, as an array. Raises if one cannot be a
 * value, or if they are too many or too large. [-0, +0, v] */
void arguments_write(lua_State *L, int first, int count);

/* Appends the bytes of the value at `index` to vm->value, in the form of the kv. Raises if it cannot be a value, or if the
 * buffer is full; `argument` names it then. [-0, +0, v] */
void arguments_write_value(lua_State *L, int index, const struct argument *argument);

#endif
