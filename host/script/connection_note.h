/* connection_note.h -- what a turn knows of connections.
 *
 * WHY     A state that a script has looked at stays one table until its turn is over; and what a turn has disconnected, it does
 *         not see any more, though that still stands in the table of the stage. No other turn may see any of this.
 * ROOM    script. Below: self.
 * OWNS    The notes, userdata, in a slot of `self`: one for each connection that the turn has had to do with.
 * STATES  none -> made (connection_note_push()) -> gone with the others, at the turn's end or as it is undone
 *         (connection_note_forget()). A save leaves them: the turn goes on.
 */
#ifndef TROUPE_CONNECTION_NOTE_H
#define TROUPE_CONNECTION_NOTE_H

#include "state/self.h"

struct connection_note {
  bool is_loaded;           /* its state is in a user value */
  bool is_shown;            /* a script may hold that, and change it */
  bool has_left;            /* the turn has disconnected it */
};

/* The user values: the state; if that is a table, its bytes as it was when the records last agreed with it, a string. */
enum { CONNECTION_NOTE_STATE = 1, CONNECTION_NOTE_BYTES, CONNECTION_NOTE_SLOTS = CONNECTION_NOTE_BYTES };

/* Pushes the note of a connection in the present turn, which is made if there is none. [-0, +1, m] */
struct connection_note *connection_note_push(lua_State *L, uint64_t id);

/* The note, which is not pushed; NULL: there is none. [-0, +0, -] */
const struct connection_note *connection_note_find(lua_State *L, uint64_t id);

/* Pushes the table of all notes of the present turn, from id to note. False, and nothing pushed: there are none. [-0, +(0|1),
 * -] */
bool connection_note_push_all(lua_State *L);

/* The turn is over. [-0, +0, -] */
void connection_note_forget(lua_State *L, struct instance *instance);

#endif
