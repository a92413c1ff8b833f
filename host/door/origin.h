/* origin.h -- which web pages may call.
 *
 * WHY     A browser lets each page send requests to any address that it can reach, even to a host on loopback. Its header
 *         Origin says whose page it is. Nothing else tells a page from a program.
 * ROOM    door. Below: base.
 * ALWAYS  A page is judged by what this host knows of itself, never by what a request says: the owner of a page may have made
 *         the name in Host point here.
 */
#ifndef TROUPE_ORIGIN_H
#define TROUPE_ORIGIN_H

#include "base/failure.h"

struct origins {
  const char *listen;          /* HOST:PORT as it was typed */
  const char *const *allowed;  /* origins of other pages; "*": any */
  size_t count;
};

/* Whether a text is SCHEME://HOST[:PORT] as browsers write it, or "*"; if not, ERR_ARGUMENTS with a message. */
enum err origin_check(const char *text, struct failure *failure);

/* Whether the page of an origin may call over a connection that came to the address `here`, HOST:PORT in numbers. The host's
 * own pages may: those of that address, of the name on which it was told to listen and, if the connection came over loopback,
 * of loopback's names; all with this port. */
bool origin_is_welcome(const struct origins *origins, struct slice origin, struct slice here);

#endif
