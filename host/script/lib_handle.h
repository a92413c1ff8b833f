/* lib_handle.h -- calls that are made through a handle.
 *
 * WHY     To a script another actor looks like an object that has the methods of its class. A call of one of them waits
 *         for the answer, which comes back as a result, or as an error.
 * ROOM    script. Below: classes, outgoing, arguments, handle, wait.
 * OWNS    Nothing.
 * ALWAYS  One function is kept for each method of a class that was asked for. A name that is not one leaves nothing behind.
 */
#ifndef TROUPE_LIB_HANDLE_H
#define TROUPE_LIB_HANDLE_H

#include <lua.h>

/* Adds what scripts can do with a handle to the metatable that handle_build() made. [-0, +0, m] */
void lib_handle_build(lua_State *L);

#endif
