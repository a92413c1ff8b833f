/* stay.h -- a turn goes into Lua, and comes out of it.
 *
 * WHY     A turn is in Lua once, or several times where it waits. Each stay has limits and one way in and out; what a
 *         failed one has changed is put back before anybody looks.
 * ROOM    script, without lua.h. Below: steps, journal, part.
 * THREAD  The turn's worker's.
 * ALWAYS  After TURN_FAILED the actor's memory is as before the turn, or as of its last save; or its instance is broken.
 */
#ifndef TROUPE_STAY_H
#define TROUPE_STAY_H

#include "script/turn.h"

enum turn_status { TURN_DONE, TURN_FAILED, TURN_SAVING, TURN_PAUSED };

/* Begins the turn and runs it to its end, or to where it saves or pauses. Loads the instance where it is not loaded yet. */
enum turn_status stay_begin(struct turn *turn);

/* Goes on with a turn that was saving, when that is durable, or that was paused, when others had their turns. */
enum turn_status stay_go_on(struct turn *turn);

/* Ends a turn that was saving or paused, when what it saved or saw cannot become durable: nothing of it runs any more.
 * Its actor's memory is ahead of the disk, and must go. */
void stay_abandon(struct turn *turn);

#endif
