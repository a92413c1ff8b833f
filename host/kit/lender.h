/* lender.h -- what a spec's Lua state is lent, so that it can speak with a host.
 *
 * WHY     Keys, arguments and results are Lua values in the spec and bytes in the host. The script room makes one of the other
 *         in states that it has made itself; the spec's is busted's.
 * ROOM    kit. Below: script.
 * THREAD  The spec's.
 * OWNS    One lender a Lua state, which goes with it, and what it lends: bytes in it live to the next lender_lend().
 */
#ifndef TROUPE_LENDER_H
#define TROUPE_LENDER_H

#include <lauxlib.h>

#include "base/failure.h"
#include "base/limits.h"

/* To work with while Lua may raise: empty at first, and what it holds is the lender's. */
struct loan {
  struct buf key, arguments, input, params;
  struct failure failure;
};

/* Once a Lua state. [-0, +0, m] */
void lender_open(lua_State *L);

/* Lends; conversions go by these limits from now on, which stay the caller's. NULL: the usual ones. [-0, +0, m] */
struct loan *lender_lend(lua_State *L, const struct limits *limits);

#endif
