/* turn_status.h -- how a turn came out of Lua.
 *
 * WHY     A function that leaves Lua in the middle says for what (wait.h), and the stage hears it from stay.h.
 * ROOM    vm, without lua.h.
 * OWNS    Nothing.
 */
#ifndef TROUPE_TURN_STATUS_H
#define TROUPE_TURN_STATUS_H

enum turn_status {
  TURN_DONE,
  TURN_FAILED,
  TURN_SAVING,     /* it waits for what it has changed so far to be durable */
  TURN_PAUSED,     /* it waits for others to have their turns */
  TURN_ASKS        /* it waits for the answer of another actor */
};

#endif
