/* load.c -- a load generator for all peers alike: connections in one loop, each sends its next request when the answer
 * to the one before is there.
 *
 *   load PROTOCOL PORT REQUEST [connections=64] [window=1] [seconds=3] [calls=N] [first=1] [last=1] [step=1]
 *                              [digits=7] [trace=FILE] [sync=FILE]
 *
 * PROTOCOL says how an answer is read: http, resp (Redis) or iproto (Tarantool). REQUEST is a file with the bytes of a
 * request. In it, a run of seven # stands for a number from first to last, at random, or, where `calls` are given, in
 * order, by steps; a run of seven & for another such number, always at random; a run of seven @ for the number of the
 * request, so that each is different. A number has seven `digits`, or at least as many as that says, where the request's
 * own lengths allow it. `trace` names a file for a line a call: when it ended, in microseconds since 1970, and how many it
 * took. A connection has `window` requests under way, where its peer answers them in the order in which they came; for the
 * answers that come at once it sends as many requests at once. `sync` names a file to which, when an answer has come, 128
 * bytes are written over zeros and synced before it counts: what a call would cost that is a round trip and a sync and
 * nothing else.
 *
 * SIGINT ends it as the end of its seconds would. Prints one line: cpu_us=N calls=N seconds=S p50_us=N p99_us=N. The first of
 * these is the processor time of the generator for each call; behind it comes server_us=N, the same of `server`, a process id,
 * where it is given. An answer that is an error ends it, with status 1. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "tool.h"

enum { DIGITS = 7, REQUEST_BYTES_MAX = 64 * 1024, WINDOW_MAX = 64, WINDOW_BYTES_MAX = 128 * 1024,
       ANSWER_BYTES_MAX = 256 * 1024, CONNECTIONS_MAX = 1024, EVENTS = 64, GREETING_BYTES = 128, SYNC_BYTES = 128,
       SYNC_FILE_BYTES = 16 * 1024 * 1024 };

/* How long the answer at `bytes` is; 0: not all of it is there yet. Sets `failed` where it is an error. */
typedef size_t reader(const char *bytes, size_t size, bool *failed);

struct call {
  uint64_t ended_us;
  uint32_t took_us;
};

struct connection {
  int fd;
  uint64_t begun_ns[WINDOW_MAX];   /* of the requests under way, in a ring */
  size_t sent, answered;
  size_t size;
  char answer[ANSWER_BYTES_MAX];
};

static volatile sig_atomic_t is_told_to_end;

struct load {
  reader *read;
  char request[REQUEST_BYTES_MAX];
  size_t request_size, window;
  uint64_t first, last, step, calls_max, sent, random;
  int digits;                   /* of a number, at least */
  uint64_t end_ns;
  struct call *calls;           /* one for each answer */
  size_t answered, room;
  size_t open;                  /* connections that still wait for an answer */
  int sync;                     /* file to sync with each call; -1: none */
  off_t synced;
};

/* --- Answers ----------------------------------------------------------------------------------------------------- */

static size_t read_http(const char *bytes, size_t size, bool *failed) {
  const char *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t body = 0;
  for (const char *line = bytes; line && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
    if (*line == '\n') line++;
    if (strncasecmp(line, "content-length:", 15) == 0) body = strtoull(line + 15, NULL, 10);
  }
  *failed = size < 12 || memcmp(bytes + 9, "200", 3) != 0;
  size_t all = (size_t)(end - bytes) + 4 + body;
  return size < all ? 0 : all;
}

static size_t read_resp(const char *bytes, size_t size, bool *failed) {
  const char *end = memchr(bytes, '\n', size);
  if (!end) return 0;
  size_t used = (size_t)(end - bytes) + 1;
  if (bytes[0] == '-') *failed = true;
  long long count = strtoll(bytes + 1, NULL, 10);
  if (bytes[0] == '$' && count >= 0) used += (size_t)count + 2;
  for (; bytes[0] == '*' && count > 0; count--) {
    size_t part = used < size ? read_resp(bytes + used, size - used, failed) : 0;
    if (part == 0) return 0;
    used += part;
  }
  return size < used ? 0 : used;
}

static uint32_t read_u32(const char *bytes) {
  uint32_t number;
  memcpy(&number, bytes, sizeof number);
  return ntohl(number);
}

/* The length, then a header whose first field is the status: 0x00 and a 32-bit number. */
static size_t read_iproto(const char *bytes, size_t size, bool *failed) {
  static const char STATUS[] = { (char)0x83, 0x00, (char)0xce };
  if (size < 12) return 0;
  size_t all = 5 + read_u32(bytes + 1);
  if (size < all) return 0;
  *failed = memcmp(bytes + 5, STATUS, sizeof STATUS) != 0 || read_u32(bytes + 8) != 0;
  return all;
}

static reader *reader_of(const char *protocol) {
  if (strcmp(protocol, "http") == 0) return read_http;
  if (strcmp(protocol, "resp") == 0) return read_resp;
  if (strcmp(protocol, "iproto") == 0) return read_iproto;
  die("no such protocol: %s", protocol);
}

/* --- Requests ---------------------------------------------------------------------------------------------------- */

/* xorshift64: Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t next_random(struct load *load) {
  load->random ^= load->random << 13;
  load->random ^= load->random >> 7;
  load->random ^= load->random << 17;
  return load->random;
}

/* Puts a number in the place of each run of seven `mark`s. How many bytes that makes. */
static size_t fill(char *bytes, size_t size, char mark, int digits, uint64_t number) {
  char text[DIGITS + 1], marks[DIGITS];
  size_t length = (size_t)snprintf(text, sizeof text, "%0*u", digits, (unsigned)(number % 10000000));
  memset(marks, mark, DIGITS);
  for (char *at = bytes; (at = memmem(at, (size_t)(bytes + size - at), marks, DIGITS)); at += length) {
    memcpy(at, text, length);
    if (length == DIGITS) continue;
    memmove(at + length, at + DIGITS, (size_t)(bytes + size - at) - DIGITS);
    size -= DIGITS - length;
  }
  return size;
}

/* Writes the next request to `bytes`, and returns its size. */
static size_t write_next(struct load *load, char *bytes) {
  uint64_t span = load->last - load->first + 1;
  uint64_t number = load->first + (load->calls_max ? load->sent * load->step : next_random(load)) % span;
  memcpy(bytes, load->request, load->request_size);
  size_t size = fill(bytes, load->request_size, '#', load->digits, number);
  size = fill(bytes, size, '&', load->digits, load->first + next_random(load) % span);
  return fill(bytes, size, '@', DIGITS, load->sent++);
}

/* Sends as many requests as there is room for in the window, or none where it is enough. */
static void send_next(struct load *load, struct connection *connection) {
  static char bytes[WINDOW_BYTES_MAX];
  size_t size = 0;
  uint64_t now = now_ns(CLOCK_MONOTONIC);
  while (connection->sent < connection->answered + load->window) {
    bool is_enough = load->calls_max ? load->sent == load->calls_max : now >= load->end_ns;
    if (is_enough || is_told_to_end) break;
    connection->begun_ns[connection->sent++ % load->window] = now;
    size += write_next(load, bytes + size);
  }
  if (connection->sent == connection->answered) load->open--;
  if (size > 0 && write(connection->fd, bytes, size) != (ssize_t)size) die("a request was not sent whole: %s", strerror(errno));
}

/* --- The loop ---------------------------------------------------------------------------------------------------- */

static void note(struct load *load, struct connection *connection) {
  if (load->answered == load->room) {
    load->room = load->room ? load->room * 2 : 1 << 16;
    load->calls = realloc(load->calls, load->room * sizeof *load->calls);
    if (!load->calls) die("no memory for more calls");
  }
  uint64_t begun_ns = connection->begun_ns[connection->answered++ % load->window];
  load->calls[load->answered++] = (struct call){
    .ended_us = now_ns(CLOCK_REALTIME) / 1000,
    .took_us = (uint32_t)((now_ns(CLOCK_MONOTONIC) - begun_ns) / 1000),
  };
}

static int open_zeros(const char *path) {
  static char zeros[64 * 1024];
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  for (off_t at = 0; fd >= 0 && at < SYNC_FILE_BYTES; at += (off_t)sizeof zeros) {
    if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros) die("%s: %s", path, strerror(errno));
  }
  if (fd < 0 || fsync(fd) != 0) die("%s: %s", path, strerror(errno));
  return fd;
}

static void append_and_sync(struct load *load) {
  static char bytes[SYNC_BYTES] = { 'x' };
  bool fine = pwrite(load->sync, bytes, sizeof bytes, load->synced) == (ssize_t)sizeof bytes && fdatasync(load->sync) == 0;
  if (!fine) die("sync: %s", strerror(errno));
  load->synced = (load->synced + SYNC_BYTES) % SYNC_FILE_BYTES;
}

static void receive(struct load *load, struct connection *connection) {
  ssize_t got = read(connection->fd, connection->answer + connection->size, ANSWER_BYTES_MAX - connection->size);
  if (got <= 0) die("the connection is lost, or an answer is too large: %s", strerror(errno));
  connection->size += (size_t)got;
  size_t used = 0;
  while (used < connection->size) {
    bool failed = false;
    size_t answer = load->read(connection->answer + used, connection->size - used, &failed);
    if (answer == 0) break;
    if (failed) die("an error: %.*s", (int)answer, connection->answer + used);
    if (connection->answered == connection->sent) die("more answers than requests");
    used += answer;
    if (load->sync >= 0) append_and_sync(load);
    note(load, connection);
  }
  if (used == 0) return;
  connection->size -= used;
  memmove(connection->answer, connection->answer + used, connection->size);
  send_next(load, connection);
}

static struct connection *open_connection(uint16_t port, bool greets) {
  struct connection *connection = zeroed(1, sizeof *connection);
  connection->fd = connect_to(port, 0);
  if (connection->fd < 0) die("cannot connect: %s", strerror(errno));
  if (greets && recv(connection->fd, connection->answer, GREETING_BYTES, MSG_WAITALL) != GREETING_BYTES) {
    die("no greeting");
  }
  return connection;
}

static void end_soon(int number) {
  (void)number;
  is_told_to_end = 1;
}

static void run(struct load *load, uint16_t port, size_t connections) {
  int epoll = epoll_create1(0);
  signal(SIGINT, end_soon);
  for (size_t i = 0; i < connections; i++) {
    struct connection *connection = open_connection(port, load->read == read_iproto);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) die("epoll: %s", strerror(errno));
    load->open++;
    send_next(load, connection);
  }
  while (load->open > 0) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) receive(load, events[i].data.ptr);
  }
}

/* --- The figures ------------------------------------------------------------------------------------------------- */

static void write_trace(const struct load *load, const char *path) {
  FILE *file = fopen(path, "w");
  if (!file) die("%s: %s", path, strerror(errno));
  for (size_t i = 0; i < load->answered; i++) {
    fprintf(file, "%llu %u\n", (unsigned long long)load->calls[i].ended_us, load->calls[i].took_us);
  }
  if (fclose(file) != 0) die("%s: %s", path, strerror(errno));
}

static int compare(const void *a, const void *b) {
  uint32_t left = ((const struct call *)a)->took_us, right = ((const struct call *)b)->took_us;
  return (left > right) - (left < right);
}

static uint32_t percentile(const struct load *load, size_t percent) {
  return load->answered ? load->calls[(load->answered - 1) * percent / 100].took_us : 0;
}

int main(int count, char **arguments) {
  if (count < 4) die("usage: load PROTOCOL PORT REQUEST [NAME=VALUE]...: see load.c");
  struct load *load = zeroed(1, sizeof *load);
  FILE *file = fopen(arguments[3], "rb");
  if (!file) die("%s: %s", arguments[3], strerror(errno));
  load->request_size = fread(load->request, 1, REQUEST_BYTES_MAX, file);
  fclose(file);
  load->read = reader_of(arguments[1]);
  load->first = number(arguments, "first", "1");
  load->last = number(arguments, "last", "1");
  load->step = number(arguments, "step", "1");
  load->calls_max = number(arguments, "calls", "0");
  load->window = number(arguments, "window", "1");
  load->digits = (int)number(arguments, "digits", "7");
  if (getrandom(&load->random, sizeof load->random, 0) != sizeof load->random) die("no random numbers");
  load->random |= 1;
  const char *sync = option(arguments, "sync", NULL);
  load->sync = sync ? open_zeros(sync) : -1;
  size_t connections = number(arguments, "connections", "64");
  if (connections > CONNECTIONS_MAX) die("too many connections");
  if (load->window == 0 || load->window > WINDOW_MAX) die("no such window");
  if (load->window * load->request_size > WINDOW_BYTES_MAX) die("the requests of a window are too large");
  struct processors processors = processors_begin(arguments);
  uint64_t begun = now_ns(CLOCK_MONOTONIC);
  load->end_ns = begun + (uint64_t)(strtod(option(arguments, "seconds", "3"), NULL) * 1e9);
  run(load, (uint16_t)strtoull(arguments[2], NULL, 10), connections);
  double seconds = (double)(now_ns(CLOCK_MONOTONIC) - begun) / 1e9;
  processors_tell(&processors, load->answered);
  const char *trace = option(arguments, "trace", NULL);
  if (trace) write_trace(load, trace);
  qsort(load->calls, load->answered, sizeof *load->calls, compare);
  printf("calls=%zu seconds=%.3f p50_us=%u p99_us=%u\n", load->answered, seconds, percentile(load, 50), percentile(load, 99));
  return 0;
}
