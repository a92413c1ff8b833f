/* connection_state.c -- see connection_state.h. */
#include "script/connection_state.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "ledger/view.h"
#include "marshal/lua_value.h"
#include "marshal/tracked.h"
#include "script/connection_note.h"
#include "script/turn.h"
#include "vm/budget.h"
#include "vm/raise.h"

static const struct argument argument = { .name = "connection", .field = "state" };

/* The key of a connection's record, all that is in vm->key then. */
static struct slice record_key(lua_State *L, uint64_t id) {
  struct vm *vm = vm_of(L);
  buf_clear(&vm->key);
  connection_put_record_key(&vm->key, vm->now.actor_id, id);
  if (vm->key.err != ERR_NONE) raise_host(L, ERR_MEMORY, "no memory for the state of a connection");
  return buf_slice(&vm->key);
}

/* The bytes of the value at `index`, at most `bytes_max` (0: no limit), all that is in vm->value then. [-0, +0, v] */
static struct slice write_state(lua_State *L, int index, size_t bytes_max) {
  struct vm *vm = vm_of(L);
  const struct walk_options options = { .root = argument, .depth_max = (size_t)vm->config.limits->depth, .boolean_keys = true,
                                        .shared = true };
  struct buf *value = vm_begin_value(vm, bytes_max);
  enum err err = lua_value_write(L, index, value, &options, &vm->raised);
  budget_check_for(L, value->size);
  if (err == ERR_INTERNAL) raise_misuse(L, "%.*s", (int)vm->raised.message.size, (const char *)vm->raised.message.data);
  if (err == ERR_TOO_LARGE) {
    raise_about(L, err, &argument, "more than %zu bytes, the limit of a connection's state "
                LIMIT_NAME(CONNECTION_STATE_BYTES), bytes_max);
  }
  if (err != ERR_NONE) raise_failure(L, &vm->raised);
  return buf_slice(value);
}

static struct slice write_within_limit(lua_State *L, int index) {
  return write_state(L, index, (size_t)vm_of(L)->config.limits->connection_state_bytes);
}

/* Reads the record. Bytes that are there stand until the next read or write. */
static bool read_record(lua_State *L, uint64_t id, struct slice *bytes) {
  enum err err = view_get(vm_of(L)->now.view, record_key(L, id), bytes);
  if (err != ERR_NONE && err != ERR_NOT_FOUND) raise_host(L, ERR_STORAGE, "the state of a connection cannot be read");
  return err == ERR_NONE;
}

/* -- a look -- */

/* Loads the state into the note on top of the stack. The bytes are those that the table would have now, and not the record's:
 * the order in which a table is walked may be another. [-0, +0, v] */
static void load(lua_State *L, struct connection_note *note, uint64_t id) {
  struct slice bytes;
  lua_pushnil(L);                                                    /* note bytes|nil */
  if (read_record(L, id, &bytes)) {
    lua_value_read(L, bytes);                                        /* note nil state */
    if (lua_istable(L, -1)) {
      bytes = write_state(L, lua_gettop(L), 0);
      lua_pushlstring(L, (const char *)bytes.data, bytes.size);
      lua_replace(L, -3);                                            /* note bytes state */
    }
  } else {
    lua_pushnil(L);                                                  /* note nil nil */
  }
  lua_setiuservalue(L, -3, CONNECTION_NOTE_STATE);                   /* note bytes|nil */
  lua_setiuservalue(L, -2, CONNECTION_NOTE_BYTES);                   /* note */
  note->is_loaded = true;
}

void connection_state_push(lua_State *L, uint64_t id, const struct connection *connection) {
  if (connection == NULL && connection_note_find(L, id) == NULL) {
    lua_pushnil(L);                                                  /* nil */
    return;
  }
  struct connection_note *note = connection_note_push(L, id);        /* note */
  if (!note->is_loaded && connection != NULL) load(L, note, id);
  note->is_shown = true;
  lua_getiuservalue(L, -1, CONNECTION_NOTE_STATE);                   /* note state */
  lua_replace(L, -2);                                                /* state */
}

/* -- a change -- */

static void check_room(lua_State *L, const struct turn *turn, struct slice key, size_t value_size) {
  size_t bytes = drafts_bytes(turn->view.drafts) + key.size + value_size + turn_sent_bytes(turn);
  if (bytes > turn->vm->config.limits->commit_bytes) raise_over_commit(L, bytes - drafts_bytes_of(turn->view.drafts, key));
}

/* Drafts the state, which is in vm->value; NULL: there is none any more. Nothing if the record says that already. [-0, +0, v]
 * */
static void draft(lua_State *L, uint64_t id, struct connection *connection, const struct slice *state) {
  struct turn *turn = vm_of(L)->now.turn;
  struct slice saved;
  bool is_saved = read_record(L, id, &saved);
  if (state == NULL ? !is_saved : is_saved && slice_equal(saved, *state)) return;
  struct slice key = buf_slice(&turn->vm->key);
  check_room(L, turn, key, state == NULL ? 0 : state->size);
  if (state != NULL && view_reach(&turn->view, key) != ERR_NONE) {
    raise_host(L, ERR_STORAGE, "the state of a connection cannot be saved");
  }
  bool drafted = state == NULL ? drafts_try_delete(turn->view.drafts, key) : drafts_try_put(turn->view.drafts, key, *state);
  if (!drafted) raise_host(L, ERR_MEMORY, "no memory for the state of a connection");
  if (state != NULL) connection->has_state = true;
}

/* Whether these are the bytes of a table that the records hold already; with `note bytes state` on top of the stack. [-0, +0,
 * -] */
static bool is_known(lua_State *L, const struct connection_note *note, struct slice bytes) {
  if (!note->is_loaded) return false;
  bool is_table = lua_getiuservalue(L, -3, CONNECTION_NOTE_BYTES) == LUA_TSTRING;    /* note bytes state before */
  bool is_known = is_table && slice_equal(vm_string_at(L, -1), bytes);
  lua_pop(L, 1);                                                     /* note bytes state */
  return is_known;
}

void connection_state_assign(lua_State *L, int index, uint64_t id, struct connection *connection) {
  bool is_nil = lua_isnil(L, index), is_part = tracked_is_part(L, index);
  struct slice bytes = { 0 };
  index = lua_absindex(L, index);
  struct connection_note *note = connection_note_push(L, id);        /* note */
  if (is_part || lua_istable(L, index)) {
    bytes = write_within_limit(L, index);
    lua_pushlstring(L, (const char *)bytes.data, bytes.size);        /* note bytes */
  } else {
    if (!is_nil) bytes = write_within_limit(L, index);
    lua_pushnil(L);                                                  /* note nil */
  }
  if (is_part) {
    lua_value_read(L, vm_string_at(L, -1));                          /* note bytes copy */
  } else {
    lua_pushvalue(L, index);                                         /* note bytes|nil state */
  }
  if (connection != NULL && !is_known(L, note, bytes)) draft(L, id, connection, is_nil ? NULL : &bytes);
  lua_setiuservalue(L, -3, CONNECTION_NOTE_STATE);                   /* note bytes|nil */
  lua_setiuservalue(L, -2, CONNECTION_NOTE_BYTES);                   /* note */
  note->is_loaded = true;
  note->is_shown = note->is_shown || connection != NULL;
  lua_pop(L, 1);                                                     /* - */
}

/* -- the end -- */

/* Drafts what has changed within the table of the note on top of the stack. A connection that has gone keeps nothing. [-0, +0,
 * v] */
static void settle_one(lua_State *L, uint64_t id) {
  struct turn *turn = vm_of(L)->now.turn;
  lua_getiuservalue(L, -1, CONNECTION_NOTE_BYTES);                   /* note bytes */
  lua_getiuservalue(L, -2, CONNECTION_NOTE_STATE);                   /* note bytes state */
  struct slice before = vm_string_at(L, -2), bytes = write_within_limit(L, lua_gettop(L));
  struct connection *connection = turn_find_connection(turn, id);
  if (slice_equal(before, bytes) || connection == NULL || turn_ends_connection(turn, connection)) {
    lua_pop(L, 2);                                                   /* note */
    return;
  }
  lua_pushlstring(L, (const char *)bytes.data, bytes.size);          /* note bytes state bytes */
  draft(L, id, connection, &bytes);
  lua_setiuservalue(L, -4, CONNECTION_NOTE_BYTES);                   /* note bytes state */
  lua_pop(L, 2);                                                     /* note */
}

void connection_state_settle(lua_State *L) {
  if (!connection_note_push_all(L)) return;                          /* notes */
  budget_check_stack(L, 12);
  lua_pushnil(L);                                                    /* notes id */
  while (lua_next(L, -2)) {                                          /* notes id note */
    const struct connection_note *note = lua_touserdata(L, -1);
    bool is_table = lua_getiuservalue(L, -1, CONNECTION_NOTE_STATE) == LUA_TTABLE;
    lua_pop(L, 1);                                                   /* notes id note */
    if (note->is_shown && is_table) settle_one(L, (uint64_t)lua_tointeger(L, -2));
    lua_pop(L, 1);                                                   /* notes id */
  }
  lua_pop(L, 1);                                                     /* - */
}

/* Whether there is a record is not asked: one that is damaged goes too. */
void connection_state_end(lua_State *L, const struct connection *connection) {
  const struct turn *turn = vm_of(L)->now.turn;
  if (!connection->has_state || drafts_try_delete(turn->view.drafts, record_key(L, connection->id))) return;
  raise_host(L, ERR_MEMORY, "no memory for the end of a connection");
}
