/* upkeep.h -- what the program's backup and verify do, for specs.
 *
 * WHY   Specs look at a data folder from outside, as an operator does, without a process for each look.
 * ROOM  kit. Below: stage, ledger.
 * OWNS  Nothing.
 */
#ifndef TROUPE_UPKEEP_H
#define TROUPE_UPKEEP_H

#include <lauxlib.h>

enum { UPKEEP_MAP_BYTES = 1024 * 1024 * 1024 };   /* for a store of any kit */

/* verify(folder) -> how many things are wrong, what they are (a line each), how many actors there are; or nil, message
 * where it is no data folder */
int upkeep_verify(lua_State *L);

/* backup(from, to) -> the last batch that the copy holds, how many records; or nil, message */
int upkeep_backup(lua_State *L);

#endif
