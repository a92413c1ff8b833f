/* upkeep.h -- the program's backup and verify, for specs.
 *
 * WHY   Specs look at a data folder from outside, as an operator does, but without a process for each look.
 * ROOM  kit. Below: stage, ledger.
 * OWNS  Nothing.
 */
#ifndef TROUPE_UPKEEP_H
#define TROUPE_UPKEEP_H

#include <lauxlib.h>

enum { UPKEEP_MAP_BYTES = 1024 * 1024 * 1024 };   /* for a store of any kit */

/* verify(folder) -> how many things are wrong, what they are (a line each), how many actors there are; or nil, message
 * if it is not a data folder, or cannot be read */
int upkeep_verify(lua_State *L);

/* backup(from, to) -> the last batch that the copy holds, how many records; or nil, message */
int upkeep_backup(lua_State *L);

#endif
