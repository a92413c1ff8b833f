/* signature.h -- whether the files of the actors have changed (--dev).
 *
 * WHY     Who writes a class wants to see it run, and types nothing for that.
 * ROOM    stage. Below: base.
 */
#ifndef TROUPE_SIGNATURE_H
#define TROUPE_SIGNATURE_H

#include <stdint.h>

/* A number that is another when a Lua file in the folder, or in a folder below it, was added, removed or written, or when
 * a link in the way to one leads elsewhere; by names, places, sizes and times. */
uint64_t signature_read(const char *folder);

#endif
