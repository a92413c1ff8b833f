/* instance.h -- an actor in memory: its Lua side.
 *
 * WHY     `self`, the state and the fields that a method sets on `self` live in the VM while the actor is in memory. The
 *         stage holds them by an instance.
 * ROOM    script, without lua.h.
 * OWNS    The reference that keeps `self` alive. After instance_close() every part or `self` that a script still holds is
 *         dead, and says so.
 * STATES  new -> loaded (state read or made, on_start ran; set by the first turn that is done) -> closed
 */
#ifndef TROUPE_INSTANCE_H
#define TROUPE_INSTANCE_H

#include "base/failure.h"

struct vm;
struct instance;
struct lua_State;

/* The Lua side of an actor of this class. `key` is the encoded tuple, and must outlive the instance; `actor_id` says whose
 * records it reads and writes. ERR_CLASS_NOT_FOUND, ERR_MEMORY. */
enum err instance_open(struct vm *vm, struct slice class_name, struct slice key, uint64_t actor_id,
                       struct instance **instance, struct failure *failure);
void instance_close(struct instance *instance);

/* The VM in which it was opened, and in which all its turns run. */
struct vm *instance_vm(const struct instance *instance);

bool instance_is_loaded(const struct instance *instance);

/* Whether there was not enough memory to put a failed turn back: then the actor must leave memory, and come back as it is
 * on disk. */
bool instance_is_broken(const struct instance *instance);

/* Makes the metatable of `self`. [-0, +0, m] */
void instance_build(struct lua_State *L);

/* Pushes the kv of the actor whose turn it is. [-0, +1, m] */
void instance_push_kv(struct lua_State *L, const struct instance *instance);

/* Pushes the schedules of the actor whose turn it is. [-0, +1, m] */
void instance_push_schedule(struct lua_State *L, const struct instance *instance);

/* Raises `method_not_found` unless the actor whose turn it is has a method of the name on top of the stack that a schedule may
 * call. [-0, +0, v] */
int instance_check_method(struct lua_State *L);

#endif
