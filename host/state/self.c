/* self.c -- see self.h. */
#include "state/self.h"

#include <string.h>

#include "vm/raise.h"

void self_push(lua_State *L, const struct instance *instance) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, instance->self_ref);             /* self */
}

void self_push_slot(lua_State *L, const struct instance *instance, enum self_slot slot) {
  self_push(L, instance);                                            /* self */
  lua_getiuservalue(L, -1, (int)slot);                               /* self value */
  lua_replace(L, -2);                                                /* value */
}

void self_set_slot(lua_State *L, const struct instance *instance, enum self_slot slot) {
  self_push(L, instance);                                            /* value self */
  lua_insert(L, -2);                                                 /* self value */
  lua_setiuservalue(L, -2, (int)slot);                               /* self */
  lua_pop(L, 1);                                                     /* - */
}

struct instance *self_current(lua_State *L) {
  struct instance *instance = vm_of(L)->now.instance;
  if (instance == NULL) raise_misuse(L, "no actor has its turn");
  return instance;
}

void self_begin_key(const struct instance *instance, enum record_space space, struct buf *key) {
  record_key_put_head(key, instance->actor_id, space);
}

enum self_field self_field_of(lua_State *L, int index) {
  static const struct { const char *name; enum self_field field; } fields[] = {
    { "state", SELF_FIELD_STATE }, { "kv", SELF_FIELD_KV },         { "key", SELF_FIELD_KEY },
    { "class", SELF_FIELD_CLASS }, { "log", SELF_FIELD_LOG },       { "schedule", SELF_FIELD_SCHEDULE },
    { "connections", SELF_FIELD_CONNECTIONS },
  };
  if (lua_type(L, index) != LUA_TSTRING) return SELF_FIELD_NONE;
  size_t size;
  const char *name = lua_tolstring(L, index, &size);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (strcmp(name, fields[i].name) == 0) return strlen(name) == size ? fields[i].field : SELF_FIELD_NONE;
  }
  return SELF_FIELD_NONE;
}
