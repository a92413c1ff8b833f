/* recursion.h -- how deep a function may call itself.
 *
 * WHY   Values are walked by recursion, whatever limit a user sets for their depth: Lua's own count of C calls ends at 200.
 * ROOM  base.
 */
#ifndef TROUPE_RECURSION_H
#define TROUPE_RECURSION_H

enum { RECURSION_MAX = 190 };

#endif
