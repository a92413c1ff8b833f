/* reload.h -- whether the files of the actors have changed (--dev).
 *
 * WHY     A developer who saves a class wants the next call to run it.
 * ROOM    stage. Below: base.
 */
#ifndef TROUPE_RELOAD_H
#define TROUPE_RELOAD_H

#include <stdint.h>

/* A number that changes when a Lua file in the folder, or in a folder below it, is added, removed or written, or when a
 * link on the way to one leads elsewhere. It is made of names, places, sizes and times. */
uint64_t reload_signature(const char *folder);

#endif
