/* origin.h -- which web pages may call.
 *
 * WHY     A browser lets each page send requests to any address that it can reach, a host on loopback too, and says in the
 *         header Origin whose page it is. Nothing else tells a page from a program.
 * ROOM    door. Below: base.
 * ALWAYS  A page is measured by what this host knows of itself, and never by what a request says: the name in Host is one that
 *         a page's owner may have made to point here.
 */
#ifndef TROUPE_ORIGIN_H
#define TROUPE_ORIGIN_H

#include "base/failure.h"

struct origins {
  const char *listen;          /* HOST:PORT as it was typed */
  const char *const *allowed;  /* of other pages; "*": any */
  size_t count;
};

/* Whether a text is SCHEME://HOST[:PORT] as browsers write it, or "*"; else ERR_ARGUMENTS, with a message. */
enum err origin_check(const char *text, struct failure *failure);

/* Whether the page of an origin may call on a connection that came to the address `here`, HOST:PORT in numbers. The host's own
 * pages are those of that address, of the name that it was told to listen on, and, where the connection came over loopback, of
 * loopback's names; all at this port. */
bool origin_is_welcome(const struct origins *origins, struct slice origin, struct slice here);

#endif
