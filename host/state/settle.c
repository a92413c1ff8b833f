/* settle.c -- see settle.h.
 *
 * The way of a turn's changes: plain tables become parts -> each part that was stored somewhere gets its one place in the
 * state (places.h) -> what fell out of the state loses its records (bury) -> nodes that became small move into their
 * parents' records (demote) -> the records that hold the written fields are written, and tables in them that have grown
 * become nodes (write_field, promote). Most turns need none of that: try_settle_root(). */
#include "state/settle.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "base/recursion.h"
#include "codec/value.h"
#include "ledger/view.h"
#include "marshal/lua_value.h"
#include "marshal/walk.h"
#include "state/holder.h"
#include "state/journal.h"
#include "state/part.h"
#include "state/places.h"
#include "vm/budget.h"
#include "vm/raise.h"

enum { DEMOTED_FIELDS_MAX = 4, BURIAL_DEPTH_MAX = 400 };

/* Its address stands for the record of a node itself, among the node's keys. */
static const char header_mark;

/* -- records -- */

static struct slice record_key(struct settling *s, const struct part *node, int key) {
  buf_clear(s->key);
  part_put_record_key(s->L, s->instance, node->node_id, key, s->key);
  if (s->key->err != ERR_NONE) raise_host(s->L, ERR_MEMORY, "no memory for the key of a record");
  return buf_slice(s->key);
}

static void draft_put(struct settling *s, const struct part *node, int key, const struct buf *value) {
  size_t limit = (size_t)s->vm->config.limits->commit_bytes;
  if (value->err != ERR_NONE || !drafts_try_put(s->drafts, record_key(s, node, key), buf_slice(value))) {
    raise_host(s->L, ERR_MEMORY, "no memory for the changes of a call");
  }
  if (drafts_bytes(s->drafts) > limit) {
    raise_host(s->L, ERR_TOO_LARGE, "more than %zu bytes changed by one call, the limit of one commit "
               LIMIT_NAME(COMMIT_BYTES), limit);
  }
}

static void draft_delete(struct settling *s, const struct part *node, int key) {
  if (!drafts_try_delete(s->drafts, record_key(s, node, key))) {
    raise_host(s->L, ERR_MEMORY, "no memory for the changes of a call");
  }
}

/* Deletes all records that a node may have: its own, those of its fields, and those of the fields that it had before the
 * turn. */
static void draft_delete_node(struct settling *s, int index) {
  lua_State *L = s->L;
  struct part *node = lua_touserdata(L, index);
  budget_check_stack(L, 8);
  draft_delete(s, node, 0);
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  for (int i = 0; i < 2; i++) {
    lua_pushnil(L);                                                  /* fields key */
    while (lua_next(L, -2)) {                                        /* fields key value */
      lua_pop(L, 1);                                                 /* fields key */
      if (!journal_is_mark(L, -1) && !part_is_long_key(L, -1)) draft_delete(s, node, lua_gettop(L));
    }
    lua_pop(L, 1);                                                   /* - */
    if (i == 1 || !journal_push_old_values(L, s->instance, &node->tracked)) return;    /* old */
  }
}

/* -- what fell out of the state -- */

static void bury(struct settling *s, int part, size_t depth) {
  lua_State *L = s->L;
  budget_check_stack(L, 8);
  budget_check(L);
  if (depth > BURIAL_DEPTH_MAX) raise_misuse(L, "state: tables are nested too deep " LIMIT_NAME(DEPTH));
  lua_pushvalue(L, part);
  bool met = lua_rawget(L, s->dead) != LUA_TNIL;                     /* met */
  lua_pop(L, 1);                                                     /* - */
  if (met || places_is_live(s, part)) return;
  lua_pushvalue(L, part);
  lua_pushboolean(L, 1);
  lua_rawset(L, s->dead);                                            /* - */
  struct part *buried = lua_touserdata(L, part);
  if (buried->node_id != 0) draft_delete_node(s, part);
  part_note(L, s->instance, part);
  buried->node_id = 0;
  buried->detached = true;
  lua_getiuservalue(L, part, PART_DATA);                             /* data */
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, -2)) {                                          /* data key value */
    if (part_is(L, lua_gettop(L))) bury(s, lua_gettop(L), depth + 1);
    lua_pop(L, 1);                                                   /* data key */
  }
  lua_pop(L, 1);                                                     /* - */
}

/* -- which records -- */

/* Notes that the record that holds the field `key` of `owner` must be written; both are on top of the stack. [-2,
 * +0, m] */
static void mark_dirty(struct settling *s) {
  lua_State *L = s->L;
  int owner = lua_gettop(L) - 1, key = owner + 1;
  budget_check_stack(L, 8);
  while (!places_is_holder(s, owner) && ((struct part *)lua_touserdata(L, owner))->node_id == 0) {
    if (!places_push_home(s, owner)) {                                      /* owner key owner key */
      lua_pop(L, 2);
      return;
    }
    lua_replace(L, key);
    lua_replace(L, owner);                                           /* owner key */
  }
  lua_pushvalue(L, owner);
  if (lua_rawget(L, s->dirty) == LUA_TNIL) {                         /* owner key nil */
    lua_pop(L, 1);
    lua_newtable(L);                                                 /* owner key keys */
    lua_pushvalue(L, owner);
    lua_pushvalue(L, -2);
    lua_rawset(L, s->dirty);                                         /* owner key keys */
  }
  lua_pushvalue(L, key);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);                                                 /* owner key keys */
  lua_settop(L, owner - 1);                                          /* - */
}

/* For one field written in this turn: its old value may have fallen out of the state, and its record must be written. */
static void look_at_field(lua_State *L, void *context) {
  struct settling *s = context;
  int tracked = lua_gettop(L) - 2, key = tracked + 1, old = tracked + 2;
  if (!part_is(L, tracked)) return;                                  /* tracked key old */
  if (part_is(L, old)) bury(s, old, 0);
  if (!places_is_live(s, tracked)) return;
  struct part *part = lua_touserdata(L, tracked);
  if (!journal_is_mark(L, key)) {
    lua_pushvalue(L, tracked);
    lua_pushvalue(L, key);                                           /* ... owner key */
  } else if (part->node_id != 0) {
    lua_pushvalue(L, tracked);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&header_mark);       /* ... owner mark */
  } else {
    places_push_home(s, tracked);                                           /* ... owner key */
  }
  mark_dirty(s);                                                     /* tracked key old */
}

/* -- writing -- */

static uint64_t node_of(lua_State *L, int index) {
  return ((struct part *)lua_touserdata(L, index))->node_id;
}

/* A value of a state; its path goes on from that of its field. */
static const struct walk_options value_options = { .root.name = "", .depth_max = RECURSION_MAX, .finite = true,
                                                   .node_of = node_of };

/* Appends the value at `index`, of the field `key` of `owner`: nodes in it as references, other tables with everything in
 * them. If it cannot be saved, raises with the path. */
static enum err put_value(struct settling *s, int owner, int key, int index, struct buf *into) {
  const struct failure *raised = &s->vm->raised;
  enum err err = lua_value_write(s->L, index, into, &value_options, &s->vm->raised);
  if (err == ERR_INTERNAL) {
    buf_clear(into);                                                 /* of no use any more, but for the path */
    places_put_path(s, owner, key, into);
    raise_misuse(s->L, "%.*s%.*s", (int)into->size, (const char *)into->data, (int)raised->message.size,
                 (const char *)raised->message.data);
  }
  if (err == ERR_MEMORY) raise_host(s->L, ERR_MEMORY, "no memory for the bytes of state");
  return err;
}

/* As put_value(), but the value itself is a reference too if it is a node. */
static enum err put_field(struct settling *s, int owner, int key, int index, struct buf *into) {
  uint64_t node_id = part_is(s->L, index) ? node_of(s->L, index) : 0;
  if (node_id == 0) return put_value(s, owner, key, index, into);
  value_put_node(into, node_id);
  return into->err;
}

/* Writes the record of a node itself: whether it is a marked sequence, and those fields whose names are too long for the key
 * of a record. */
static void write_header(struct settling *s, int index) {
  lua_State *L = s->L;
  struct part *node = lua_touserdata(L, index);
  uint32_t count = 0;
  budget_check_stack(L, 8);
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, -2)) {                                          /* data key value */
    count += part_is_long_key(L, -2);
    lua_pop(L, 1);                                                   /* data key */
  }
  struct buf *value = vm_begin_value(s->vm, 0);
  value_put_array(value, 2);
  value_put_boolean(value, node->tracked.array);
  value_put_map(value, count);
  lua_pushnil(L);                                                    /* data key */
  while (count > 0 && lua_next(L, -2)) {                             /* data key value */
    if (part_is_long_key(L, -2)) {
      size_t size;
      const char *name = lua_tolstring(L, -2, &size);
      value_put_string(value, slice_of(name, size));
      put_field(s, index, lua_gettop(L) - 1, lua_gettop(L), value);
    }
    lua_pop(L, 1);                                                   /* data key */
  }
  if (count == 0) lua_pop(L, 1);                                     /* data */
  lua_pop(L, 1);                                                     /* - */
  draft_put(s, node, 0, value);
}

static void write_field(struct settling *s, int index, int key);

/* Makes a node of the part at `index`, with a record for each field. */
static void promote(struct settling *s, int index) {
  lua_State *L = s->L;
  struct part *part = lua_touserdata(L, index);
  budget_check_stack(L, 8);
  part_note(L, s->instance, index);
  part->node_id = ++s->instance->node_id;
  write_header(s, index);
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, -2)) {                                          /* data key value */
    lua_pop(L, 1);                                                   /* data key */
    budget_check(L);
    if (!part_is_long_key(L, -1)) write_field(s, index, lua_gettop(L));
  }
  lua_pop(L, 1);                                                     /* - */
}

/* In a marked sequence, the neighbour of a written field tells whether it is still a sequence. */
static void check_sequence(struct settling *s, int index, int key, bool there) {
  lua_State *L = s->L;
  lua_Integer n = lua_isinteger(L, key) ? lua_tointeger(L, key) : 0;
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  bool fits = n >= 1 && (there ? n == 1 || lua_rawgeti(L, -1, n - 1) != LUA_TNIL : lua_rawgeti(L, -1, n + 1) == LUA_TNIL);
  if (fits || (n < 1 && !there)) return;
  struct buf *path = raise_begin(L);
  places_put_path(s, index, key, path);
  raise_misuse(L, "%.*s: a table marked as a sequence has a key that is not of 1..n", (int)path->size,
               (const char *)path->data);
}

/* Writes the record of the field `key` of the node at `index`. */
static void write_field(struct settling *s, int index, int key) {
  lua_State *L = s->L;
  struct part *node = lua_touserdata(L, index);
  int top = lua_gettop(L), value = top + 2;
  budget_check_stack(L, 8);
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  lua_pushvalue(L, key);
  bool there = lua_rawget(L, -2) != LUA_TNIL;                        /* data value */
  if (node->tracked.array) check_sequence(s, index, key, there);
  lua_settop(L, value);                                              /* data value */
  if (!there) {
    draft_delete(s, node, key);
    lua_settop(L, top);                                              /* - */
    return;
  }
  struct part *part = part_is(L, value) ? lua_touserdata(L, value) : NULL;
  struct buf *bytes = vm_begin_value(s->vm, part == NULL ? 0 : STATE_INLINE_BYTES_MAX);
  bool fits = (part != NULL && part->node_id != 0) || put_value(s, index, key, value, bytes) == ERR_NONE;
  if (!fits) promote(s, value);
  if (part != NULL && part->node_id != 0) {
    bytes = vm_begin_value(s->vm, 0);
    value_put_node(bytes, part->node_id);
  }
  draft_put(s, node, key, bytes);
  lua_settop(L, top);                                                /* - */
}

/* Moves a node that was written to into its parent's record, if it has become small. */
static void demote(struct settling *s, int index) {
  lua_State *L = s->L;
  struct part *node = lua_touserdata(L, index);
  if (places_is_holder(s, index) || node->node_id == 0) return;
  budget_check_stack(L, 8);
  int top = lua_gettop(L), fields = 0;
  lua_getiuservalue(L, index, PART_DATA);                            /* data */
  lua_pushnil(L);                                                    /* data key */
  while (fields <= DEMOTED_FIELDS_MAX && lua_next(L, -2)) {          /* data key value */
    lua_pop(L, 1);                                                   /* data key */
    fields++;
  }
  lua_settop(L, top);                                                /* - */
  if (fields > DEMOTED_FIELDS_MAX || !places_push_home(s, index)) return;   /* owner key */
  struct buf *bytes = vm_begin_value(s->vm, STATE_INLINE_BYTES_MAX / 4);       /* only tried */
  if (put_value(s, top + 1, top + 2, index, bytes) == ERR_NONE) {
    draft_delete_node(s, index);
    part_note(L, s->instance, index);
    node->node_id = 0;
    mark_dirty(s);                                                   /* - */
  }
  lua_settop(L, top);                                                /* - */
}

/* Pushes the nodes with something to write, as a sequence: working on them may add others. [-0, +1, m] */
static void push_dirty_nodes(struct settling *s) {
  lua_State *L = s->L;
  lua_newtable(L);                                                   /* nodes */
  lua_Integer count = 0;
  lua_pushnil(L);                                                    /* nodes node */
  while (lua_next(L, s->dirty)) {                                    /* nodes node keys */
    lua_pop(L, 1);                                                   /* nodes node */
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, ++count);                                     /* nodes node */
  }
}

static void write_dirty(struct settling *s) {
  lua_State *L = s->L;
  push_dirty_nodes(s);                                               /* nodes */
  for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {  /* nodes node */
    demote(s, lua_gettop(L));
    lua_pop(L, 1);                                                   /* nodes */
  }
  lua_pop(L, 2);                                                     /* - */
  lua_pushnil(L);                                                    /* node */
  while (lua_next(L, s->dirty)) {                                    /* node keys */
    int index = lua_gettop(L) - 1;
    struct part *node = lua_touserdata(L, index);
    lua_pushnil(L);                                                  /* node keys key */
    while ((places_is_holder(s, index) || node->node_id != 0) && lua_next(L, index + 1)) {      /* node keys key true */
      lua_pop(L, 1);                                                 /* node keys key */
      bool header = lua_islightuserdata(L, -1) || part_is_long_key(L, -1);
      if (header) {
        write_header(s, index);
      } else {
        write_field(s, index, lua_gettop(L));
      }
    }
    lua_settop(L, index);                                            /* node */
  }
}

/* -- the short way -- */

/* Where the fields that a turn wrote are. */
struct written {
  struct settling *s;
  bool any;                /* at least one is in the state */
  bool in_root;            /* all of those are in the record of field 1 of node 0 */
};

static void look_where(lua_State *L, void *context) {
  struct written *written = context;
  int top = lua_gettop(L), part = top + 1;
  lua_pushvalue(L, top - 2);                                         /* ... tracked */
  if (part_is(L, part) && !((struct part *)lua_touserdata(L, part))->detached) {
    written->any = true;
    while (written->in_root && !places_is_holder(written->s, part)) {
      written->in_root = ((struct part *)lua_touserdata(L, part))->node_id == 0 && places_push_home(written->s, part);
      if (!written->in_root) break;
      lua_pop(L, 1);
      lua_replace(L, part);                                          /* ... owner */
    }
  }
  lua_settop(L, top);
}

/* Most turns write some scalars into a small state, which is one record. Nothing has moved, so each part is where it was, and
 * that record is the only one to write. False, and nothing done, if it is not so simple. */
static bool try_settle_root(struct settling *s) {
  lua_State *L = s->L;
  struct written written = { .s = s, .in_root = true };
  if (s->instance->tables_moved) return false;
  journal_each(L, s->instance, look_where, &written);
  if (!written.any || !written.in_root) return !written.any;
  lua_getiuservalue(L, s->holder, PART_DATA);                        /* data */
  lua_pushinteger(L, STATE_ROOT_FIELD);                              /* data key */
  lua_rawgeti(L, -2, STATE_ROOT_FIELD);                              /* data key root */
  struct buf *bytes = vm_begin_value(s->vm, STATE_INLINE_BYTES_MAX);
  if (lua_value_write(L, -1, bytes, &value_options, &s->vm->raised) != ERR_NONE) return false;
  draft_put(s, lua_touserdata(L, s->holder), lua_gettop(L) - 1, bytes);
  return true;
}

void settle(lua_State *L, struct instance *instance) {
  if (!instance->state_changed) return;
  struct vm *vm = vm_of(L);
  int top = lua_gettop(L);
  budget_check_stack(L, 16);
  holder_push(L, instance);                                          /* holder */
  struct settling s = { .L = L, .vm = vm, .instance = instance, .drafts = vm->now.view->drafts, .key = &vm->key,
                        .holder = top + 1, .copies = top + 2, .claims = top + 3, .live = top + 4, .dirty = top + 5,
                        .dead = top + 6 };
  if (!try_settle_root(&s)) {
    lua_settop(L, s.holder);                                         /* holder */
    for (int i = 0; i < 5; i++) lua_newtable(L);                     /* holder copies claims live dirty dead */
    places_settle(&s);
    journal_each(L, instance, look_at_field, &s);
    write_dirty(&s);
  }
  lua_settop(L, top);                                                /* - */
}
