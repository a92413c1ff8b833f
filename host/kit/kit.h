/* kit.h -- the host in a spec's own process: the Lua module troupe_host, on which troupe.test stands.
 *
 * WHY     Specs run the real host, not a likeness: the same rooms, the same steps, run inline in one thread, with
 *         clocks and a disk that the spec holds.
 * ROOM    kit, beside the door: both turn what comes from outside into requests. Here, as in script, lua.h. Below:
 *         stage.
 * THREAD  The spec's.
 * OWNS    The host, its data folder where the spec named none, the calls under way. A *pending* is a call under way:
 *         the spec's userdata and the host's reply share it, and the last one to let go frees it.
 * STATES  of a kit: open -> ended (crashed, or a sync failed: pendings are lost) -> open again ... -> closed.
 */
#ifndef TROUPE_KIT_H
#define TROUPE_KIT_H

#include <lauxlib.h>

#include "script/lent.h"
#include "stage/host.h"

enum { KIT_PATH_MAX = 4096, KIT_MAP_BYTES = 1024 * 1024 * 1024 };

struct kit {
  struct host *host;                   /* NULL: ended or closed */
  struct host_config config;
  struct clock clock;
  struct logger logger;
  struct faults faults, store_faults;
  struct vm *lent;                     /* for conversions in the spec's Lua state: the module's; NULL when closed */
  struct pending *pendings;            /* those that the host has */
  struct buf log;                      /* lines since the last look */
  bool held;                           /* the committer takes no step */
  bool stuck;                          /* the checkpointer takes no step */
  bool echo;                           /* log lines go to standard error too */
  bool own_data;
  unsigned long fail_allocation;       /* the k-th of the next worker steps; 0: none */
  unsigned long fail_count;            /* and how many in a row */
  bool allocation_failed;
  char actors[KIT_PATH_MAX], data[KIT_PATH_MAX];
};

/* The kit at 1, which is not closed; what the spec's Lua state is lent goes by the limits of this one from now on. */
struct kit *kit_check(lua_State *L);

/* What was under way when the host ended is lost. */
void pendings_lose(struct kit *kit);

/* Makes the class of pendings. */
void pending_open(lua_State *L);

/* A class of userdata with methods. */
void kit_make_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction gc);

/* kit:submit(type, class, key [, method, arguments, count [, options]]) -> pending
 * type: "call", "inspect", "state", "kv", "sleep"; options: { create = bool, input = value, params = value,
 * idempotency_key = text } */
int pending_submit(lua_State *L);

/* The module's functions that look at folders from outside (upkeep.c). */
int upkeep_verify(lua_State *L);
int upkeep_backup(lua_State *L);

#endif
