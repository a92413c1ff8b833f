/* raise.h -- an error of the host becomes one of Lua.
 *
 * WHY     One place turns a mistake, or what the host cannot do, into an error that scripts can catch.
 * ROOM    vm. Below: the VM.
 * OWNS    Nothing: what a script may catch is a value of Lua.
 */
#ifndef TROUPE_RAISE_H
#define TROUPE_RAISE_H

#include <lua.h>

#include "base/failure.h"

/* Raises an error of the host with its code: a table with `code` and `message`, which prints as the message with the
 * place of the script's call in front. [-0, +0, v] */
int raise_host(lua_State *L, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Raises a plain Lua error, a string with the place of the script's call in front: misuse by a script, which a client
 * hears of as `internal_error`. [-0, +0, v] */
int raise_misuse(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The VM's buffer for a message of several pieces, empty. It is for what raises next. */
struct buf *raise_begin(lua_State *L);

/* How errors name what a script gave: `key`, `options.limit`, `keys[5]`, `entries[37].value`. */
struct argument {
  const char *name;
  lua_Integer position;      /* 0: none */
  const char *field;         /* NULL: none */
};

/* Appends its name. */
void raise_put_argument(const struct argument *argument, struct buf *text);

/* Raises an error about an argument, with its name in front: with the code, or for ERR_INTERNAL as raise_misuse(). [-0,
 * +0, v] */
int raise_about(lua_State *L, enum err err, const struct argument *argument, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

/* Raises what a failure says, with its code; not for ERR_USER, which caught_raise() makes again. [-0, +0, v] */
int raise_failure(lua_State *L, const struct failure *failure);

#endif
