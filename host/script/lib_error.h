/* lib_error.h -- errors that scripts and host give each other.
 *
 * WHY     One place turns an error of the host into one of Lua, and one place turns what Lua raised into a failure.
 * ROOM    script.
 * ALWAYS  Describing an error runs no code of a script but a `__tostring`, under protection and under the limits of the
 *         call.
 */
#ifndef TROUPE_LIB_ERROR_H
#define TROUPE_LIB_ERROR_H

#include <lua.h>

#include "base/failure.h"

/* Makes the metatables of error objects. [-0, +0, m] */
void lib_error_build(lua_State *L);

/* Raises an error of the host with its code: a table with `code` and `message`, which prints as the message with the
 * place of the script's call in front. [-0, +0, v] */
int lib_fail(lua_State *L, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Raises a plain Lua error, a string with the place of the script's call in front: misuse by a script, which a client
 * hears of as `internal_error`. [-0, +0, v] */
int lib_misuse(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How errors name what a script gave: `key`, `options.limit`, `keys[5]`, `entries[37].value`. */
struct argument {
  const char *name;
  lua_Integer position;      /* 0: none */
  const char *field;         /* NULL: none */
};

void argument_put(const struct argument *argument, struct buf *text);

/* Raises an error about an argument, with its name in front: with the code, or for ERR_INTERNAL as lib_misuse(). [-0,
 * +0, v] */
int lib_fail_at(lua_State *L, enum err err, const struct argument *argument, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

/* Raises what a failure says. [-0, +0, v] */
int lib_fail_with(lua_State *L, const struct failure *failure);

/* UserError(message [, { code = string, metadata = value }]) -> error object   [-0, +1, v] */
int lib_user_error(lua_State *L);

/* Sets the failure from the error object on top of the stack and the status of the protected call that caught it.
 * Raises nothing; leaves the stack as it was. */
void lib_error_describe(lua_State *L, int status, struct failure *failure);

#endif
