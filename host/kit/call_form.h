/* call_form.h -- what a spec says of a call, as bytes, before there is a request.
 *
 * WHY     Reading Lua values can raise. So all of them are read and checked before anything is made that somebody has to free.
 * ROOM    kit. Below: lender, stage (request).
 * THREAD  The spec's.
 * OWNS    Nothing: its bytes are lent, or those of strings on the Lua stack.
 */
#ifndef TROUPE_CALL_FORM_H
#define TROUPE_CALL_FORM_H

#include <lauxlib.h>

#include "kit/lender.h"
#include "stage/request.h"

struct call_form {
  struct loan *loan;                   /* holds what was read of key, arguments, input, params and headers */
  const struct limits *limits;
  struct slice class_name, method;     /* may be empty, as the following */
  struct slice address, idempotency_key;
  bool create;
  unsigned limit;                      /* of a page */
};

/* An empty form. It holds until the next lender_lend(). The limits stay the caller's. [-0, +0, m] */
void call_form_init(struct call_form *form, lua_State *L, const struct limits *limits);

/* The string at `index`. [-0, +0, v] */
struct slice call_form_text(lua_State *L, int index);

/* Reads the key at `index`. [-0, +0, v] */
void call_form_read_key(struct call_form *form, lua_State *L, int index);

/* Reads `count` arguments from the table at `index`. [-0, +0, v] */
void call_form_read_arguments(struct call_form *form, lua_State *L, int index, lua_Integer count);

/* Reads the table of options at `index`, or none at a nil. `known` are the names of those that this kind of call takes, up to a
 * NULL; another one is an error. [-0, +0, v] */
void call_form_read_options(struct call_form *form, lua_State *L, int index, const char *const *known);

/* The request that the form asks for, with copies of all of it. It cannot fail. */
struct request *call_form_request(const struct call_form *form, enum request_type type, struct reply *reply);

#endif
