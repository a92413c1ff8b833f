/* lender.h -- lends a spec's Lua state what it needs to speak with a host.
 *
 * WHY     Keys, arguments and results are Lua values in the spec and bytes in the host. The marshal room turns the one into
 *         the other, but only in Lua states that the host has made. The spec's state is busted's.
 * ROOM    kit. Below: script.
 * THREAD  The spec's.
 * OWNS    One lender per Lua state, which ends with it, and what it lends: those bytes live until the next lender_lend().
 */
#ifndef TROUPE_LENDER_H
#define TROUPE_LENDER_H

#include <lauxlib.h>

#include "base/failure.h"
#include "base/limits.h"

/* Buffers for work during which Lua may raise: empty at first, and still the lender's. */
struct loan {
  struct buf key, arguments, input, params, headers;
  struct failure failure;
};

/* Once per Lua state. [-0, +0, m] */
void lender_open(lua_State *L);

/* Lends. From now on conversions keep to these limits, which stay the caller's; NULL: the default ones. [-0, +0, m] */
struct loan *lender_lend(lua_State *L, const struct limits *limits);

#endif
