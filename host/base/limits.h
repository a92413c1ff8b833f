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

/* Values are walked by recursion, whatever their limit is: Lua's own C stack ends at 200. */
enum { RECURSION_MAX = 190 };

/* The most that a limit can be set to is what the formats behind it hold (codec/key.h, codec/value.h). Durations become
 * nanoseconds in 64 bits, and sizes of changes are 32 bits, with a few bytes of the format's beside each.
 *
 *  field                 flag                    default       most        unit and meaning */
#define LIMITS_LIST(X)                                                                                                     \
  X(key_bytes,            "limit-key-bytes",      KIB(2),       KIB(2),     "bytes of an encoded kv key or actor key")      \
  X(value_bytes,          "limit-value-bytes",    MIB(16),      GIB(1),     "bytes of a kv value or a result")              \
  X(commit_bytes,         "limit-commit-bytes",   MIB(64),      GIB(1),     "bytes of one commit's changes")                \
  X(body_bytes,           "limit-body-bytes",     MIB(1),       GIB(1),     "bytes of a request's body")                    \
  X(call_cpu_ms,          "limit-call-cpu-ms",    5000,         GIB(1024),  "processor time of a call, in milliseconds")    \
  X(call_wall_ms,         "limit-call-wall-ms",   60000,        GIB(1024),  "wall time of a call, in milliseconds")         \
  X(vm_bytes,             "limit-vm-bytes",       GIB(1),       GIB(1024),  "memory of a worker's VM, in bytes")            \
  X(call_bytes,           "limit-call-bytes",     MIB(256),     GIB(1024),  "memory of one call, in bytes")                 \
  X(waiting_calls,        "limit-waiting-calls",  1000,         GIB(1024),  "waiting calls of one actor")                   \
  X(depth,                "limit-depth",          100,          100,        "tables within tables of a value")              \
  X(idle_ms,              "limit-idle-ms",        60000,        GIB(1024),  "idle time before an actor leaves memory, in milliseconds")

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
