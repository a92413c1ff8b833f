/* lua_vm.h -- the virtual machine from inside: what it keeps.
 *
 * WHY     Everything that sees Lua finds here whose turn it is, the limits, the working buffers and what is in the registry.
 * ROOM    vm.
 * THREAD  Its worker's.
 * OWNS    The Lua state, all classes in it, its working buffers, the coroutines that wait for their next call.
 */
#ifndef TROUPE_LUA_VM_H
#define TROUPE_LUA_VM_H

#include <lua.h>

#include "base/failure.h"
#include "codec/key.h"
#include "vm/vm_config.h"

struct turn;
struct instance;
struct view;
struct schedule_touch;
struct json_parser;

/* Whose Lua is running, for the rooms above; all zero if nobody's is. Set and cleared by script/stay.c. */
struct vm_now {
  struct turn *turn;           /* opaque here: turn.h */
  struct instance *instance;   /* opaque here: self.h */
  const struct view *view;     /* opaque here: ledger/view.h. What the turn may read, and its drafts */
  struct schedule_touch *touched;   /* opaque here: schedule/schedule.h. What the turn does to the actor's schedules */
  int64_t schedule_id;         /* the schedule of the actor whose run this is; 0: it is none */
  uint64_t actor_id;           /* whose records */
  uint64_t owner;              /* whose parts: the serial of the instance, never 0 */
  uint64_t serial;             /* of the turn */
  bool may_wait;               /* not in on_stop */
  bool in_script;              /* a function of the script has been called and has not returned yet */
};

/* What the VM keeps in the registry for its own use. */
enum vm_ref {
  VM_GLOBALS,          /* what every class file sees */
  VM_MODULES,          /* what `require` has loaded: name to value */
  VM_CLASSES,          /* class name to class */
  VM_CLASS_NAMES,      /* their sorted names, one text */
  VM_CLASS_FILES,      /* class name to the file that it is in */
  VM_ACTOR_CLASS,      /* the class Actor */
  VM_COROUTINES,       /* coroutines without a call */
  VM_HOLDERS,          /* holders without a turn (holder.h) */
  VM_ARRAY_META,       /* the mark of a sequence */
  VM_PART_META,        /* of parts of a state */
  VM_HANDLE_META,      /* of handles of actors */
  VM_HANDLE_METHODS,   /* class name to method name to the function that handles have for it */
  VM_SELF_META,
  VM_RPC_META,
  VM_KV_META,
  VM_EACH_META,        /* of iterators of a kv */
  VM_SCHEDULE_META,
  VM_CONNECTION_META,
  VM_LOG,              /* what self.log is, for every actor */
  VM_USER_ERROR_META,
  /* one for each code, err to metatable and back: a script can change the fields of an error, but not its code */
  VM_HOST_ERROR_METAS,
  VM_CJSON,            /* the function that makes an instance of lua-cjson */
  VM_REF_COUNT
};

/* The fields are open to the rooms that see Lua. */
struct vm {
  lua_State *L;
  struct vm_config config;
  vm_describer *describe;
  void (*tick)(void *context); /* or NULL */
  void *tick_context;
  struct vm *beside;           /* the next one in the ring of those that share `limits.vm_bytes` */
  size_t instances;            /* that are open in it (script/instance.c) */
  struct vm_now now;
  lua_State *coroutine;        /* of the turn that is running, or NULL */
  size_t bytes;                /* given out by the allocator */
  size_t bytes_soft;           /* beyond this the next hook collects; if that frees too little, it stops the call */
  size_t bytes_call;           /* the same by the limit of the call alone, without that of the VM */
  size_t bytes_hard;           /* beyond this the allocator says no */
  size_t bytes_begin;          /* `bytes` when the stay began */
  unsigned cycles;             /* of the collector, since vm_collect_some() last said that all is gone */
  bool granting;
  bool refused;                /* the allocator has refused memory since budget_check_stack() began to ask */
  enum err stopped;            /* ERR_TIMEOUT, ERR_MEMORY, ERR_STORAGE: the call must end */
  bool on_the_processor;       /* with ERR_TIMEOUT: it was its processor time that was over */
  int64_t cpu_begin_ns;        /* the thread's processor time when the stay began, or shortly before */
  int64_t cpu_read_ns;         /* when that was read, by clock_work_ns() */
  int64_t begin_ns;            /* when the stay began, by clock_work_ns() */
  int64_t cpu_end_ns;
  int64_t wall_end_ns;         /* of the host's clock */
  bool ends_with_caller;       /* then the time of the caller is over, and not that of the call itself */
  size_t work;                 /* since the clocks were last read */
  int64_t pause_ns;            /* when the stay has lasted long enough to pause, by clock_work_ns() */
  unsigned pause_looks;
  unsigned unyieldable;        /* how many that resumed the coroutine that runs cannot yield, since C called them (wait.h) */
  unsigned closing;            /* how many coroutines are being closed, one within another */
  uint64_t serial;             /* numbers instances, turns and loads, never reused */
  uint64_t load;               /* of the innermost module whose file is running; 0: none (classes.c) */
  /* Working buffers. The function that owns an operation names them, and clears them first; a function that fills one is
   * given it. */
  struct buf value;
  struct buf key;
  struct buf key_end;
  struct key_reader key_reader;
  struct failure raised;       /* what a lib_ function is about to raise: a message outlives the C frame that found it */
  struct json_parser *parser;  /* or NULL; its user lets go what a text took, or else the end of the stay in Lua does */
  const void *array_mark;      /* the address of VM_ARRAY_META, which tells it from other tables */
  const void *handle_mark;     /* that of VM_HANDLE_META */
  int refs[VM_REF_COUNT];
};

/* Tells a thread of the Lua state its VM; threads made by that one inherit it. */
void vm_tell(struct vm *vm, lua_State *L);

/* The VM of a Lua state. */
static inline struct vm *vm_of(lua_State *L) {
  return *(struct vm **)lua_getextraspace(L);
}

/* The working buffer `value`, empty, for up to `size_max` bytes (0: no limit). Whatever an earlier user left there is gone,
 * failures too. */
static inline struct buf *vm_begin_value(struct vm *vm, size_t size_max) {
  buf_clear(&vm->value);
  vm->value.size_max = size_max;
  return &vm->value;
}

void vm_push_ref(lua_State *L, enum vm_ref ref);                    /* [-0, +1, -] */
void vm_set_ref(lua_State *L, enum vm_ref ref);                     /* [-1, +0, m] */

/* Whether the value at `index` is exactly this string. [-0, +0, -] */
bool vm_is_text(lua_State *L, int index, const char *text);

/* The string at `index`, which it keeps. [-0, +0, -] */
static inline struct slice vm_string_at(lua_State *L, int index) {
  size_t size;
  const char *text = lua_tolstring(L, index, &size);
  return slice_of(text, size);
}

/* An idle coroutine, or a new one. [-0, +1, m] */
lua_State *vm_take_coroutine(lua_State *L);
/* Gives back the coroutine on top of the stack. Its own stack must be empty, and it must not have failed. [-1, +0, m] */
void vm_give_coroutine(lua_State *L);

#endif
