/* class.h -- a class as scripts hold it.
 *
 * WHY     All actors of a worker share its classes: a method written into a class runs with the `self` of each of its
 *         actors. So only the file that makes a class writes to it, and only while that file loads.
 * ROOM    script. Below: vm.
 * WORDS   A class is a userdata. Its *fields* are a table of its own, its first user value, which no script ever holds;
 *         its second is its parent. A script reads through it the fields of the class and of all above it.
 *         A *load* is one run of a module's file (classes.h).
 * ALWAYS  1. Each class but Actor has a parent, and every chain of parents ends at Actor.
 *         2. A class is open to writes during the load that made it, except while another load runs within that one. After
 *            it, the class is closed for good.
 */
#ifndef TROUPE_CLASS_H
#define TROUPE_CLASS_H

#include <lua.h>
#include <stdbool.h>

#include "base/slice.h"

/* Replaces the fields on top of the stack with a class made of them. For Actor: the class is closed. [-1, +1, m] */
void class_wrap(lua_State *L);

/* extend(parent, name) -> class, open in the present load   [-0, +1, v] */
int class_extend(lua_State *L);

bool class_is(lua_State *L, int index);

/* Pushes the fields of the class at `index`. [-0, +1, -] */
void class_push_fields(lua_State *L, int index);

/* Pushes the field of this name that the class at `index` has as its own, or else its nearest parent; Actor does not count.
 * False, and nothing pushed, if none has it. [-0, +(0|1), m] */
bool class_push_own(lua_State *L, int index, struct slice name);

/* class[key] = value, for the three at 1, 2 and 3; raises if that is not allowed. [-0, +0, v] */
int class_newindex(lua_State *L);

#endif
