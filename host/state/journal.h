/* journal.h -- tables that remember what they were, so that a failed turn can be undone.
 *
 * WHY     A call happens wholly or not at all, in memory too. Undoing it costs as much as it changed, not as much as there is.
 * ROOM    state. Below: self, tracked.
 * WORDS   The *journal* of an actor lists the tracked userdata that the turn wrote to, each with a table of old values. It
 *         is one half of an undo. The other half, put back first, is the notes of parts: where they were and what they were
 *         (part.h).
 * OWNS    The journal, in a slot of `self`; gone when the turn has ended.
 * ALWAYS  The first write of a turn to a field notes the old value; later writes note nothing.
 */
#ifndef TROUPE_JOURNAL_H
#define TROUPE_JOURNAL_H

#include "marshal/tracked.h"
#include "state/self.h"

/* Sets data[key] = value for the tracked userdata at `index`, after noting the old value. Key and value are on top of the
 * stack. Returns whether anything changed. [-2, +0, m] */
bool journal_set(lua_State *L, int index);

/* Marks a part as a sequence. [-0, +0, v] */
void journal_mark_array(lua_State *L, int index);

/* Calls `visit` for each field that was written in this turn, with the tracked userdata, the key and the old value on top of
 * the stack (-3, -2, -1). It leaves them there, and may set fields of the data. A key may be the mark of a sequence:
 * journal_is_mark(). [-0, +0, v] */
void journal_each(lua_State *L, struct instance *instance, void (*visit)(lua_State *L, void *context), void *context);
bool journal_is_mark(lua_State *L, int index);

/* Pushes the old values of a tracked userdata, by key, from before this turn's writes. If there were none: false, and nothing
 * pushed. [-0, +(0|1), -] */
bool journal_push_old_values(lua_State *L, struct instance *instance, const struct tracked *tracked);

/* Puts everything back; then forgets. [-0, +0, m, though only if the system is out of memory] */
void journal_undo(lua_State *L, struct instance *instance);

/* Forgets: the turn is done. [-0, +0, m] */
void journal_clear(lua_State *L, struct instance *instance);

#endif
