/* kit.c -- opens, steps, disturbs and closes a host for a spec. */
#include "kit/kit.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "kit/lender.h"
#include "kit/pending.h"
#include "kit/spectator.h"
#include "kit/upkeep.h"
#include "kit/userdata.h"
#include "marshal/lua_json.h"
#include "marshal/lua_key.h"
#include "marshal/walk.h"
#include "stage/router.h"
#include "vm/vm.h"

static const char kit_name[] = "troupe.kit";

enum {
  SEGMENT_BYTES = 64 * 1024, CHECKPOINT_BYTES = 16 * 1024 * 1024, PORTION_RECORDS = 1000,
  KIT_WORKERS_MAX = 64, PATH_BYTES_MAX = 4096,
  COMMITS_TO_REST = 20000,
  LOOK_US = 100          /* the time that 16,000 instructions take on a middling machine */
};

struct kit {
  struct host *host;                   /* NULL: ended or closed */
  struct host_config config;
  struct clock clock;
  struct logger logger;
  struct faults faults, store_faults;
  struct pendings pendings;            /* the host's */
  struct spectators spectators;        /* as well */
  struct buf log;                      /* lines since the last look */
  bool held;                           /* the committer takes no step */
  bool stuck;                          /* the checkpointer takes no step */
  bool echo;                           /* log lines go to standard error too */
  bool own_data;
  unsigned long fail_allocation;       /* the k-th of each worker step fails; 0: none */
  unsigned long fail_count;            /* how many fail in a row */
  bool allocation_failed;
  char actors[PATH_BYTES_MAX], data[PATH_BYTES_MAX];
};

/* The kit at 1; raises if it is closed. */
static struct kit *kit_check(lua_State *L) {
  struct kit *kit = luaL_checkudata(L, 1, kit_name);
  if (kit->pendings.is_closed) luaL_error(L, "this host is closed");
  return kit;
}

static void keep_line(void *context, enum log_level level, struct slice line) {
  struct kit *kit = context;
  (void)level;
  buf_put(&kit->log, line);
  if (kit->echo && write(STDERR_FILENO, line.data, line.size) < 0) return;
}

static const char *text_option(lua_State *L, const char *name, const char *otherwise) {
  lua_getfield(L, 1, name);                                          /* value: stays on the stack, to keep the text alive */
  return lua_isnil(L, -1) ? otherwise : luaL_checkstring(L, -1);
}

static lua_Integer number_option(lua_State *L, const char *name, lua_Integer otherwise, lua_Integer least, lua_Integer most) {
  lua_getfield(L, 1, name);                                          /* value */
  lua_Integer number = lua_isnil(L, -1) ? otherwise : lua_isinteger(L, -1) ? lua_tointeger(L, -1) : LUA_MININTEGER;
  if (number < least || number > most) {
    luaL_error(L, "%s: an integer from %I to %I", name, (LUAI_UACINT)least, (LUAI_UACINT)most);
  }
  lua_pop(L, 1);                                                     /* - */
  return number;
}

/* Raises for an option that does not exist: a misspelt one would silently do nothing. [-0, +0, v] */
static void check_options(lua_State *L) {
  static const char *const known[] = { "actors", "data", "workers", "limits", "dev", "time", "log", "map_bytes", "durability",
                                       "pause_ms", "look_us", "segment_bytes", "checkpoint_bytes", "portion_records",
                                       "turns_a_step", "batch_commits" };
  lua_pushnil(L);                                                    /* name */
  while (lua_next(L, 1)) {                                           /* name value */
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
    size_t i = 0;
    while (i < sizeof known / sizeof *known && strcmp(name, known[i]) != 0) i++;
    if (i == sizeof known / sizeof *known) luaL_error(L, "troupe.host: there is no option \"%s\"", name);
    lua_pop(L, 1);                                                   /* name */
  }
}

/* Sets the limit whose field and value are on top of the stack. [-0, +0, v] */
static void read_limit(lua_State *L, struct limits *limits) {
  struct { const char *name; uint64_t most; uint64_t *place; } known[] = {
#define KNOWN_LIMIT(field, flag, value, most, text) { #field, most, &limits->field },
    LIMITS_LIST(KNOWN_LIMIT)
#undef KNOWN_LIMIT
  };
  const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i].name) != 0) continue;
    lua_Integer number = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    if (number < 1 || (uint64_t)number > known[i].most) {
      luaL_error(L, "limits.%s: an integer from 1 to %I", name, (LUAI_UACINT)known[i].most);
    }
    *known[i].place = (uint64_t)number;
    return;
  }
  luaL_error(L, "limits: there is no limit \"%s\"", name);
}

/* options.limits: { key_bytes = n, ... }, the fields of base/limits.h */
static void read_limits(lua_State *L, struct limits *limits) {
  *limits = limits_default();
  limits->disk_free_bytes = 1;         /* no spec may depend on how full this machine's disk is */
  if (lua_getfield(L, 1, "limits") != LUA_TNIL) {                    /* limits */
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_pushnil(L);                                                  /* limits field */
    while (lua_next(L, -2)) {                                        /* limits field value */
      read_limit(L, limits);
      lua_pop(L, 1);                                                 /* limits field */
    }
  }
  lua_pop(L, 1);                                                     /* - */
}

/* Opens the host on its folder; raises the reason if it cannot. */
static void open_host(lua_State *L, struct kit *kit) {
  struct failure failure = { 0 };
  kit->faults = kit->store_faults = (struct faults){ 0 };
  kit->held = kit->stuck = false;
  if (host_open(&kit->config, &kit->host, &failure) == ERR_NONE) return;
  lua_pushlstring(L, (const char *)failure.message.data, failure.message.size);
  failure_done(&failure);
  lua_error(L);
}

/* open{ actors = path [, data = path] [, workers = n] [, limits = {}] [, dev = bool] [, log = bool] } -> kit */
static int kit_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_options(L);
  struct kit *kit = lua_newuserdatauv(L, sizeof *kit, 0);            /* options kit */
  memset(kit, 0, sizeof *kit);
  kit->pendings.is_closed = true;      /* if an option raises, there is nothing to close */
  spectators_init(&kit->spectators, &kit->pendings, &kit->host, &kit->config.limits);
  luaL_setmetatable(L, kit_name);
  const char *actors = text_option(L, "actors", "actors"), *data = text_option(L, "data", NULL);
  lua_getfield(L, 1, "dev");
  kit->config.dev = lua_isnil(L, -1) || lua_toboolean(L, -1);
  lua_getfield(L, 1, "log");
  kit->echo = lua_toboolean(L, -1);
  snprintf(kit->actors, sizeof kit->actors, "%s", actors);
  clock_init_manual(&kit->clock, number_option(L, "time", 1767225600, 0, INT32_MAX) * 1000000000);
  clock_pace(&kit->clock, number_option(L, "look_us", LOOK_US, 0, INT32_MAX) * 1000);
  kit->logger = (struct logger){ .clock = &kit->clock, .level_min = LOG_DEBUG, .write = keep_line, .context = kit };
  read_limits(L, &kit->config.limits);
  kit->config.actors_path = kit->actors;
  kit->config.data_path = kit->data;
  kit->config.pause_ms = (unsigned)number_option(L, "pause_ms", VM_PAUSE_MS, 0, INT32_MAX);
  kit->config.turns_a_step = (unsigned)number_option(L, "turns_a_step", TURNS_A_STEP, 1, INT32_MAX);
  kit->config.batch_commits = (size_t)number_option(L, "batch_commits", BATCH_COMMITS, 1, INT32_MAX);
  kit->config.workers = (unsigned)number_option(L, "workers", 1, 1, KIT_WORKERS_MAX);
  kit->config.map_bytes = (size_t)number_option(L, "map_bytes", UPKEEP_MAP_BYTES, 1, INT64_MAX);
  kit->config.segment_bytes = (size_t)number_option(L, "segment_bytes", SEGMENT_BYTES, 1, INT64_MAX);
  kit->config.checkpoint_bytes = (size_t)number_option(L, "checkpoint_bytes", CHECKPOINT_BYTES, 1, INT64_MAX);
  kit->config.portion_records = (size_t)number_option(L, "portion_records", PORTION_RECORDS, 1, INT32_MAX);
  const char *durability = text_option(L, "durability", "commit");
  kit->config.relaxed = strcmp(durability, "relaxed") == 0;
  if (!kit->config.relaxed && strcmp(durability, "commit") != 0) luaL_error(L, "durability: \"commit\" or \"relaxed\"");
  kit->config.clock = &kit->clock;
  kit->config.logger = &kit->logger;
  kit->config.faults = &kit->faults;
  kit->config.store_faults = &kit->store_faults;
  if (data == NULL) {
    const char *folder = getenv("TMPDIR");
    snprintf(kit->data, sizeof kit->data, "%s/troupe-XXXXXX", folder == NULL ? "/tmp" : folder);
    if (mkdtemp(kit->data) == NULL) return luaL_error(L, "no folder for data: %s", kit->data);
    kit->own_data = true;
  } else {
    snprintf(kit->data, sizeof kit->data, "%s", data);
  }
  kit->pendings.is_closed = false;
  lua_settop(L, 2);                                                  /* options kit */
  open_host(L, kit);
  return 1;
}

/* Lets go of a host that has ended; its calls under way are lost, and its connections. */
static void end_host(struct kit *kit) {
  if (kit->host == NULL) return;
  host_close(kit->host, true);
  kit->host = NULL;
  spectators_end(&kit->spectators, SPECTATOR_LOST);
  pendings_lose(&kit->pendings);
}

/* kit:crash(): ends the host as kill -9 would */
static int kit_crash(lua_State *L) {
  end_host(kit_check(L));
  return 0;
}

/* kit:is_open() -> whether the host runs */
static int kit_is_open(lua_State *L) {
  lua_pushboolean(L, kit_check(L)->host != NULL);
  return 1;
}

/* kit:reopen(): starts an ended host again on the same folder */
static int kit_reopen(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) open_host(L, kit);
  return 0;
}

static bool step_workers(struct kit *kit) {
  bool worked = false, any = false;
  for (unsigned i = 0; i < kit->config.workers; i++) {
    mem_fail_run(kit->fail_allocation, kit->fail_count);
    host_worker_step(kit->host, i, &worked);
    kit->allocation_failed |= mem_has_failed();
    mem_fail_at(0);
    any |= worked;
  }
  return any;
}

/* Runs the steps until everything is at rest, or the host ends. The workers' come last: they may have heard of a sync that was
 * due, or of a checkpoint that failed, neither of which counts as work. What goes on for ever is an error, not a spec that
 * hangs. [-0, +0, v] */
static void run_steps(lua_State *L, struct kit *kit) {
  bool worked = kit->host != NULL;
  unsigned long commits = 0;
  if (worked) step_workers(kit);
  while (worked) {
    bool committed = false, checkpointed = false;
    enum err err = kit->held ? ERR_NONE : host_committer_step(kit->host, &committed);
    if (err == ERR_NONE && !kit->stuck) err = host_checkpointer_step(kit->host, &checkpointed);
    if (err == ERR_FATAL) {
      end_host(kit);
      return;
    }
    commits += committed;
    if (commits > COMMITS_TO_REST) {
      luaL_error(L, "the host does not come to rest, after %d commits at one moment: does a schedule set itself again at once, "
                 "or do messages go round for ever? host:step() takes single steps", COMMITS_TO_REST);
    }
    bool parted = spectators_step(&kit->spectators);
    worked = step_workers(kit) || parted || committed || checkpointed;
  }
}

/* kit:stop(): ends the host in good order; calls under way get their answers */
static int kit_stop(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return 0;
  host_stop(kit->host);
  run_steps(L, kit);
  if (kit->host != NULL) {
    spectators_end(&kit->spectators, SPECTATOR_STOPPED);
    (void)host_checkpoint(kit->host);
  }
  end_host(kit);
  return 0;
}

/* kit:submit(type, class, key [, method, arguments, count [, options]]) -> pending
 * type: "call", "inspect", "state", "kv", "destroy", "sleep"; "calls", of no actor, whose answer is JSON text; or "failed",
 * "retry", "drop", with an id in place of the class. options: { create = bool, input = value, params = value, headers = {},
 * address = string, idempotency_key = string }; of "failed" { limit = n } */
static int kit_submit(lua_State *L) {
  struct kit *kit = kit_check(L);
  return pending_submit(L, &kit->pendings, kit->host, &kit->config.limits);
}

/* kit:connect(class, key [, options]) -> pending, spectator. options: { create = bool, input = value, params = value,
 * headers = {}, address = string } */
static int kit_connect(lua_State *L) {
  return spectator_connect(L, &kit_check(L)->spectators);
}

/* kit:run(): runs the steps until everything is at rest */
static int kit_run(lua_State *L) {
  run_steps(L, kit_check(L));
  return 0;
}

/* kit:step(worker | "committer" | "checkpointer" | "door") -> whether there was anything to do; a worker is its number, from 1
 * on; the door's tells of connections that have ended */
static int kit_step(lua_State *L) {
  static const char *const names[] = { "door", "committer", "checkpointer", NULL };
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  bool worked = false;
  if (lua_type(L, 2) == LUA_TNUMBER) {
    lua_Integer worker = luaL_checkinteger(L, 2);
    luaL_argcheck(L, worker >= 1 && worker <= kit->config.workers, 2, "no such worker");
    host_worker_step(kit->host, (unsigned)worker - 1, &worked);
  } else {
    enum err err = ERR_NONE;
    switch (luaL_checkoption(L, 2, NULL, names)) {
      case 0: worked = spectators_step(&kit->spectators); break;
      case 1: err = host_committer_step(kit->host, &worked); break;
      default: err = host_checkpointer_step(kit->host, &worked); break;
    }
    if (err == ERR_FATAL) end_host(kit);
  }
  lua_pushboolean(L, worked);
  return 1;
}

/* kit:hold(bool): whether the committer stands still */
static int kit_hold(lua_State *L) {
  struct kit *kit = kit_check(L);
  kit->held = lua_toboolean(L, 2);
  return 0;
}

/* kit:reload(): as SIGHUP asks the program to; raises why the classes do not load. Runs nothing of the workers. */
static int kit_reload(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  struct failure failure = { 0 };
  if (host_reload(kit->host, &failure) == ERR_NONE) return 0;
  lua_pushlstring(L, (const char *)failure.message.data, failure.message.size);   /* message */
  failure_done(&failure);
  return lua_error(L);
}

/* kit:stick(bool): whether the checkpointer stands still */
static int kit_stick(lua_State *L) {
  struct kit *kit = kit_check(L);
  kit->stuck = lua_toboolean(L, 2);
  return 0;
}

/* kit:checkpoint(): brings everything durable to the store; runs all steps */
static int kit_checkpoint(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  run_steps(L, kit);
  if (kit->host != NULL && host_checkpoint(kit->host) == ERR_FATAL) end_host(kit);
  return 0;
}

/* The seconds at 2, which are to pass, in nanoseconds. [-0, +0, v] */
static int64_t check_seconds(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 2, "a number of seconds, 0 or more");
  return (int64_t)(seconds * 1e9);
}

/* Lets time pass from one moment at which something is due to the next, and runs that, as long as it is within `left_ns`.
 * Returns what is left then. Where the host is held, what is due may have to wait. [-0, +0, v] */
static int64_t go_from_due_to_due(lua_State *L, struct kit *kit, int64_t left_ns) {
  run_steps(L, kit);
  while (kit->host != NULL) {
    int64_t due_ns = host_next_due_ns(kit->host);
    bool waits = due_ns == 0 && (kit->held || kit->stuck);
    if (due_ns > left_ns || waits) break;
    if (due_ns == 0) luaL_error(L, "something of the host is due, and running it to rest does not make it less so");
    clock_advance(&kit->clock, due_ns);
    left_ns -= due_ns;
    run_steps(L, kit);
  }
  return left_ns;
}

/* kit:advance(seconds): time passes, and what is due runs when it is */
static int kit_advance(lua_State *L) {
  struct kit *kit = kit_check(L);
  int64_t left_ns = go_from_due_to_due(L, kit, check_seconds(L));
  clock_advance(&kit->clock, left_ns);
  if (kit->host != NULL) host_look(kit->host);
  run_steps(L, kit);
  return 0;
}

/* kit:elapse(seconds): time passes, and nothing runs */
static int kit_elapse(lua_State *L) {
  struct kit *kit = kit_check(L);
  clock_advance(&kit->clock, check_seconds(L));
  return 0;
}

/* kit:jump(seconds): sets the wall clock forward, or back; no time passes, and nothing runs */
static int kit_jump(lua_State *L) {
  struct kit *kit = kit_check(L);
  lua_Number seconds = luaL_checknumber(L, 2), at = (lua_Number)clock_unix_ns(&kit->clock) / 1e9 + seconds;
  luaL_argcheck(L, at >= 0 && at < 8e9, 2, "a number of seconds, by which the clock stays between 1970 and 2223");
  clock_jump(&kit->clock, (int64_t)(seconds * 1e9));
  return 0;
}

/* kit:fail_next("write" | "sync" | "store write" | "store sync" [, count]) */
static int kit_fail_next(lua_State *L) {
  static const char *const places[] = { "write", "sync", "store write", "store sync", NULL };
  struct kit *kit = kit_check(L);
  unsigned *const counts[] = {
    &kit->faults.write_next, &kit->faults.sync_next, &kit->store_faults.write_next, &kit->store_faults.sync_next,
  };
  *counts[luaL_checkoption(L, 2, NULL, places)] += (unsigned)luaL_optinteger(L, 3, 1);
  return 0;
}

/* kit:fail_allocation(k [, count]) -> whether an allocation has failed since the last time this was called. In each worker
 * step from now on, `count` allocations in a row (default 1) fail, the k-th first; k = 0: none */
static int kit_fail_allocation(lua_State *L) {
  struct kit *kit = kit_check(L);
  lua_settop(L, 3);
  lua_pushboolean(L, kit->allocation_failed);
  kit->fail_allocation = (unsigned long)luaL_checkinteger(L, 2);
  kit->fail_count = (unsigned long)luaL_optinteger(L, 3, 1);
  kit->allocation_failed = false;
  return 1;
}

/* kit:calls() -> what each call is doing, as GET /calls tells it; nothing runs */
static int kit_calls(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  struct loan *loan = lender_lend(L, &kit->config.limits);
  if (host_calls(kit->host, &loan->arguments) != ERR_NONE) return luaL_error(L, "no memory to tell of all calls");
  enum err err = lua_json_try_read(L, buf_slice(&loan->arguments), LUA_JSON_DEPTH_MAX, &loan->failure);
  if (err != ERR_NONE) return luaL_error(L, "no memory for the calls");
  return 1;
}

/* kit:log() -> the lines since the last look */
static int kit_log(lua_State *L) {
  struct kit *kit = kit_check(L);
  lua_pushlstring(L, (const char *)kit->log.data, kit->log.size);
  buf_clear(&kit->log);
  return 1;
}

/* kit:stats() -> commits, syncs, bytes */
static int kit_stats(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  const struct committer_stats *stats = host_stats(kit->host);
  lua_pushinteger(L, (lua_Integer)stats->commits);
  lua_pushinteger(L, (lua_Integer)stats->syncs);
  lua_pushinteger(L, (lua_Integer)stats->bytes);
  return 3;
}

/* kit:memory() -> bytes that the VMs hold after a full garbage collection */
static int kit_memory(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  lua_pushinteger(L, (lua_Integer)host_memory(kit->host));
  return 1;
}

/* kit:entries() -> how many entries the store has, after everything durable was brought to it */
static int kit_entries(lua_State *L) {
  struct kit *kit = kit_check(L);
  if (kit->host == NULL) return luaL_error(L, "this host has ended");
  if (host_checkpoint(kit->host) != ERR_NONE) return luaL_error(L, "the store cannot be written");
  lua_pushinteger(L, (lua_Integer)host_entry_count(kit->host));
  return 1;
}

/* -- the end -- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where) {
  (void)status;
  (void)type;
  (void)where;
  return remove(path);
}

/* kit:close(): stops the host in good order, or if it has ended just lets it go; removes the data folder if that is the kit's
 * own. Also the finaliser. */
static int kit_close(lua_State *L) {
  struct kit *kit = luaL_checkudata(L, 1, kit_name);
  if (kit->pendings.is_closed) return 0;
  kit->held = kit->stuck = false;
  if (kit->host != NULL) {
    host_stop(kit->host);
    run_steps(L, kit);
    run_steps(L, kit);
    if (kit->host != NULL) spectators_end(&kit->spectators, SPECTATOR_STOPPED);
    if (kit->host != NULL && !kit->own_data) (void)host_checkpoint(kit->host);
  }
  end_host(kit);
  kit->pendings.is_closed = true;
  buf_done(&kit->log);
  if (kit->own_data) nftw(kit->data, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return 0;
}

/* array([t]) -> t, marked as a sequence */
static int kit_array(lua_State *L) {
  lender_lend(L, NULL);
  return walk_array(L);
}

/* worker_of(class, key, workers) -> the worker, from 1 to `workers`, on which that actor lives */
static int kit_worker_of(lua_State *L) {
  struct buf *key = &lender_lend(L, NULL)->key;
  size_t size;
  const char *class_name = luaL_checklstring(L, 1, &size);
  lua_Integer workers = luaL_checkinteger(L, 3);
  luaL_argcheck(L, workers >= 1 && workers <= ROUTER_SHARDS, 3, "a number of workers");
  lua_key_write(L, 2, key, &(struct argument){ .name = "key" });
  lua_pushinteger(L, 1 + (lua_Integer)router_worker(slice_of(class_name, size), buf_slice(key), (unsigned)workers));
  return 1;
}

int luaopen_troupe_host(lua_State *L) {
  static const luaL_Reg kit_methods[] = {
    { "submit", kit_submit },       { "run", kit_run },         { "hold", kit_hold },
    { "crash", kit_crash },         { "reopen", kit_reopen },   { "is_open", kit_is_open },
    { "advance", kit_advance },     { "log", kit_log },         { "fail_next", kit_fail_next },
    { "memory", kit_memory },       { "entries", kit_entries }, { "stick", kit_stick },
    { "stats", kit_stats },         { "close", kit_close },     { "fail_allocation", kit_fail_allocation },
    { "checkpoint", kit_checkpoint }, { "step", kit_step },     { "elapse", kit_elapse },
    { "jump", kit_jump },
    { "reload", kit_reload },       { "stop", kit_stop },       { "calls", kit_calls },
    { "connect", kit_connect },
    { NULL, NULL },
  };
  static const luaL_Reg functions[] = {
    { "open", kit_open }, { "array", kit_array }, { "verify", upkeep_verify }, { "backup", upkeep_backup },
    { "worker_of", kit_worker_of }, { NULL, NULL },
  };
  userdata_make_class(L, kit_name, kit_methods, kit_close);
  pending_open(L);
  spectator_open(L);
  lender_open(L);
  luaL_newlib(L, functions);                                         /* module */
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");                                       /* module */
  return 1;
}
