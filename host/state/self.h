/* self.h -- an actor in memory: what the host keeps of it, and where.
 *
 * WHY     The files that make up `self` (fields, state, kv, log) share the actor's instance and the slots of its
 *         userdata.
 * ROOM    state. script/instance.h is what the stage sees.
 */
#ifndef TROUPE_SELF_H
#define TROUPE_SELF_H

#include <lua.h>

#include "ledger/record_key.h"
#include "vm/lua_vm.h"

struct instance {
  struct vm *vm;
  uint64_t serial;           /* numbers this time in memory; whatever belongs to it carries the number */
  uint64_t actor_id;
  struct slice key;          /* encoded; the stage owns it */
  bool loaded;
  bool broken;               /* an undo failed: the actor must leave memory */
  bool has_state;            /* the class has initialize_state */
  bool is_held;              /* its turn has a holder (holder.h) */
  bool state_changed;        /* in this turn */
  bool has_connection_notes; /* in this turn */
  bool tables_moved;         /* in this turn a table was stored in a field, or taken from one */
  int self_ref;              /* keeps the userdata `self` */
  uint32_t journal_count;    /* entries of the journal */
  uint32_t part_note_count;  /* notes of parts in this turn (part.h) */
  uint64_t node_id;          /* the highest that a node of the state has had */
};

/* The user values of `self`. */
enum self_slot {
  SELF_FIELDS = 1,           /* what methods set on `self`, or nil; slot 1 as in every tracked userdata */
  SELF_CLASS,
  SELF_JOURNAL,
  SELF_STATE,                /* the root of the state, or the holder over it (holder.h) */
  SELF_NOTES,
  SELF_KV,
  SELF_SCHEDULE,
  SELF_CONNECTION_NOTES,     /* what its turn knows of connections, or nil: script/connection_note.h */
  SELF_COROUTINE,                 /* the coroutine of its turn */
  SELF_SLOT_COUNT = SELF_COROUTINE
};

/* Pushes `self`, or one of its slots. [-0, +1, -] */
void self_push(lua_State *L, const struct instance *instance);
void self_push_slot(lua_State *L, const struct instance *instance, enum self_slot slot);
/* Sets a slot. [-1, +0, -] */
void self_set_slot(lua_State *L, const struct instance *instance, enum self_slot slot);

/* The actor whose turn it is; raises if there is none. */
struct instance *self_current(lua_State *L);

/* The fields of `self` that belong to the host. */
enum self_field {
  SELF_FIELD_NONE, SELF_FIELD_CLASS, SELF_FIELD_KEY, SELF_FIELD_STATE, SELF_FIELD_KV, SELF_FIELD_LOG, SELF_FIELD_SCHEDULE,
  SELF_FIELD_CONNECTIONS
};

/* Which of them the name at `index` means. [-0, +0, -] */
enum self_field self_field_of(lua_State *L, int index);

/* Begins a record key of the actor. */
void self_begin_key(const struct instance *instance, enum record_space space, struct buf *key);

#endif
