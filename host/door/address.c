/* address.c -- see address.h. */
#include "door/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_SIZE_MAX = 256, PORT_MAX = 65535 };

/* Splits at the last colon. False if that does not give a host and a port. */
static bool split(const char *address, char host[HOST_SIZE_MAX], const char **port) {
  const char *colon = strrchr(address, ':');
  if (colon == NULL || colon == address) return false;
  const char *begin = address, *end = colon;
  bool is_bracketed = *begin == '[' && end[-1] == ']';
  if (is_bracketed) begin++, end--;
  size_t size = (size_t)(end - begin);
  /* A bare IPv6 address would lose its last part to the port. */
  if (!is_bracketed && memchr(begin, ':', size) != NULL) return false;
  if (size == 0 || size >= HOST_SIZE_MAX) return false;
  memcpy(host, begin, size);
  host[size] = 0;

  *port = colon + 1;
  size_t digits = strspn(*port, "0123456789");
  if (digits == 0 || digits > 5 || (*port)[digits] != 0) return false;
  unsigned number = 0;
  for (const char *digit = *port; *digit != 0; digit++) number = number * 10 + (unsigned)(*digit - '0');
  return number <= PORT_MAX;
}

enum err address_check(const char *address, struct failure *failure) {
  char host[HOST_SIZE_MAX];
  const char *port;
  if (split(address, host, &port)) return ERR_NONE;
  return failure_set(failure, ERR_ARGUMENTS,
                     "\"%s\" is not an address; expected HOST:PORT, such as 127.0.0.1:7420 or [::1]:7420", address);
}

static enum err look_up(const char *address, int flags, struct addrinfo **found, struct failure *failure) {
  char host[HOST_SIZE_MAX];
  const char *port;
  if (!split(address, host, &port)) return address_check(address, failure);
  struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags };
  int status = getaddrinfo(host, port, &hints, found);
  if (status != 0) return failure_set(failure, ERR_REQUEST, "%s: %s", address, gai_strerror(status));
  return ERR_NONE;
}

enum err address_resolve(const char *address, struct addrinfo **found, struct failure *failure) {
  return look_up(address, 0, found, failure);
}

bool address_is_loopback(struct slice address) {
  return slice_begins(address, slice_text("127.")) || slice_begins(address, slice_text("[::1]:"));
}

/* To a socket that listens on [::], IPv4 addresses come in IPv6 clothes: takes them off. */
static void unmap(struct sockaddr_storage *address) {
  const struct sockaddr_in6 mapped = *(const struct sockaddr_in6 *)(const void *)address;
  if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped.sin6_addr)) return;
  struct sockaddr_in *plain = (struct sockaddr_in *)(void *)address;
  *plain = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = mapped.sin6_port };
  memcpy(&plain->sin_addr, mapped.sin6_addr.s6_addr + 12, sizeof plain->sin_addr);
}

void address_put(struct buf *text, int fd) {
  struct sockaddr_storage bound;
  socklen_t size = sizeof bound;
  char host[HOST_SIZE_MAX], port[8];
  if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0) return;
  unmap(&bound);
  if (getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) return;
  buf_printf(text, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

void address_put_peer(struct buf *text, int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  char host[HOST_SIZE_MAX];
  if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0) return;
  unmap(&peer);
  if (getnameinfo((struct sockaddr *)&peer, size, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0) {
    buf_put_text(text, host);
  }
}

static enum err fail_listen(int *fd, const char *address, int reason, struct failure *failure) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
  return failure_set(failure, ERR_REQUEST, "cannot listen on %s: %s", address, strerror(reason));
}

enum err address_listen(const char *address, int *fd, struct buf *bound, struct failure *failure) {
  *fd = -1;
  struct addrinfo *found = NULL;
  enum err err = look_up(address, AI_PASSIVE, &found, failure);
  if (err != ERR_NONE) return err;
  int reason = EADDRNOTAVAIL, on = 1;
  for (struct addrinfo *at = found; at != NULL && *fd < 0; at = at->ai_next) {
    int tried = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
    if (tried >= 0 && setsockopt(tried, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(tried, at->ai_addr, at->ai_addrlen) == 0 && listen(tried, SOMAXCONN) == 0) {
      *fd = tried;
      break;
    }
    reason = errno;
    if (tried >= 0) close(tried);
  }
  freeaddrinfo(found);
  if (*fd < 0) return fail_listen(fd, address, reason, failure);
  address_put(bound, *fd);
  return bound->err == ERR_NONE ? ERR_NONE : fail_listen(fd, address, ENOMEM, failure);
}
