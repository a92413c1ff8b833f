/* tool.h -- what the programs of this folder share that make load: their options, their clocks, their connections. */
#ifndef TROUPE_BENCH_TOOL_H
#define TROUPE_BENCH_TOOL_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Ends the program: a benchmark that goes on after an error measures something else. */
static inline _Noreturn void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

/* Zeroed memory, so many times so many bytes. */
static inline void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) die("no memory");
  return memory;
}

static inline uint64_t now_ns(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Processor time of this process. */
static inline double processor_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Processor time of another process: of all its threads, to the ticks of the system's clock (proc(5)). */
static inline double processor_us_of(uint64_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
  FILE *file = fopen(path, "r");
  size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
  if (size == 0) die("%s: %s", path, strerror(errno));
  fclose(file);
  text[size] = 0;
  char *at = strrchr(text, ')');                   /* behind the name; what is looked for are the 12th and 13th field there */
  for (int i = 0; at && i < 12; i++) at = strchr(at + 1, ' ');
  if (!at) die("%s: not as it is known", path);
  uint64_t user = strtoull(at, &at, 10), system = strtoull(at, NULL, 10);
  return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* The processors' time from processors_begin() to processors_tell(), of this program and of the server that the option
 * `server` names by its process id. */
struct processors {
  uint64_t server;
  double own_us, server_us;
};

static inline struct processors processors_begin(char **arguments);

/* Prints it for each of so many things that were done. */
static inline void processors_tell(const struct processors *begun, size_t count);

/* The value of `name=value` among the arguments, or what it is by default; the last one of a name counts. */
static inline const char *option(char **arguments, const char *name, const char *value) {
  size_t length = strlen(name);
  for (; *arguments; arguments++) {
    if (strncmp(*arguments, name, length) == 0 && (*arguments)[length] == '=') value = *arguments + length + 1;
  }
  return value;
}

static inline uint64_t number(char **arguments, const char *name, const char *value) {
  return strtoull(option(arguments, name, value), NULL, 10);
}

static inline struct processors processors_begin(char **arguments) {
  uint64_t server = number(arguments, "server", "0");
  return (struct processors){ server, processor_us(), server ? processor_us_of(server) : 0 };
}

static inline void processors_tell(const struct processors *begun, size_t count) {
  double each = count ? 1 / (double)count : 0;
  printf("cpu_us=%.3f ", (processor_us() - begun->own_us) * each);
  if (begun->server) printf("server_us=%.3f ", (processor_us_of(begun->server) - begun->server_us) * each);
}

static inline struct sockaddr_in loopback(uint16_t port) {
  return (struct sockaddr_in){
    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
}

/* Connects to a port of this machine; `read_bytes`: how much the kernel takes before somebody reads; 0: what it likes. -1, with
 * errno, where that fails. */
static inline int connect_to(uint16_t port, int read_bytes) {
  struct sockaddr_in address = loopback(port);
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) die("no more sockets: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (read_bytes > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &read_bytes, sizeof read_bytes);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

#endif
