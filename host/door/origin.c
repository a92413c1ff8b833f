/* origin.c -- see origin.h. */
#include "door/origin.h"

#include <strings.h>

#include "door/address.h"

static bool is_same(struct slice a, struct slice b) {
  return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool begins(struct slice text, const char *with) {
  size_t size = strlen(with);
  return text.size >= size && strncasecmp((const char *)text.data, with, size) == 0;
}

static bool ends(const char *text, const char *with) {
  size_t size = strlen(text), end = strlen(with);
  return size >= end && strcmp(text + size - end, with) == 0;
}

enum err origin_check(const char *text, struct failure *failure) {
  const char *host = strstr(text, "://");
  if (strcmp(text, "*") == 0) return ERR_NONE;
  if (host == NULL || host == text || host[3] == '\0' || strpbrk(host + 3, "/?#@ *,") != NULL) {
    return failure_set(failure, ERR_ARGUMENTS, "%s is not the origin of a page: expected SCHEME://HOST or SCHEME://HOST:PORT, "
                       "such as https://example.com, and nothing behind it; or * for any", text);
  }
  bool is_usual = (begins(slice_text(text), "http:") && ends(host + 3, ":80")) ||
                  (begins(slice_text(text), "https:") && ends(host + 3, ":443"));
  if (!is_usual) return ERR_NONE;
  return failure_set(failure, ERR_ARGUMENTS, "%s: browsers leave the usual port out of an origin", text);
}

/* Where the port, with its colon, begins in HOST:PORT; the end of the text if there is no port. */
static size_t port_at(struct slice address) {
  for (size_t i = address.size; i > 0 && address.data[i - 1] != ']'; i--) {
    if (address.data[i - 1] == ':') return i - 1;
  }
  return address.size;
}

static struct slice host_of(struct slice address) {
  return slice_of(address.data, port_at(address));
}

static bool is_own(const struct origins *origins, struct slice origin, struct slice here) {
  static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };
  if (!begins(origin, "http://")) return false;
  struct slice page = slice_after(origin, strlen("http://")), host = host_of(page);
  struct slice port = slice_after(page, host.size);
  if (port.size == 0) port = slice_text(":80");
  if (!slice_equal(port, slice_after(here, port_at(here)))) return false;
  if (is_same(host, host_of(here)) || is_same(host, host_of(slice_text(origins->listen)))) return true;
  for (size_t i = 0; address_is_loopback(here) && i < sizeof loopback / sizeof *loopback; i++) {
    if (is_same(host, slice_text(loopback[i]))) return true;
  }
  return false;
}

bool origin_is_welcome(const struct origins *origins, struct slice origin, struct slice here) {
  if (is_own(origins, origin, here)) return true;
  for (size_t i = 0; i < origins->count; i++) {
    if (strcmp(origins->allowed[i], "*") == 0 || is_same(origin, slice_text(origins->allowed[i]))) return true;
  }
  return false;
}
