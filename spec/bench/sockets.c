/* sockets.c -- a load generator for WebSockets: all sockets of a client in one loop.
 *
 *   sockets MODE PORT PATH [NAME=VALUE]...
 *
 * PATH is that of the handshake. In it, a run of seven # stands for the number of the socket's actor: from `first` (1) on,
 * one after the other, or, where `last` is given, one from `first` to `last` at random. `connections` (64) says how many
 * sockets; `method` and `args` ([]) what they call, `event` (news) what they subscribe to.
 *
 *   calls   Each socket has `window` (16) calls under way for `seconds` (3): a call for each answer, those for what one read
 *           brought with one write. Prints calls, p50_us, p99_us.
 *   wake    Opens all sockets, waits `pause` seconds, then calls once on each, `together` (64) at a time, in the order of
 *           opening. Prints the same.
 *   events  All sockets subscribe, to the first actor. One more calls, and again when each of them has got `count` (1) events.
 *           Prints events, all that came together, and p50_us, p99_us: from the call until the last of them has all of it.
 *   pairs   Two sockets for each actor, `connections` actors: one calls, the other hears one event of that call; again when
 *           both came. Prints calls, and p50_us and p99_us of answer, event and lag: by how much the event came after the
 *           answer.
 *   hold    Opens all sockets, at most `rate` a second where that is given, prints a line `open=N`, and holds them until
 *           SIGINT.
 *   deaf    All sockets subscribe, to the first actor, call `flood` (no method: nothing) `window` times with `flood_args`, and
 *           never read. One that is cut is opened again; when the first one is, prints a line `full`. One more socket calls,
 *           again and again, `gap_ms` (10) after each answer; it does read. Until SIGINT; prints opened and cut.
 *
 * All but hold end with a line of NAME=VALUE, with `seconds`, and cpu_us: the processor time of this program after all was
 * opened, for each call or event; and server_us, the same of `server`, a process id, where it is given. The ids of a socket's
 * calls grow. Frames are read and written by a few lines here and not by wslay, which costs an answer as much as all else. An
 * answer that is an error ends the program, with status 1; so does a socket that is closed. */
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "tool.h"

enum { DIGITS = 7, READ_BYTES = 512 * 1024, OUT_BYTES = 64 * 1024, TEXT_BYTES_MAX = 125, FRAME_BYTES_MAX = 6 + TEXT_BYTES_MAX,
       WINDOW_MAX = 256, EVENTS = 256, HANDSHAKE_BYTES = 4096, DEAF_READ_BYTES = 4096, TEXT = 0x1, CLOSE = 0x8, PING = 0x9,
       PONG = 0xa };

/* Times, in microseconds. */
struct times {
  int64_t *us;
  size_t count, room;
};

struct socket {
  int fd;
  size_t index;
  size_t rest_size;
  char *rest;                      /* of a frame whose end has not come */
  size_t under_way;                /* calls */
  uint64_t *begun_ns;              /* of each, by its place in the window: the rest of its id */
  uint64_t answered_ns, told_ns;   /* pairs: of the call that is under way; 0: not yet */
  size_t events;                   /* that came since the call before */
};

struct client {
  const char *mode;
  char **arguments;
  uint16_t port;
  struct socket *sockets;
  size_t count, window, ready, open;
  int epoll;
  uint64_t end_ns, random;
  char rest[TEXT_BYTES_MAX + 1];   /* of the text of a call, behind its id */
  void (*on_answer)(struct client *client, struct socket *socket, size_t id);
  void (*on_event)(struct client *client, struct socket *socket);
  struct times answers, events, lags;
  size_t next, told, expected, events_count;
  size_t out_size;                 /* what goes to the socket that is being served, when it has been read */
  char out[OUT_BYTES];
  char in[READ_BYTES];
};

static volatile sig_atomic_t is_told_to_end;

static void end_soon(int signal) {
  (void)signal;
  is_told_to_end = 1;
}

static void note(struct times *times, int64_t ns) {
  if (times->count == times->room) {
    times->room = times->room ? times->room * 2 : 1 << 16;
    times->us = realloc(times->us, times->room * sizeof *times->us);
    if (!times->us) die("no memory for more times");
  }
  times->us[times->count++] = ns / 1000;
}

/* --- Frames ------------------------------------------------------------------------------------------------------ */

/* Puts a frame of a client: masked (RFC 6455 section 5.3), with bytes that are not chosen anew for each. */
static void put(struct client *client, int opcode, const char *text, size_t size) {
  static const char MASK[] = { 0x5a, 0x13, 0x7e, 0x31 };
  char *at = client->out + client->out_size;
  if (size > TEXT_BYTES_MAX) die("too long for a frame of this program: %.*s", (int)size, text);
  if (client->out_size + FRAME_BYTES_MAX > OUT_BYTES) die("too much to send at once");
  at[0] = (char)(0x80 | opcode);
  at[1] = (char)(0x80 | size);
  memcpy(at + 2, MASK, sizeof MASK);
  for (size_t i = 0; i < size; i++) at[6 + i] = (char)(text[i] ^ MASK[i % sizeof MASK]);
  client->out_size += 6 + size;
}

/* Sends what was put. The sockets block: nobody that is measured stops reading for good. */
static void flush(struct client *client, const struct socket *socket) {
  if (client->out_size == 0) return;
  if (write(socket->fd, client->out, client->out_size) != (ssize_t)client->out_size) die("cannot send: %s", strerror(errno));
  client->out_size = 0;
}

/* What follows the id of each call. */
static void make_rest(struct client *client, const char *method, const char *args) {
  int size = snprintf(client->rest, sizeof client->rest, ",\"method\":\"%s\",\"args\":%s}", method, args);
  if (size > TEXT_BYTES_MAX / 2) die("a call is too long for a frame of this program");
}

static void make_own_rest(struct client *client) {
  make_rest(client, option(client->arguments, "method", "get"), option(client->arguments, "args", "[]"));
}

static void put_call(struct client *client, uint64_t id) {
  static const char BEFORE[] = "{\"id\":";
  char text[TEXT_BYTES_MAX], digits[20];
  size_t size = sizeof BEFORE - 1, count = 0, rest = strlen(client->rest);
  memcpy(text, BEFORE, size);
  do {
    digits[count++] = (char)('0' + id % 10);
    id /= 10;
  } while (id > 0);
  while (count > 0) text[size++] = digits[--count];
  memcpy(text + size, client->rest, rest);
  put(client, TEXT, text, size + rest);
}

/* Puts a call. Its id stands for its place in the window: the next one of that place has another, greater one. */
static void call(struct client *client, struct socket *socket, uint64_t id, uint64_t now) {
  socket->begun_ns[id % client->window] = now;
  socket->under_way++;
  put_call(client, id);
}

static void put_subscription(struct client *client) {
  char text[TEXT_BYTES_MAX + 1];
  int size = snprintf(text, sizeof text, "{\"subscribe\":\"%s\"}", option(client->arguments, "event", "news"));
  put(client, TEXT, text, (size_t)size);
}

static void take_text(struct client *client, struct socket *socket, const char *text, size_t size) {
  static const char ANSWER[] = "{\"id\":", EVENT[] = "{\"event\":", RESULT[] = ",\"result\":";
  if (size > sizeof EVENT && memcmp(text, EVENT, sizeof EVENT - 1) == 0) {
    client->on_event(client, socket);
    return;
  }
  size_t at = sizeof ANSWER - 1, id = 0;
  bool is_answer = size > at && memcmp(text, ANSWER, at) == 0;
  for (; is_answer && at < size && text[at] >= '0' && text[at] <= '9'; at++) id = id * 10 + (size_t)(text[at] - '0');
  is_answer = is_answer && size - at > sizeof RESULT && memcmp(text + at, RESULT, sizeof RESULT - 1) == 0;
  if (!is_answer || socket->under_way == 0) die("no good answer: %.*s", (int)size, text);
  socket->under_way--;
  client->on_answer(client, socket, id);
}

static void take_frame(struct client *client, struct socket *socket, int opcode, const char *payload, size_t size) {
  if (opcode == TEXT) {
    take_text(client, socket, payload, size);
  } else if (opcode == PING) {
    if (size > 0) die("a ping with a payload");
    put(client, PONG, "", 0);
  } else if (opcode == PONG) {
    client->ready++;
  } else if (opcode == CLOSE && size >= 2) {
    die("closed: %d %.*s", (uint8_t)payload[0] << 8 | (uint8_t)payload[1], (int)size - 2, payload + 2);
  } else {
    die("a frame of the kind %d", opcode);
  }
}

/* How long the frame at `bytes` is, with its head; 0: its head is not whole. A server masks nothing. */
static size_t frame_size(const char *bytes, size_t size, size_t *head) {
  if (size < 2) return 0;
  const uint8_t *byte = (const uint8_t *)bytes;
  size_t length = byte[1], more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (length > 127 || (byte[0] & 0xf0) != 0x80) die("a frame of a client, or in fragments");
  *head = 2 + more;
  if (size < *head) return 0;
  if (more > 0) length = 0;
  for (size_t i = 0; i < more; i++) length = length << 8 | byte[2 + i];
  return *head + length;
}

/* Takes all frames that are whole, and keeps the rest. The bytes are those of `in`. */
static void take_frames(struct client *client, struct socket *socket, size_t size) {
  size_t at = 0, head;
  for (size_t length; (length = frame_size(client->in + at, size - at, &head)) > 0 && length <= size - at; at += length) {
    take_frame(client, socket, client->in[at] & 0x0f, client->in + at + head, length - head);
  }
  socket->rest_size = size - at;
  if (size > at) {
    if (!socket->rest) socket->rest = zeroed(1, READ_BYTES / 2);
    if (size - at > READ_BYTES / 2) die("a frame is too large");
    memcpy(socket->rest, client->in + at, size - at);
  }
  flush(client, socket);
}

static void receive(struct client *client, struct socket *socket) {
  if (socket->rest_size > 0) memcpy(client->in, socket->rest, socket->rest_size);
  ssize_t got = read(socket->fd, client->in + socket->rest_size, READ_BYTES - socket->rest_size);
  if (got <= 0) die("the connection is lost: %s", strerror(errno));
  take_frames(client, socket, socket->rest_size + (size_t)got);
}

/* Waits for what comes, for at most so long; -1: until something does. */
static void serve(struct client *client, int timeout_ms) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(client->epoll, events, EVENTS, timeout_ms);
  for (int i = 0; i < count; i++) receive(client, events[i].data.ptr);
}

/* --- Opening ----------------------------------------------------------------------------------------------------- */

/* xorshift64: Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t next_random(struct client *client) {
  client->random ^= client->random << 13;
  client->random ^= client->random >> 7;
  client->random ^= client->random << 17;
  return client->random;
}

/* The number of the actor of a socket: `at` is what its place gives. */
static uint64_t actor_of(struct client *client, size_t at) {
  uint64_t first = number(client->arguments, "first", "1"), last = number(client->arguments, "last", "0");
  return last > 0 ? first + next_random(client) % (last - first + 1) : first + at;
}

/* Shakes hands (RFC 6455 section 4.1), with the key of the example there, and reads to the end of the answer. How many bytes
 * came after it, into `in`; -1 if the other side does not want to. */
static ssize_t shake_hands(struct client *client, const struct socket *socket, uint64_t actor) {
  static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", END[] = "\r\n\r\n";
  char path[1024], text[HANDSHAKE_BYTES], marks[DIGITS + 1] = "#######";
  snprintf(path, sizeof path, "%s", client->arguments[3]);
  char *mark = strstr(path, marks);
  if (mark) snprintf(path, sizeof path, "%.*s%llu%s", (int)(mark - path), client->arguments[3], (unsigned long long)actor,
                     client->arguments[3] + (mark - path) + DIGITS);
  int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, client->port);
  if (send(socket->fd, text, (size_t)size, MSG_NOSIGNAL) != size) return -1;
  size_t used = 0;
  for (char *end = NULL; !end;) {
    ssize_t got = read(socket->fd, client->in + used, HANDSHAKE_BYTES - used);
    if (got <= 0) return -1;
    used += (size_t)got;
    end = memmem(client->in, used, END, sizeof END - 1);
    if (!end) continue;
    size_t head = (size_t)(end - client->in) + sizeof END - 1;
    if (!memmem(client->in, head, " 101 ", 5) || !memmem(client->in, head, ACCEPT, sizeof ACCEPT - 1)) return -1;
    memmove(client->in, client->in + head, used - head);
    return (ssize_t)(used - head);
  }
  return -1;
}

static ssize_t try_open(struct client *client, struct socket *socket, uint64_t actor, int read_bytes) {
  socket->fd = connect_to(client->port, read_bytes);
  return socket->fd < 0 ? -1 : shake_hands(client, socket, actor);
}

static void watch(struct client *client, struct socket *socket, uint32_t events) {
  struct epoll_event event = { .events = events, .data.ptr = socket };
  if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, socket->fd, &event) != 0) die("epoll: %s", strerror(errno));
}

static void open_socket(struct client *client, struct socket *socket, uint64_t actor) {
  ssize_t more = try_open(client, socket, actor, 0);
  if (more < 0) die("no connection: %s", client->in);
  take_frames(client, socket, (size_t)more);
  watch(client, socket, EPOLLIN);
}

/* So many sockets, each with room for the calls of a window, and not open yet. */
static void make_sockets(struct client *client, size_t count) {
  client->count = count;
  client->sockets = zeroed(count, sizeof *client->sockets);
  for (size_t i = 0; i < count; i++) {
    client->sockets[i] = (struct socket){ .index = i, .begun_ns = zeroed(client->window, sizeof(uint64_t)) };
  }
}

/* Sends to each of these sockets what makes it a listener, and waits until all are: a pong comes when what was sent before
 * its ping has been read. */
static void subscribe(struct client *client, size_t first, size_t step) {
  size_t wanted = client->ready;
  for (size_t i = first; i < client->count; i += step, wanted++) {
    put_subscription(client);
    put(client, PING, "", 0);
    flush(client, &client->sockets[i]);
  }
  while (client->ready < wanted) serve(client, -1);
}

/* --- Calls ------------------------------------------------------------------------------------------------------- */

static void no_event(struct client *client, struct socket *socket) {
  (void)client;
  (void)socket;
}

static void answer_of_calls(struct client *client, struct socket *socket, size_t id) {
  uint64_t now = now_ns(CLOCK_MONOTONIC);
  note(&client->answers, (int64_t)(now - socket->begun_ns[id % client->window]));
  if (now < client->end_ns) {
    call(client, socket, id + client->window, now);
  } else if (socket->under_way == 0) {
    client->open--;
  }
}

static void run_calls(struct client *client) {
  client->on_answer = answer_of_calls;
  client->open = client->count;
  for (size_t i = 0; i < client->count; i++) {
    for (size_t id = 0; id < client->window; id++) call(client, &client->sockets[i], id, now_ns(CLOCK_MONOTONIC));
    flush(client, &client->sockets[i]);
  }
  while (client->open > 0) serve(client, -1);
}

static void call_next(struct client *client) {
  if (client->next == client->count) return;
  struct socket *socket = &client->sockets[client->next++];
  call(client, socket, 0, now_ns(CLOCK_MONOTONIC));
  flush(client, socket);
}

static void answer_of_wake(struct client *client, struct socket *socket, size_t id) {
  note(&client->answers, (int64_t)(now_ns(CLOCK_MONOTONIC) - socket->begun_ns[0]));
  (void)id;
  call_next(client);
}

static void run_wake(struct client *client) {
  client->on_answer = answer_of_wake;
  for (uint64_t i = 0, together = number(client->arguments, "together", "64"); i < together; i++) call_next(client);
  while (client->answers.count < client->count) serve(client, -1);
}

/* --- Events ------------------------------------------------------------------------------------------------------ */

static void answer_of_events(struct client *client, struct socket *socket, size_t id) {
  (void)id;
  socket->answered_ns = now_ns(CLOCK_MONOTONIC);
  note(&client->answers, (int64_t)(socket->answered_ns - socket->begun_ns[0]));
}

/* Most of what this program does in that mode, a socket's read apart. */
static void event_of_events(struct client *client, struct socket *socket) {
  if (++socket->events == client->expected) client->told++;
  if (socket->events > client->expected) die("an event too many");
  client->events_count++;
}

static void run_events(struct client *client) {
  size_t listeners = client->count - 1;
  struct socket *caller = &client->sockets[listeners];
  client->on_answer = answer_of_events;
  client->on_event = event_of_events;
  client->expected = number(client->arguments, "count", "1");
  for (uint64_t now = now_ns(CLOCK_MONOTONIC); now < client->end_ns;) {
    client->told = 0;
    for (size_t i = 0; i < listeners; i++) client->sockets[i].events = 0;
    call(client, caller, 0, now);
    flush(client, caller);
    while (client->told < listeners || caller->under_way > 0) serve(client, -1);
    now = now_ns(CLOCK_MONOTONIC);
    note(&client->events, (int64_t)(now - caller->begun_ns[0]));
  }
}

/* --- Pairs ------------------------------------------------------------------------------------------------------- */

/* Goes on where both the answer and the event of a call have come. */
static void step_pair(struct client *client, struct socket *caller) {
  if (!caller->answered_ns || !caller->told_ns) return;
  note(&client->answers, (int64_t)(caller->answered_ns - caller->begun_ns[0]));
  note(&client->events, (int64_t)(caller->told_ns - caller->begun_ns[0]));
  note(&client->lags, (int64_t)caller->told_ns - (int64_t)caller->answered_ns);
  caller->answered_ns = caller->told_ns = 0;
  uint64_t now = now_ns(CLOCK_MONOTONIC);
  if (now >= client->end_ns) {
    client->open--;
    return;
  }
  call(client, caller, 0, now);
  flush(client, caller);
}

static void answer_of_pair(struct client *client, struct socket *socket, size_t id) {
  (void)id;
  socket->answered_ns = now_ns(CLOCK_MONOTONIC);
  step_pair(client, socket);
}

static void event_of_pair(struct client *client, struct socket *socket) {
  struct socket *caller = socket - 1;
  caller->told_ns = now_ns(CLOCK_MONOTONIC);
  step_pair(client, caller);
}

static void run_pairs(struct client *client) {
  client->on_answer = answer_of_pair;
  client->on_event = event_of_pair;
  client->open = client->count / 2;
  for (size_t i = 0; i < client->count; i += 2) {
    call(client, &client->sockets[i], 0, now_ns(CLOCK_MONOTONIC));
    flush(client, &client->sockets[i]);
  }
  while (client->open > 0) serve(client, -1);
}

/* --- Holding, and not reading ------------------------------------------------------------------------------------ */

static void run_hold(struct client *client) {
  printf("open=%zu\n", client->count);
  fflush(stdout);
  while (!is_told_to_end) serve(client, 1000);
}

/* Opens one that does not read, and sends its calls. False if the other side does not want it. */
static bool open_deaf(struct client *client, struct socket *socket, uint64_t actor) {
  const char *method = option(client->arguments, "flood", NULL);
  if (try_open(client, socket, actor, DEAF_READ_BYTES) < 0) {
    if (socket->fd >= 0) close(socket->fd);
    socket->fd = -1;
    return false;
  }
  put_subscription(client);
  if (method) make_rest(client, method, option(client->arguments, "flood_args", "[]"));
  for (size_t id = 0; method && id < client->window; id++) put_call(client, id);
  ssize_t ignored = send(socket->fd, client->out, client->out_size, MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)ignored;
  client->out_size = 0;
  make_own_rest(client);
  watch(client, socket, EPOLLRDHUP);
  return true;
}

static void answer_of_deaf(struct client *client, struct socket *socket, size_t id) {
  (void)id;
  note(&client->answers, (int64_t)(now_ns(CLOCK_MONOTONIC) - socket->begun_ns[0]));
}

static void run_deaf(struct client *client) {
  size_t opened = 0, cut = 0, deaf = client->count - 1;
  uint64_t actor = number(client->arguments, "first", "1"), gap_ns = number(client->arguments, "gap_ms", "10") * 1000000;
  struct socket *caller = &client->sockets[deaf];
  client->on_answer = answer_of_deaf;
  for (size_t i = 0; i < deaf; i++) client->sockets[i].fd = -1;
  open_socket(client, caller, actor);
  for (uint64_t next_ns = 0, now; !is_told_to_end && (now = now_ns(CLOCK_MONOTONIC)) < client->end_ns;) {
    for (size_t i = 0; i < deaf; i++) {
      if (client->sockets[i].fd < 0 && open_deaf(client, &client->sockets[i], actor)) opened++;
    }
    if (caller->under_way == 0 && now >= next_ns) {
      next_ns = now + gap_ns;
      call(client, caller, 0, now);
      flush(client, caller);
    }
    struct epoll_event events[EVENTS];
    int count = epoll_wait(client->epoll, events, EVENTS, 1);
    for (int i = 0; i < count; i++) {
      struct socket *socket = events[i].data.ptr;
      if (socket == caller) {
        receive(client, socket);
      } else {
        close(socket->fd);
        socket->fd = -1;
        if (cut++ > 0) continue;
        puts("full");
        fflush(stdout);
      }
    }
  }
  printf("opened=%zu cut=%zu ", opened, cut);
}

/* --- The figures ------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

static void tell(struct times *times, const char *prefix) {
  if (times->count == 0) return;
  qsort(times->us, times->count, sizeof *times->us, compare);
  printf("%sp50_us=%lld %sp99_us=%lld ", prefix, (long long)times->us[(times->count - 1) / 2], prefix,
         (long long)times->us[(times->count - 1) * 99 / 100]);
}

static void tell_all(struct client *client, double seconds, const struct processors *processors) {
  bool pairs = strcmp(client->mode, "pairs") == 0, events = strcmp(client->mode, "events") == 0;
  size_t done = events ? client->events_count : client->answers.count;
  printf("%s=%zu seconds=%.4f ", events ? "events" : "calls", done, seconds);
  processors_tell(processors, done);
  tell(&client->answers, pairs || events ? "answer_" : "");
  tell(&client->events, pairs ? "event_" : "");
  tell(&client->lags, "lag_");
  putchar('\n');
}

/* Opens all sockets, at most `rate` a second. Those of a pair, and all that hear the same, have one actor. */
static void open_all(struct client *client, bool is_pair, bool is_one) {
  uint64_t rate = number(client->arguments, "rate", "0"), begun = now_ns(CLOCK_MONOTONIC);
  for (size_t i = 0; i < client->count; i++) {
    open_socket(client, &client->sockets[i], is_one ? number(client->arguments, "first", "1")
                                                    : actor_of(client, is_pair ? i / 2 : i));
    while (rate > 0 && now_ns(CLOCK_MONOTONIC) < begun + i * 1000000000 / rate) serve(client, 1);
  }
}

struct mode {
  const char *name;
  size_t sockets_each, sockets_more;
  bool is_one;                     /* all sockets are those of one actor */
  size_t window;                   /* 0: as the option says */
  void (*run)(struct client *client);
};

static const struct mode MODES[] = {
  { "calls", 1, 0, false, 0, run_calls }, { "wake", 1, 0, false, 1, run_wake }, { "events", 1, 1, true, 1, run_events },
  { "pairs", 2, 0, false, 1, run_pairs }, { "hold", 1, 0, false, 1, run_hold }, { "deaf", 1, 1, true, 0, run_deaf },
};

static const struct mode *mode_of(const char *name) {
  for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
    if (strcmp(MODES[i].name, name) == 0) return &MODES[i];
  }
  die("no such mode: %s", name);
}

static void prepare(struct client *client, const struct mode *mode) {
  bool is_pair = mode->run == run_pairs;
  make_sockets(client, number(client->arguments, "connections", "64") * mode->sockets_each + mode->sockets_more);
  make_own_rest(client);
  if (mode->run != run_deaf) open_all(client, is_pair, mode->is_one);
  if (is_pair) subscribe(client, 1, 2);
  if (mode->run == run_events) {
    client->count--;
    subscribe(client, 0, 1);
    client->count++;
  }
  uint64_t pause_ns = (uint64_t)(strtod(option(client->arguments, "pause", "0"), NULL) * 1e9);
  for (uint64_t begun = now_ns(CLOCK_MONOTONIC); now_ns(CLOCK_MONOTONIC) < begun + pause_ns;) serve(client, 10);
}

int main(int count, char **arguments) {
  if (count < 4) die("usage: sockets MODE PORT PATH [NAME=VALUE]...: see sockets.c");
  const struct mode *mode = mode_of(arguments[1]);
  struct client *client = zeroed(1, sizeof *client);
  client->mode = mode->name;
  client->arguments = arguments;
  client->port = (uint16_t)strtoull(arguments[2], NULL, 10);
  client->window = mode->window ? mode->window : number(arguments, "window", "16");
  client->on_event = no_event;
  client->epoll = epoll_create1(0);
  if (client->window == 0 || client->window > WINDOW_MAX) die("no such window");
  if (getrandom(&client->random, sizeof client->random, 0) != sizeof client->random) die("no random numbers");
  client->random |= 1;
  signal(SIGINT, end_soon);
  prepare(client, mode);
  struct processors processors = processors_begin(arguments);
  uint64_t begun = now_ns(CLOCK_MONOTONIC);
  client->end_ns = begun + (uint64_t)(strtod(option(arguments, "seconds", "3"), NULL) * 1e9);
  mode->run(client);
  if (mode->run != run_hold) tell_all(client, (double)(now_ns(CLOCK_MONOTONIC) - begun) / 1e9, &processors);
  return 0;
}
