/* stay.h -- a turn goes into Lua, and comes out of it.
 *
 * WHY     A turn is in Lua once, or several times if it waits. Each stay has limits, one way in and one way out. The changes
 *         of a failed stay are put back before anybody looks.
 * ROOM    script, without lua.h. Below: steps, journal, part.
 * THREAD  The turn's worker's.
 * ALWAYS  After TURN_FAILED the actor's memory is as before the turn, or as of its last save; or its instance is broken.
 */
#ifndef TROUPE_STAY_H
#define TROUPE_STAY_H

#include "script/turn.h"
#include "vm/turn_status.h"

/* Begins the turn and runs it to its end, or to where it waits. Loads the instance where it is not loaded yet. */
enum turn_status stay_begin(struct turn *turn);

/* Goes on with a turn that waited: was saving, when that is durable; was paused, when others had their turns; asked, when
 * the answer is there. The limits go on counting, wall time also while it waits; but after a save they begin anew, all but
 * that of processor time. */
enum turn_status stay_go_on(struct turn *turn);

/* Ends a turn that waits, for a reason that is not the script's: its time is over, the host stops. It is then as after
 * TURN_FAILED, and takes the failure over; but nothing of it runs any more, no handler of __close either. */
void stay_cancel(struct turn *turn, struct failure *failure);

/* Ends a turn that waits, when what it saved or saw cannot become durable: nothing of it runs any more. Its actor's
 * memory is ahead of the disk, and must go. */
void stay_abandon(struct turn *turn);

#endif
