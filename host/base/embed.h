/* embed.h -- a file of the project, compiled into the host.
 *
 * WHY    One file is all that a deployment needs.
 * ROOM   base.
 */
#ifndef TROUPE_EMBED_H
#define TROUPE_EMBED_H

#include "base/slice.h"

/* The assembler includes the file. Its path is that from the top of the project, and the Makefile must know it too. Stands
 * outside of functions; EMBEDDED(symbol) is what is in the file, as a slice. */
#define EMBED(symbol, path)                                                                         \
  __asm__(".section .rodata\n"                                                                      \
          ".global " #symbol "_begin\n.global " #symbol "_end\n"                                    \
          #symbol "_begin:\n.incbin \"" path "\"\n" #symbol "_end:\n.byte 0\n.previous\n");          \
  extern const uint8_t symbol##_begin[] __attribute__((visibility("hidden")));                      \
  extern const uint8_t symbol##_end[] __attribute__((visibility("hidden")))

#define EMBEDDED(symbol) slice_of(symbol##_begin, (size_t)(symbol##_end - symbol##_begin))

#endif
