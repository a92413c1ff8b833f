/* raise.h -- an error of the host becomes a Lua error.
 *
 * WHY     One place turns a script's mistake, or a failure of the host, into an error that scripts can catch.
 * ROOM    vm. Below: the VM.
 * OWNS    Nothing: what a script catches is a Lua value.
 */
#ifndef TROUPE_RAISE_H
#define TROUPE_RAISE_H

#include <lua.h>

#include "base/failure.h"

/* Raises an error of the host with its code: a table with `code` and `message` that prints as the message, with the place
 * of the script's call in front. [-0, +0, v] */
int raise_host(lua_State *L, enum err err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Raises a plain Lua error, a string with the place of the script's call in front: for misuse by a script, which a client
 * sees as `internal_error`. [-0, +0, v] */
int raise_misuse(lua_State *L, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The VM's buffer for a message in several pieces, empty. It is for the error that is raised next. */
struct buf *raise_begin(lua_State *L);

/* How errors name an argument of a script: `key`, `options.limit`, `keys[5]`, `entries[37].value`. */
struct argument {
  const char *name;
  lua_Integer position;      /* 0: none */
  const char *field;         /* NULL: none */
};

/* Appends its name. */
void raise_put_argument(const struct argument *argument, struct buf *text);

/* Raises an error about an argument, with its name in front: with the code, or, for ERR_INTERNAL, as raise_misuse() does.
 * [-0, +0, v] */
int raise_about(lua_State *L, enum err err, const struct argument *argument, const char *format, ...)
  __attribute__((format(printf, 4, 5)));

/* Raises if `bytes`, the size that the turn's commit would have, is over the limit commit_bytes. [-0, +0, v] */
void raise_over_commit(lua_State *L, size_t bytes);

/* Raises what a failure says, with its code. Not for ERR_USER: caught_raise() rebuilds those. [-0, +0, v] */
int raise_failure(lua_State *L, const struct failure *failure);

#endif
