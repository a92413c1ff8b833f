/* caught.c -- see caught.h. */
#include "marshal/caught.h"

#include <lauxlib.h>

#include "marshal/fit.h"
#include "marshal/lua_value.h"
#include "vm/budget.h"
#include "vm/lua_vm.h"

/* Pushes a field of the error object at `index`, or `otherwise` if it is not a string. [-0, +1, m] */
static void push_text(lua_State *L, int index, const char *name, const char *otherwise) {
  lua_pushstring(L, name);                                           /* name */
  lua_rawget(L, index);                                              /* field */
  if (lua_type(L, -1) == LUA_TSTRING) return;
  lua_pop(L, 1);
  lua_pushstring(L, otherwise);                                      /* text */
}

/* __tostring of both kinds of error objects: the place, if known, and the message. */
static int error_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  push_text(L, 1, "place", "");
  push_text(L, 1, "message", "error");                               /* ... place message */
  lua_concat(L, 2);
  return 1;
}

/* Pushes a metatable of error objects. [-0, +1, m] */
static void push_new_meta(lua_State *L, const char *name) {
  lua_createtable(L, 0, 3);                                          /* meta */
  lua_pushstring(L, name);                                           /* meta name */
  lua_setfield(L, -2, "__name");                                     /* meta */
  lua_pushcfunction(L, error_tostring);                              /* meta function */
  lua_setfield(L, -2, "__tostring");                                 /* meta */
  lua_pushboolean(L, 0);                                             /* meta false */
  lua_setfield(L, -2, "__metatable");                                /* meta */
}

void caught_build(lua_State *L) {
  push_new_meta(L, "UserError");                                     /* meta */
  vm_set_ref(L, VM_USER_ERROR_META);                                 /* - */
  lua_createtable(L, ERR_NOT_FOUND, ERR_NOT_FOUND);                  /* metas */
  for (int err = ERR_NONE + 1; err < ERR_NOT_FOUND; err++) {
    push_new_meta(L, "HostError");                                   /* metas meta */
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, err);                                         /* metas meta */
    lua_pushinteger(L, err);
    lua_rawset(L, -3);                                               /* metas */
  }
  vm_set_ref(L, VM_HOST_ERROR_METAS);                                /* - */
}

/* Makes the table on top of the stack a UserError. [-0, +0, m] */
static void mark_user_error(lua_State *L) {
  vm_push_ref(L, VM_USER_ERROR_META);                                /* error meta */
  lua_setmetatable(L, -2);                                           /* error */
}

/* Raises a UserError as it was made; the message is on top of the stack. [-1, +0, v] */
static int raise_user_error(lua_State *L, const struct failure *failure) {
  lua_createtable(L, 0, 3);                                          /* message error */
  lua_insert(L, -2);                                                 /* error message */
  lua_setfield(L, -2, "message");                                    /* error */
  if (failure->code.size > 0) {
    lua_pushlstring(L, (const char *)failure->code.data, failure->code.size);
    lua_setfield(L, -2, "code");                                     /* error */
  }
  if (failure->metadata.size > 0) {
    lua_value_read(L, buf_slice(&failure->metadata));
    lua_setfield(L, -2, "metadata");                                 /* error */
  }
  mark_user_error(L);
  return lua_error(L);
}

int caught_raise(lua_State *L, const struct failure *failure) {
  if (failure->err != ERR_USER) return raise_failure(L, failure);
  budget_check_stack(L, 8);
  lua_pushlstring(L, (const char *)failure->message.data, failure->message.size);    /* +1 message */
  return raise_user_error(L, failure);
}

static bool code_is_valid(const char *code, size_t size) {
  if (size == 0 || size > FAILURE_CODE_MAX) return false;
  for (size_t i = 0; i < size; i++) {
    char c = code[i];
    bool letter = c >= 'a' && c <= 'z';
    bool other = (c >= '0' && c <= '9') || c == '_';
    if (!letter && !(other && i > 0)) return false;
  }
  return true;
}

int caught_user_error(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 2);                                                  /* message options */
  lua_createtable(L, 0, 3);                                          /* message options error */
  lua_pushvalue(L, 1);
  lua_setfield(L, 3, "message");                                     /* message options error */
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_getfield(L, 2, "code") != LUA_TNIL) {                    /* message options error code */
      size_t size;
      const char *code = lua_type(L, 4) == LUA_TSTRING ? lua_tolstring(L, 4, &size) : NULL;
      if (code == NULL || !code_is_valid(code, size)) {
        return raise_misuse(L, "UserError: a code is a string of at most %d of a-z, 0-9 and _, beginning with a letter",
                          FAILURE_CODE_MAX);
      }
      if (err_is_reserved(code)) return raise_misuse(L, "UserError: \"%s\" is a code of the host", code);
    }
    lua_setfield(L, 3, "code");                                      /* message options error */
    lua_getfield(L, 2, "metadata");                                  /* message options error metadata */
    lua_setfield(L, 3, "metadata");                                  /* message options error */
  }
  mark_user_error(L);
  return 1;
}

/* The text of a field of the error object at `index`, or an empty slice; pushes the field. [-0, +1, m] */
static struct slice text_field(lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);                                           /* +1 name */
  lua_rawget(L, index);                                              /* +1 field */
  size_t size = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : "";
  return slice_of(text, size);
}

static bool has_meta(lua_State *L, int index, enum vm_ref ref) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return false;   /* +1 meta */
  vm_push_ref(L, ref);                                               /* +2 meta meta */
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);                                                     /* - */
  return same;
}

/* Takes code, message and metadata of a UserError. */
static void describe_user_error(lua_State *L, int index, struct failure *failure) {
  struct slice message = text_field(L, index, "message");            /* message */
  struct slice code = text_field(L, index, "code");                  /* message code */
  failure_set_text(failure, ERR_USER, message);
  if (code.size > 0 && code_is_valid((const char *)code.data, code.size) && !err_is_reserved((const char *)code.data)) {
    buf_put(&failure->code, code);
    if (failure->code.err != ERR_NONE) {
      failure_clear(failure);
      failure_set(failure, ERR_MEMORY, "no memory");
      return;
    }
  }
  lua_pushliteral(L, "metadata");                                    /* message code "metadata" */
  lua_rawget(L, index);                                              /* message code metadata */
  const struct limits *limits = vm_of(L)->config.limits;
  fit_push(L, lua_gettop(L), (size_t)limits->depth);                 /* message code metadata fit */
  if (lua_isnil(L, -1)) return;
  struct failure *unsavable = &vm_of(L)->raised;
  struct walk_options options = { .root.name = "metadata", .depth_max = (size_t)limits->depth };
  failure->metadata.size_max = (size_t)limits->value_bytes;
  enum err err = lua_value_write(L, -1, &failure->metadata, &options, unsavable);
  if (err != ERR_NONE) {
    failure_clear(failure);
    failure_set(failure, err, "a UserError: %.*s", (int)unsavable->message.size, (const char *)unsavable->message.data);
  }
}

/* The code of a host error, by its metatable; ERR_NONE for any other value. [-0, +0, -] */
static enum err host_error_code(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index)) return ERR_NONE;      /* meta */
  vm_push_ref(L, VM_HOST_ERROR_METAS);                               /* meta metas */
  lua_insert(L, -2);                                                 /* metas meta */
  lua_rawget(L, -2);                                                 /* metas err|nil */
  enum err err = (enum err)lua_tointeger(L, -1);
  lua_pop(L, 2);                                                     /* - */
  return err;
}

/* The hops of an error of the host that came from another actor. [-0, +0, m] */
static unsigned hops_of(lua_State *L, int index) {
  lua_pushliteral(L, "hops");
  lua_rawget(L, index);                                              /* hops|nil */
  lua_Integer hops = lua_tointeger(L, -1);
  lua_pop(L, 1);                                                     /* - */
  return hops > 0 && hops < 100 ? (unsigned)hops : 0;
}

/* Takes code and message of an error of the host. An error that blames the client, such as `invalid_key`, becomes the
 * script's mistake if it was raised while the script ran: the client could not tell it from a mistake of its own. The place
 * is for people who know the script. Behind many calls the places would leave no room for the message, so only the first
 * ones are told. */
static void describe_host_error(lua_State *L, int index, struct failure *failure) {
  const struct vm *vm = vm_of(L);
  enum err err = host_error_code(L, index);
  if (err_blames_client(err) && vm->now.in_script) err = ERR_INTERNAL;
  unsigned hops = hops_of(L, index);
  if ((err == ERR_INTERNAL || vm->config.dev) && hops < FAILURE_HOPS_NAMED) {
    size_t size;
    const char *text = luaL_tolstring(L, index, &size);
    failure_set_text(failure, err, slice_of(text, size));
  } else {
    failure_set_text(failure, err, text_field(L, index, "message"));
  }
  failure->hops = hops;
}

/* error describe(error object, failure): the part of describing that can raise. [-2, +0, v] */
static int describe(lua_State *L) {
  struct failure *failure = lua_touserdata(L, 2);
  budget_check_stack(L, 16);
  if (has_meta(L, 1, VM_USER_ERROR_META)) {
    describe_user_error(L, 1, failure);
  } else if (host_error_code(L, 1) != ERR_NONE) {
    describe_host_error(L, 1, failure);
  } else if (lua_type(L, 1) == LUA_TSTRING) {
    size_t size;
    const char *text = lua_tolstring(L, 1, &size);
    failure_set_text(failure, ERR_INTERNAL, slice_of(text, size));
  } else if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {    /* error failure function */
    size_t size;
    const char *text = luaL_tolstring(L, 1, &size);                  /* error failure function text */
    failure_set_text(failure, ERR_INTERNAL, slice_of(text, size));
  } else {
    failure_set(failure, ERR_INTERNAL, "error object is a %s value", luaL_typename(L, 1));
  }
  return 0;
}

static void describe_stop(struct vm *vm, struct failure *failure) {
  const struct limits *limits = vm->config.limits;
  if (vm->stopped == ERR_TIMEOUT && vm->on_the_processor) {
    failure_set(failure, ERR_TIMEOUT, "the call took more than %llu ms of processor time " LIMIT_NAME(CALL_CPU_MS),
                (unsigned long long)limits->call_cpu_ms);
  } else if (vm->stopped == ERR_TIMEOUT && vm->ends_with_caller) {
    failure_set(failure, ERR_TIMEOUT, "the time of its caller was over: the call was ended");
  } else if (vm->stopped == ERR_TIMEOUT) {
    failure_set(failure, ERR_TIMEOUT, "the call took more than %llu ms in all " LIMIT_NAME(CALL_WALL_MS),
                (unsigned long long)limits->call_wall_ms);
  } else if (vm->stopped == ERR_STORAGE) {
    failure_set(failure, ERR_STORAGE, "a record of this actor cannot be read");
  } else {
    failure_set(failure, ERR_MEMORY, "the call needed more memory than its limit of %llu bytes " LIMIT_NAME(CALL_BYTES)
                ", or the worker's of %llu bytes " LIMIT_NAME(VM_BYTES),
                (unsigned long long)limits->call_bytes, (unsigned long long)limits->vm_bytes);
  }
}

void caught_describe(lua_State *L, int status, struct failure *failure) {
  struct vm *vm = vm_of(L);
  if (vm->stopped != ERR_NONE) {
    describe_stop(vm, failure);
    return;
  }
  if (status == LUA_ERRMEM) {
    failure_set(failure, ERR_MEMORY, "no memory");
    return;
  }
  if (!lua_checkstack(L, 4)) {
    failure_set(failure, ERR_MEMORY, "no memory to describe an error");
    return;
  }
  lua_pushcfunction(L, describe);                                    /* error function */
  lua_pushvalue(L, -2);                                              /* error function error */
  lua_pushlightuserdata(L, failure);                                 /* error function error failure */
  status = lua_pcall(L, 2, 0, 0);                                    /* error, or error error2 */
  if (status == LUA_OK) return;
  lua_pop(L, 1);                                                     /* error */
  failure_clear(failure);
  if (vm->stopped != ERR_NONE) {
    describe_stop(vm, failure);
  } else if (status == LUA_ERRMEM) {
    failure_set(failure, ERR_MEMORY, "no memory");
  } else {
    failure_set(failure, ERR_INTERNAL, "an error object whose __tostring fails");
  }
}
