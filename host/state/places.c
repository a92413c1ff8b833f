/* places.c -- see places.h. */
#include "state/places.h"

#include <lauxlib.h>

#include "base/limits.h"
#include "marshal/handle.h"
#include "marshal/walk.h"
#include "state/part_path.h"
#include "vm/budget.h"
#include "vm/raise.h"

/* -- plain tables become parts -- */

static void claim(struct settling *s, int part, int owner, int key) {
  lua_State *L = s->L;
  lua_pushvalue(L, part);
  if (lua_rawget(L, s->claims) == LUA_TNIL) {                        /* nil */
    lua_pop(L, 1);                                                   /* - */
    lua_createtable(L, 2, 0);                                        /* places */
    lua_pushvalue(L, part);
    lua_pushvalue(L, -2);
    lua_rawset(L, s->claims);                                        /* places */
  }
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  lua_pushvalue(L, owner);
  lua_rawseti(L, -2, count + 1);
  lua_pushvalue(L, key);
  lua_rawseti(L, -2, count + 2);
  lua_pop(L, 1);                                                     /* - */
}

/* Puts the part that stands for the plain table at `plain` into data[key] of the part at `owner`, and pushes it. Returns
 * whether the part is new; then it is still empty. A plain table stored twice is one part with two places, which
 * find_places() refuses. [-0, +1, m] */
static bool put_copy(struct settling *s, int owner, int data, int key, int plain) {
  lua_State *L = s->L;
  budget_check_stack(L, 12);
  lua_pushvalue(L, plain);
  bool made = lua_rawget(L, s->copies) == LUA_TNIL;                  /* copy|nil */
  if (made) {
    lua_pop(L, 1);                                                   /* - */
    lua_newtable(L);                                                 /* data */
    struct part *part = part_new(L, s->instance);                    /* copy */
    if (lua_getmetatable(L, plain)) {                                /* copy mark */
      part->tracked.array = true;
      lua_pop(L, 1);                                                 /* copy */
    }
    lua_pushvalue(L, plain);
    lua_pushvalue(L, -2);
    lua_rawset(L, s->copies);                                        /* copy */
    part_set_home(L, lua_gettop(L), owner, key);
  } else {
    claim(s, lua_gettop(L), owner, key);
  }
  lua_pushvalue(L, key);
  lua_pushvalue(L, -2);
  lua_rawset(L, data);                                               /* copy */
  return made;
}

/* Notes that a part was stored in a field. Nobody looked at the content of a detached part while it was out of the state, so
 * everything in it counts as stored too. */
static void store(struct settling *s, int part, int owner, int key, size_t depth) {
  lua_State *L = s->L;
  budget_check_stack(L, 8);
  claim(s, part, owner, key);
  if (!((struct part *)lua_touserdata(L, part))->detached) return;
  budget_check(L);
  if (depth == 0) raise_misuse(L, "state: tables are nested too deep, or within themselves " LIMIT_NAME(DEPTH));
  lua_pushvalue(L, part);
  bool met = lua_rawget(L, s->copies) != LUA_TNIL;                   /* met */
  lua_pop(L, 1);                                                     /* - */
  if (met) return;
  lua_pushvalue(L, part);
  lua_pushvalue(L, part);
  lua_rawset(L, s->copies);                                          /* - */
  lua_getiuservalue(L, part, PART_DATA);                             /* data */
  int data = lua_gettop(L);
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, data)) {                                        /* data key value */
    if (part_is(L, data + 2)) store(s, data + 2, part, data + 1, depth - 1);
    lua_pop(L, 1);                                                   /* data key */
  }
  lua_pop(L, 1);                                                     /* - */
}

/* Fills the part at `part` from the plain table at `plain`, and so on for the plain tables in it. [-0, +0, v] */
static void fill_copy(struct settling *s, int part, int plain, size_t depth) {
  lua_State *L = s->L;
  budget_check_stack(L, 12);
  budget_check(L);
  lua_getiuservalue(L, part, PART_DATA);                             /* data */
  int data = lua_gettop(L), key = data + 1, value = data + 2;
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, plain)) {                                       /* data key value */
    const char *problem = part_key_problem(L, key);
    if (problem == NULL) problem = part_value_problem(L, value);
    if (problem == NULL && depth == 0) problem = "tables are nested too deep, or within themselves " LIMIT_NAME(DEPTH);
    if (problem != NULL) part_path_raise(L, part, key, problem);
    if (lua_istable(L, value)) {
      if (put_copy(s, part, data, key, value)) fill_copy(s, value + 1, value, depth - 1);      /* data key value copy */
    } else {
      if (part_is(L, value)) store(s, value, part, key, depth);
      handle_strip(L, value);
      lua_pushvalue(L, key);
      lua_pushvalue(L, value);
      lua_rawset(L, data);                                           /* data key value */
    }
    lua_settop(L, key);                                              /* data key */
  }
  lua_settop(L, data - 1);                                           /* - */
}

/* For one field written in this turn: if it holds a plain table, the copy replaces it; if it holds a part, that part was
 * stored here. */
static void copy_in(lua_State *L, void *context) {
  struct settling *s = context;
  int tracked = lua_gettop(L) - 2, key = tracked + 1, data = tracked + 3, value = tracked + 4;
  if (!part_is(L, tracked) || journal_is_mark(L, key)) return;       /* tracked key old */
  lua_getiuservalue(L, tracked, PART_DATA);                          /* tracked key old data */
  lua_pushvalue(L, key);
  int type = lua_rawget(L, data);                                    /* tracked key old data value */
  if (type == LUA_TTABLE) {
    const char *problem = part_value_problem(L, value);              /* it may have been given a metatable since */
    if (problem != NULL) part_path_raise(L, tracked, key, problem);
    if (put_copy(s, tracked, data, key, value)) {                    /* tracked key old data value copy */
      fill_copy(s, value + 1, value, (size_t)s->vm->config.limits->depth);
    }
  } else if (part_is(L, value)) {
    store(s, value, tracked, key, (size_t)s->vm->config.limits->depth);
  }
  lua_settop(L, tracked + 2);                                        /* tracked key old */
}

/* -- each part has one place -- */

bool places_is_holder(struct settling *s, int part) {
  return lua_rawequal(s->L, part, s->holder);
}

static bool is_live(struct settling *s, int part, size_t depth);

/* Whether the part is in the field `key` of `owner`, and `owner` is in the state. */
static bool is_live_in(struct settling *s, int part, int owner, int key, size_t depth) {
  lua_State *L = s->L;
  lua_getiuservalue(L, owner, PART_DATA);                            /* data */
  lua_pushvalue(L, key);
  lua_rawget(L, -2);                                                 /* data value */
  bool there = lua_rawequal(L, -1, part);
  lua_pop(L, 2);                                                     /* - */
  return there && is_live(s, owner, depth + 1);
}

bool places_push_home(struct settling *s, int part) {
  lua_State *L = s->L;
  if (lua_getiuservalue(L, part, PART_PARENT) == LUA_TNIL) {         /* nil */
    lua_pop(L, 1);                                                   /* - */
    return false;
  }
  lua_getiuservalue(L, part, PART_KEY);                              /* owner key */
  return true;
}

/* Pushes the places that a part was stored in during this turn. If there are none: false, and nothing pushed. [-0,
 * +(0|1), -] */
static bool push_claims(struct settling *s, int part) {
  lua_pushvalue(s->L, part);
  if (lua_rawget(s->L, s->claims) != LUA_TNIL) return true;          /* places */
  lua_pop(s->L, 1);                                                  /* - */
  return false;
}

static void set_live(struct settling *s, int part, bool known, bool live) {
  lua_State *L = s->L;
  lua_pushvalue(L, part);
  if (known) {
    lua_pushboolean(L, live);
  } else {
    lua_pushnil(L);
  }
  lua_rawset(L, s->live);
}

/* Pushes the n-th place of a part in the state, owner and key: first its home, then the fields that it was stored in. If
 * there are fewer: false, and nothing pushed. [-0, +(0|2), v] */
static bool push_place(struct settling *s, int part, int n, size_t depth) {
  lua_State *L = s->L;
  int home = lua_gettop(L) + 1, places = home + 2, owner = home + 3, key = home + 4;
  budget_check_stack(L, 16);
  if (!places_push_home(s, part)) {
    lua_pushnil(L);
    lua_pushnil(L);
  } else if (is_live_in(s, part, home, home + 1, depth) && --n == 0) {
    return true;                                                     /* owner key */
  }                                                                  /* owner key */
  bool claimed = push_claims(s, part);                               /* owner key [places] */
  for (lua_Integer i = 1; claimed && i < (lua_Integer)lua_rawlen(L, places); i += 2) {
    lua_rawgeti(L, places, i);
    lua_rawgeti(L, places, i + 1);                                   /* owner key places owner key */
    bool is_home = lua_rawequal(L, owner, home) && lua_rawequal(L, key, home + 1);
    if (!is_home && is_live_in(s, part, owner, key, depth)) {
      lua_copy(L, owner, home);                                      /* a field may be among the claims twice */
      lua_copy(L, key, home + 1);
      if (--n == 0) {
        lua_settop(L, home + 1);                                     /* owner key */
        return true;
      }
    }
    lua_settop(L, places);                                           /* owner key places */
  }
  lua_settop(L, home - 1);                                           /* - */
  return false;
}

/* Whether a part is in the state: its home holds it, or a field that it was stored in, and the owner of that is in the state
 * too. */
static bool is_live(struct settling *s, int part, size_t depth) {
  lua_State *L = s->L;
  if (places_is_holder(s, part)) return true;
  lua_pushvalue(L, part);
  int known = lua_rawget(L, s->live);                                /* live */
  bool live = lua_toboolean(L, -1);
  lua_pop(L, 1);                                                     /* - */
  if (known != LUA_TNIL) return live;                                /* false: asked while finding out: a ring */
  if (depth > 2 * (size_t)s->vm->config.limits->depth) raise_misuse(L, "state: tables are nested too deep " LIMIT_NAME(DEPTH));
  budget_check(L);
  set_live(s, part, true, false);
  live = push_place(s, part, 1, depth);                              /* [owner key] */
  if (live) lua_pop(L, 2);                                           /* - */
  set_live(s, part, live, live);
  return live;
}

static void forget_live(struct settling *s) {
  lua_newtable(s->L);
  lua_replace(s->L, s->live);
}

void places_put_path(struct settling *s, int owner, int key, struct buf *path) {
  lua_State *L = s->L;
  if (places_is_holder(s, owner)) {
    buf_put_text(path, "state");
    return;
  }
  budget_check_stack(L, 4);
  /* the path to it must not lead through itself: a table in two places may be in a ring */
  set_live(s, owner, true, false);
  if (push_place(s, owner, 1, 0)) {                                  /* owner key */
    places_put_path(s, lua_gettop(L) - 1, lua_gettop(L), path);
    lua_pop(L, 2);                                                   /* - */
  }
  walk_put_step(L, key, path);
}

/* Raises for the part whose two places are on top of the stack. */
static void fail_twice(struct settling *s) {
  int top = lua_gettop(s->L);
  struct buf *path = raise_begin(s->L);
  forget_live(s);
  places_put_path(s, top - 1, top, path);
  buf_put_text(path, ": this table is in the state twice, also as ");
  forget_live(s);
  places_put_path(s, top - 3, top - 2, path);
  raise_misuse(s->L, "%.*s", (int)path->size, (const char *)path->data);
}

/* How deep a part is below the holder, by homes. [-0, +0, v] */
static size_t depth_of(struct settling *s, int part) {
  lua_State *L = s->L;
  size_t depth = 0;
  lua_pushvalue(L, part);                                            /* part */
  while (!places_is_holder(s, lua_gettop(L)) && places_push_home(s, lua_gettop(L))) {                /* part owner key */
    lua_pop(L, 1);
    lua_replace(L, -2);                                              /* owner */
    if (++depth > s->vm->config.limits->depth) raise_misuse(L, "state: tables are nested too deep " LIMIT_NAME(DEPTH));
  }
  lua_pop(L, 1);                                                     /* - */
  return depth;
}

/* Raises if anything within a part at this depth is nested too deep. */
static void check_within(struct settling *s, int part, size_t depth) {
  lua_State *L = s->L;
  if (depth > s->vm->config.limits->depth) raise_misuse(L, "state: tables are nested too deep " LIMIT_NAME(DEPTH));
  budget_check_stack(L, 8);
  budget_check(L);
  lua_getiuservalue(L, part, PART_DATA);                             /* data */
  lua_pushnil(L);                                                    /* data key */
  while (lua_next(L, -2)) {                                          /* data key value */
    if (part_is(L, lua_gettop(L))) check_within(s, lua_gettop(L), depth + 1);
    lua_pop(L, 1);                                                   /* data key */
  }
  lua_pop(L, 1);                                                     /* - */
}

/* Raises if a part that was stored in this turn is in two places in the state. Notes how deep each was before, as [0] of its
 * claims: 0 for a part that was not in the state. */
static void check_places(struct settling *s) {
  lua_State *L = s->L;
  lua_pushnil(L);                                                    /* part */
  while (lua_next(L, s->claims)) {                                   /* part places */
    int part = lua_gettop(L) - 1;
    const struct part *stored = lua_touserdata(L, part);
    if (push_place(s, part, 1, 0) && push_place(s, part, 2, 0)) fail_twice(s);   /* part places [owner key] */
    lua_settop(L, part + 1);                                         /* part places */
    lua_pushinteger(L, stored->detached ? 0 : (lua_Integer)depth_of(s, part));
    lua_rawseti(L, part + 1, 0);
    lua_settop(L, part);                                             /* part */
  }
}

/* Makes the place of each part that was stored in this turn its home. */
static void find_places(struct settling *s) {
  lua_State *L = s->L;
  check_places(s);
  lua_pushnil(L);                                                    /* part */
  while (lua_next(L, s->claims)) {                                   /* part places */
    lua_pop(L, 1);                                                   /* part */
    int part = lua_gettop(L);
    if (push_place(s, part, 1, 0)) {                                 /* part owner key */
      part_note(L, s->instance, part);
      part_set_home(L, part, part + 1, part + 2);
      lua_settop(L, part);                                           /* part */
    }
  }
}

/* A part that is now deeper than before must not reach too deep. This can be told only once all homes are true. */
static void check_depths(struct settling *s) {
  lua_State *L = s->L;
  lua_pushnil(L);                                                    /* part */
  while (lua_next(L, s->claims)) {                                   /* part places */
    int part = lua_gettop(L) - 1;
    lua_rawgeti(L, part + 1, 0);                                     /* part places was */
    if (places_is_live(s, part)) {
      const struct part *stored = lua_touserdata(L, part);
      size_t depth = depth_of(s, part), was = (size_t)lua_tointeger(L, -1);
      if (!stored->detached && depth > was) check_within(s, part, depth);
    }
    lua_settop(L, part);                                             /* part */
  }
}

/* Attaches the parts that came into the state in this turn: copies, and parts that were detached. Copies are new, and need
 * no note. */
static void attach(struct settling *s) {
  lua_State *L = s->L;
  lua_pushnil(L);                                                    /* plain */
  while (lua_next(L, s->copies)) {                                   /* plain part */
    struct part *part = lua_touserdata(L, -1);
    if (places_is_live(s, lua_gettop(L))) {
      depth_of(s, lua_gettop(L));                                    /* for the check in it */
      if (!lua_istable(L, -2)) part_note(L, s->instance, lua_gettop(L));
      part->detached = false;
    }
    lua_pop(L, 1);                                                   /* plain */
  }
}

/* As is_live(), but without keeping the answer for this part; the answers for the tables around it are kept. */
bool places_is_live(struct settling *s, int part) {
  if (places_is_holder(s, part)) return true;
  if (!push_place(s, part, 1, 0)) return false;                      /* owner key */
  lua_pop(s->L, 2);                                                  /* - */
  return true;
}

void places_settle(struct settling *s) {
  journal_each(s->L, s->instance, copy_in, s);
  find_places(s);
  check_depths(s);
  attach(s);
}
