/* class.h -- a class as scripts hold it.
 *
 * WHY     All actors of a worker share its classes: what is written into one runs with the `self` of each of its actors.
 *         So a class is written to by the file that makes it, while that loads, and by nobody else.
 * ROOM    script. Below: vm.
 * WORDS   A class is a userdata. Its *fields* are a table of its own, its first user value, which no script ever holds;
 *         its second is its parent. A script reads through it the fields of the class and of all above it.
 *         A *load* is one run of a module's file (classes.h).
 * ALWAYS  1. Each class but Actor has a parent, and at the end of all is Actor.
 *         2. A class is open to writes in the load that made it, as long as no other runs within that; then never again.
 */
#ifndef TROUPE_CLASS_H
#define TROUPE_CLASS_H

#include <lua.h>
#include <stdbool.h>

#include "base/slice.h"

/* Makes a class, which is closed, of the fields on top of the stack, in their place: Actor. [-1, +1, m] */
void class_wrap(lua_State *L);

/* extend(parent, name) -> class, open in the present load   [-0, +1, v] */
int class_extend(lua_State *L);

bool class_is(lua_State *L, int index);

/* Pushes the fields of the class at `index`. [-0, +1, -] */
void class_push_fields(lua_State *L, int index);

/* Pushes what the class at `index`, or the nearest above it but Actor, has as a field of its own; false, and nothing pushed,
 * where none has. [-0, +(0|1), m] */
bool class_push_own(lua_State *L, int index, struct slice name);

/* class[key] = value, for the three at 1, 2 and 3; raises where it may not be. [-0, +0, v] */
int class_newindex(lua_State *L);

#endif
