/* connection_note.c -- see connection_note.h. */
#include "script/connection_note.h"

#include <lauxlib.h>

#include "vm/budget.h"

bool connection_note_push_all(lua_State *L) {
  const struct instance *instance = self_current(L);
  if (!instance->has_connection_notes) return false;
  self_push_slot(L, instance, SELF_CONNECTION_NOTES);                /* notes */
  return true;
}

/* Pushes the notes, and makes them if there are none yet. [-0, +1, m] */
static void need_notes(lua_State *L) {
  struct instance *instance = self_current(L);
  if (connection_note_push_all(L)) return;                           /* notes */
  lua_newtable(L);                                                   /* notes */
  lua_pushvalue(L, -1);
  self_set_slot(L, instance, SELF_CONNECTION_NOTES);                 /* notes */
  instance->has_connection_notes = true;
}

struct connection_note *connection_note_push(lua_State *L, uint64_t id) {
  budget_check_stack(L, 8);
  need_notes(L);                                                     /* notes */
  if (lua_rawgeti(L, -1, (lua_Integer)id) == LUA_TNIL) {             /* notes note|nil */
    lua_pop(L, 1);                                                   /* notes */
    struct connection_note *made = lua_newuserdatauv(L, sizeof *made, CONNECTION_NOTE_SLOTS);   /* notes note */
    *made = (struct connection_note){ .is_loaded = false };
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)id);                             /* notes note */
  }
  lua_replace(L, -2);                                                /* note */
  return lua_touserdata(L, -1);
}

const struct connection_note *connection_note_find(lua_State *L, uint64_t id) {
  if (!connection_note_push_all(L)) return NULL;                     /* notes */
  lua_rawgeti(L, -1, (lua_Integer)id);                               /* notes note|nil */
  const struct connection_note *note = lua_touserdata(L, -1);
  lua_pop(L, 2);                                                     /* - */
  return note;
}

void connection_note_forget(lua_State *L, struct instance *instance) {
  if (!instance->has_connection_notes) return;
  lua_pushnil(L);
  self_set_slot(L, instance, SELF_CONNECTION_NOTES);                 /* - */
  instance->has_connection_notes = false;
}
