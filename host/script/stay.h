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

/* Begins the turn, and runs it until it ends or waits. Loads the instance first if it is not loaded yet. */
enum turn_status stay_begin(struct turn *turn);

/* Goes on with a turn: one that was saving, once that is durable; one that was paused, once others had their turns; one that
 * asked, once the answer is there. The limits go on counting, wall time also while it waits. After a save they begin anew, all
 * but that of processor time. */
enum turn_status stay_go_on(struct turn *turn);

/* Ends a turn that waits, because its time is over. Takes over the failure, and leaves the turn as after TURN_FAILED. But
 * nothing of it runs any more, not even a __close handler. */
void stay_cancel(struct turn *turn, struct failure *failure);

/* Ends a turn that waits, if what it saved or saw cannot become durable: nothing of it runs any more. Its actor's memory is
 * ahead of the disk, and must be dropped. */
void stay_abandon(struct turn *turn);

#endif
