/* journal.c -- see journal.h. A journal is a table: [2i - 1] the i-th tracked userdata, [2i] its old values by key. */
#include "state/journal.h"

#include <lauxlib.h>

#include "vm/budget.h"

/* Their addresses stand for an old value that was nil, and for the key of the mark. */
static const char was_nil, array_mark;

/* Pushes the old values of a tracked userdata: an empty table at its first write of the turn. [-0, +1, m] */
static void push_old_values(lua_State *L, int index, struct tracked *tracked) {
  struct instance *instance = vm_of(L)->now.instance;
  self_push_slot(L, instance, SELF_JOURNAL);                         /* journal|nil */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);                                                   /* - */
    lua_createtable(L, 2, 0);                                        /* journal: most turns write to one tracked userdata */
    lua_pushvalue(L, -1);
    self_set_slot(L, instance, SELF_JOURNAL);                        /* journal */
  }
  if (tracked->journal_place != 0) {
    lua_rawgeti(L, -1, 2 * (lua_Integer)tracked->journal_place);             /* journal old */
    lua_replace(L, -2);                                              /* old */
    return;
  }
  lua_Integer place = (lua_Integer)instance->journal_count + 1;
  lua_createtable(L, 0, 1);                                          /* journal old */
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, 2 * place);                                     /* journal old */
  lua_pushvalue(L, index);
  lua_rawseti(L, -3, 2 * place - 1);                                 /* journal old */
  instance->journal_count = (uint32_t)place;                                 /* both are in: nothing can fail any more */
  tracked->journal_place = (uint32_t)place;
  lua_replace(L, -2);                                                /* old */
}

/* Notes the old value of a key, once; both are on top of the stack. [-0, +0, m] */
static void note(lua_State *L, int index, struct tracked *tracked) {
  int key = lua_gettop(L) - 1, value = key + 1;
  push_old_values(L, index, tracked);                                /* key value old */
  lua_pushvalue(L, key);
  if (lua_rawget(L, -2) == LUA_TNIL) {                               /* key value old nil */
    lua_pushvalue(L, key);
    if (lua_isnil(L, value)) {
      lua_pushlightuserdata(L, (void *)(uintptr_t)&was_nil);
    } else {
      lua_pushvalue(L, value);
    }                                                                /* key value old nil key value */
    lua_rawset(L, -4);                                               /* key value old nil */
  }
  lua_pop(L, 2);                                                     /* key value */
}

/* Whether a value is a plain table or a part. */
static bool is_tabular(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TTABLE || tracked_is_part(L, index);
}

bool journal_set(lua_State *L, int index) {
  struct tracked *tracked = lua_touserdata(L, index);
  budget_check_stack(L, 10);
  int key = lua_gettop(L) - 1, value = key + 1;
  lua_getiuservalue(L, index, TRACKED_DATA);                         /* key value data */
  lua_pushvalue(L, key);                                             /* key value data key */
  lua_pushvalue(L, key);
  lua_rawget(L, -3);                                                 /* key value data key old */
  /* 0.0 and -0.0 are equal but not the same */
  bool zero = lua_type(L, value) == LUA_TNUMBER && !lua_isinteger(L, value) && lua_tonumber(L, value) == 0;
  if (lua_rawequal(L, -1, value) && !lua_istable(L, -1) && !zero && lua_isinteger(L, -1) == lua_isinteger(L, value)) {
    lua_pop(L, 5);                                                   /* - */
    return false;
  }
  if (is_tabular(L, -1) || is_tabular(L, value)) vm_of(L)->now.instance->tables_moved = true;
  note(L, index, tracked);                                           /* key value data key old */
  lua_pop(L, 1);                                                     /* key value data key */
  lua_pushvalue(L, value);                                           /* key value data key value */
  lua_rawset(L, -3);                                                 /* key value data */
  lua_pop(L, 3);                                                     /* - */
  return true;
}

void journal_mark_array(lua_State *L, int index) {
  struct tracked *tracked = tracked_check_owner(L, index);
  if (tracked->array) return;
  lua_pushlightuserdata(L, (void *)(uintptr_t)&array_mark);          /* key */
  lua_pushboolean(L, 0);                                             /* key false */
  note(L, index, tracked);
  lua_pop(L, 2);                                                     /* - */
  tracked->array = true;
  vm_of(L)->now.instance->state_changed = true;
}

bool journal_is_mark(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == &array_mark;
}

/* Turns a noted old value, on top of the stack, back into what it was. [-1, +1, -] */
static void unwrap_old(lua_State *L) {
  if (lua_type(L, -1) != LUA_TLIGHTUSERDATA || lua_touserdata(L, -1) != &was_nil) return;
  lua_pop(L, 1);
  lua_pushnil(L);
}

bool journal_push_old_values(lua_State *L, struct instance *instance, const struct tracked *tracked) {
  if (tracked->journal_place == 0) return false;
  self_push_slot(L, instance, SELF_JOURNAL);                         /* journal */
  lua_rawgeti(L, -1, 2 * (lua_Integer)tracked->journal_place);               /* journal old */
  lua_replace(L, -2);                                                /* old */
  return true;
}

void journal_each(lua_State *L, struct instance *instance, void (*visit)(lua_State *L, void *context), void *context) {
  budget_check_stack(L, 12);
  self_push_slot(L, instance, SELF_JOURNAL);                         /* journal|nil */
  for (lua_Integer i = 1; i <= (lua_Integer)instance->journal_count; i++) {
    lua_rawgeti(L, -1, 2 * i);                                       /* journal old */
    int old = lua_gettop(L);
    lua_pushnil(L);                                                  /* journal old key */
    while (lua_next(L, old)) {                                       /* journal old key value */
      lua_rawgeti(L, old - 1, 2 * i - 1);                            /* journal old key value tracked */
      lua_pushvalue(L, -3);                                          /* journal old key value tracked key */
      lua_rotate(L, -3, -1);                                         /* journal old key tracked key value */
      unwrap_old(L);
      visit(L, context);
      lua_pop(L, 3);                                                 /* journal old key */
    }
    lua_pop(L, 1);                                                   /* journal */
  }
  lua_pop(L, 1);                                                     /* - */
}

/* Puts back the tracked userdata at `index`, from its old values at `old`. [-0, +0, m] */
static void put_back(lua_State *L, int index, int old) {
  struct tracked *tracked = lua_touserdata(L, index);
  lua_getiuservalue(L, index, TRACKED_DATA);                         /* data */
  int data = lua_gettop(L);
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, old)) {                                         /* data key value */
    if (journal_is_mark(L, -2)) {
      tracked->array = false;
      lua_pop(L, 1);                                                 /* data key */
      continue;
    }
    unwrap_old(L);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);                                               /* data key key value */
    lua_rawset(L, data);                                             /* data key */
  }
  lua_pop(L, 1);                                                     /* - */
}

void journal_undo(lua_State *L, struct instance *instance) {
  budget_check_stack(L, 12);
  self_push_slot(L, instance, SELF_JOURNAL);                         /* journal|nil */
  for (lua_Integer i = 1; i <= (lua_Integer)instance->journal_count; i++) {
    lua_rawgeti(L, -1, 2 * i - 1);                                   /* journal tracked */
    lua_rawgeti(L, -2, 2 * i);                                       /* journal tracked old */
    put_back(L, lua_gettop(L) - 1, lua_gettop(L));
    lua_pop(L, 2);                                                   /* journal */
  }
  lua_pop(L, 1);                                                     /* - */
  journal_clear(L, instance);
}

void journal_clear(lua_State *L, struct instance *instance) {
  instance->state_changed = false;
  instance->tables_moved = false;
  if (instance->journal_count == 0) return;
  budget_check_stack(L, 4);
  self_push_slot(L, instance, SELF_JOURNAL);                         /* journal */
  for (lua_Integer i = 1; i <= (lua_Integer)instance->journal_count; i++) {
    lua_rawgeti(L, -1, 2 * i - 1);                                   /* journal tracked */
    struct tracked *tracked = lua_touserdata(L, -1);
    tracked->journal_place = 0;
    lua_pop(L, 1);                                                   /* journal */
  }
  lua_pop(L, 1);                                                     /* - */
  instance->journal_count = 0;
  lua_pushnil(L);
  self_set_slot(L, instance, SELF_JOURNAL);                          /* - */
}
