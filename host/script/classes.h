/* classes.h -- the folder of classes: loading, require, which methods can be called.
 *
 * WHY     People put files into a folder. Each `*.lua` directly in it is one class; modules in sub-folders are required
 *         by path.
 * ROOM    script. Below: class, source, sandbox.
 */
#ifndef TROUPE_CLASSES_H
#define TROUPE_CLASSES_H

#include <lua.h>

#include "base/failure.h"

/* Loads every class of the folder in the VM's configuration. At the first that does not load, sets the failure, with file,
 * line and reason; then the VM is useless. [-0, +0, m] */
void classes_load(lua_State *L, struct failure *failure);

/* Pushes the class of this name; false, and nothing pushed, if there is none. [-0, +(0|1), m] */
bool classes_push(lua_State *L, struct slice name);

/* The same; raises `class_not_found` if there is none. [-0, +1, v] */
void classes_need(lua_State *L, struct slice name);

/* Pushes the method of the class at `index` that clients and other actors may call by this name. False, and nothing pushed, if
 * there is none: unknown, private, a hook, a metamethod, not a function, or Actor's own. [-0, +(0|1), m] */
bool classes_push_method(lua_State *L, int index, struct slice name);

/* The same for a method that a schedule may call: private ones too. [-0, +(0|1), m] */
bool classes_push_target(lua_State *L, int index, struct slice name);

/* Whether this is the name of a hook. */
bool classes_is_hook(struct slice name);

/* Pushes the hook of the class at `index`, a function found in the class or a parent; false, and nothing pushed, if there
 * is none. [-0, +(0|1), m] */
bool classes_push_hook(lua_State *L, int index, const char *name);

/* Whether any class has this hook. [-0, +0, m] */
bool classes_have_hook(lua_State *L, const char *name);

#endif
