/* address.h -- HOST:PORT, as it is typed and as the system wants it.
 *
 * WHY   The server and the client read addresses alike, and complain in the same words.
 * ROOM  door. Below: base.
 * OWNS  Nothing: sockets and look-ups go to the caller.
 */
#ifndef TROUPE_ADDRESS_H
#define TROUPE_ADDRESS_H

#include <netdb.h>

#include "base/failure.h"

/* Whether a text has the form HOST:PORT, even if there is no such host; if not, ERR_ARGUMENTS with a message. */
enum err address_check(const char *address, struct failure *failure);

/* Looks up HOST:PORT to connect to; HOST is a name, an IPv4 address or an [IPv6] one. The caller frees `*found` with
 * freeaddrinfo(). ERR_REQUEST with a message that names the address; the errors of address_check(). */
enum err address_resolve(const char *address, struct addrinfo **found, struct failure *failure);

/* Binds and listens; port 0 picks a free one. `*fd` listens, non-blocking, and is the caller's; `bound` gets the address
 * with the true port. The errors of address_resolve(), and ERR_REQUEST with the reason (such as: the port is taken). After
 * an error `*fd` is -1. */
enum err address_listen(const char *address, int *fd, struct buf *bound, struct failure *failure);

/* Whether HOST:PORT, in numbers, is an address that only this machine can reach. */
bool address_is_loopback(struct slice address);

/* Appends the local address of a socket as HOST:PORT, in numbers; appends nothing if the system does not tell it. */
void address_put(struct buf *text, int fd);

/* The same of the other side, without its port. */
void address_put_peer(struct buf *text, int fd);

#endif
