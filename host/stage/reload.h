/* reload.h -- whether the files of the actors have changed (--dev).
 *
 * WHY     Who writes a class wants the next call to run it.
 * ROOM    stage. Below: base.
 */
#ifndef TROUPE_RELOAD_H
#define TROUPE_RELOAD_H

#include <stdint.h>

/* A number that is another when a Lua file in the folder, or in a folder below it, was added, removed or written, or when
 * a link in the way to one leads elsewhere; by names, places, sizes and times. */
uint64_t reload_signature(const char *folder);

#endif
