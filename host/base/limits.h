/* limits.h -- every limit that a user can set, with its flag and default (lua/README.md, "Limits").
 *
 * WHY     One list makes the struct, the defaults, the flags and the help text, so that none is missing somewhere.
 * ROOM    base.
 */
#ifndef TROUPE_LIMITS_H
#define TROUPE_LIMITS_H

#include <stdint.h>

#define KIB(n) ((uint64_t)(n) * 1024)
#define MIB(n) (KIB(n) * 1024)
#define GIB(n) (MIB(n) * 1024)

/* What each is called on the command line, for the list below and for the messages that name a limit:
 * "the limit is %zu " LIMIT_NAME(KEY_BYTES). */
#define LIMIT_KEY_BYTES "limit-key-bytes"
#define LIMIT_VALUE_BYTES "limit-value-bytes"
#define LIMIT_COMMIT_BYTES "limit-commit-bytes"
#define LIMIT_BODY_BYTES "limit-body-bytes"
#define LIMIT_CALL_CPU_MS "limit-call-cpu-ms"
#define LIMIT_CALL_WALL_MS "limit-call-wall-ms"
#define LIMIT_VM_BYTES "limit-vm-bytes"
#define LIMIT_CALL_BYTES "limit-call-bytes"
#define LIMIT_WAITING_CALLS "limit-waiting-calls"
#define LIMIT_CALL_DEPTH "limit-call-depth"
#define LIMIT_WAITING_TURNS "limit-waiting-turns"
#define LIMIT_WAITING_SENDS "limit-waiting-sends"
#define LIMIT_SCHEDULES "limit-schedules"
#define LIMIT_CONNECTION_CALLS "limit-connection-calls"
#define LIMIT_SUBSCRIPTIONS "limit-subscriptions"
#define LIMIT_SOCKET_BYTES "limit-socket-bytes"
#define LIMIT_CONNECTION_STATE_BYTES "limit-connection-state-bytes"
#define LIMIT_DEPTH "limit-depth"
#define LIMIT_DISK_FREE_BYTES "limit-disk-free-bytes"
#define LIMIT_IDLE_MS "limit-idle-ms"
#define LIMIT_NAME(limit) "(--" LIMIT_##limit ")"

/* The most that a limit can be set to is what the formats behind it hold (codec/key.h, codec/value.h). Durations become
 * nanoseconds in 64 bits, and sizes of changes are 32 bits, with a few bytes of the format's beside each.
 *
 *  field                 flag                    default       most        unit and meaning */
#define LIMITS_LIST(X)                                                                                                     \
  X(key_bytes,            LIMIT_KEY_BYTES,        KIB(2),       KIB(2),     "bytes of an encoded kv key or actor key")      \
  X(value_bytes,          LIMIT_VALUE_BYTES,      MIB(16),      GIB(1),     "bytes of a kv value or a result")              \
  X(commit_bytes,         LIMIT_COMMIT_BYTES,     MIB(64),      GIB(1),     "bytes of one commit's changes")                \
  X(body_bytes,           LIMIT_BODY_BYTES,       MIB(1),       GIB(1),     "bytes of a request's body, or of a message")   \
  X(call_cpu_ms,          LIMIT_CALL_CPU_MS,      5000,         GIB(1024),  "processor time of a call, in milliseconds")    \
  X(call_wall_ms,         LIMIT_CALL_WALL_MS,     60000,        GIB(1024),  "wall time of a call, in milliseconds")         \
  X(vm_bytes,             LIMIT_VM_BYTES,         GIB(1),       GIB(1024),  "memory of a worker's VM, in bytes")            \
  X(call_bytes,           LIMIT_CALL_BYTES,       MIB(256),     GIB(1024),  "memory of one call, in bytes")                 \
  X(waiting_calls,        LIMIT_WAITING_CALLS,    1000,         GIB(1024),  "waiting calls of one actor")                   \
  X(call_depth,           LIMIT_CALL_DEPTH,       100,          GIB(1),     "actors in a chain of calls")                   \
  X(waiting_turns,        LIMIT_WAITING_TURNS,    10000,        GIB(1024),  "calls of a worker's actors that wait for others") \
  X(waiting_sends,        LIMIT_WAITING_SENDS,    1000,         GIB(1),     "messages of one actor that are not applied yet") \
  X(schedules,            LIMIT_SCHEDULES,        100000,       GIB(1),     "schedules of one actor")                       \
  X(connection_calls,     LIMIT_CONNECTION_CALLS, 128,          GIB(1),     "calls of one connection that are under way")   \
  X(subscriptions,        LIMIT_SUBSCRIPTIONS,    1000,         GIB(1),     "subscriptions of one connection")              \
  X(socket_bytes,         LIMIT_SOCKET_BYTES,     MIB(1),       GIB(1024),                                                  \
    "bytes that wait for one connection to take them")                                                                     \
  X(connection_state_bytes, LIMIT_CONNECTION_STATE_BYTES, KIB(16), MIB(1),  "bytes of a connection's state")                \
  X(depth,                LIMIT_DEPTH,            100,          100,        "tables within tables of a value")              \
  X(disk_free_bytes,      LIMIT_DISK_FREE_BYTES,  0,            GIB(1 << 20),                                               \
    "bytes of the disk kept for deletes (0: 1 GiB, at most 5 %)")                                                          \
  X(idle_ms,              LIMIT_IDLE_MS,          60000,        GIB(1024),                                                  \
    "idle time before an actor leaves memory, in milliseconds")

struct limits {
#define LIMITS_FIELD(field, flag, value, most, text) uint64_t field;
  LIMITS_LIST(LIMITS_FIELD)
#undef LIMITS_FIELD
};

static inline struct limits limits_default(void) {
  return (struct limits){
#define LIMITS_VALUE(field, flag, value, most, text) .field = (value),
    LIMITS_LIST(LIMITS_VALUE)
#undef LIMITS_VALUE
  };
}

#endif
