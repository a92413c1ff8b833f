/* signature.h -- whether the files of the actors have changed (--dev).
 *
 * WHY     A developer who saves a class wants to see it run, and types nothing for that.
 * ROOM    stage. Below: base.
 * OWNS    Nothing.
 */
#ifndef TROUPE_SIGNATURE_H
#define TROUPE_SIGNATURE_H

#include <stdint.h>

/* A number that changes when a Lua file in the folder, or in a folder below it, is added, removed or written, or when a
 * link on the way to one leads elsewhere. It is made of names, places, sizes and times. */
uint64_t signature_read(const char *folder);

#endif
