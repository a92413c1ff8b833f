/* failed_lines.h -- what a host has given up, in lines for people.
 *
 * WHY    `troupe failed` is for somebody who wants to know what went wrong, and what to type next.
 * ROOM   main. Below: codec.
 * OWNS   Nothing.
 */
#ifndef TROUPE_FAILED_LINES_H
#define TROUPE_FAILED_LINES_H

#include "base/failure.h"

/* Appends two lines for each entry of a page, the result of GET /failed. `next` becomes the id behind which the next page
 * begins, or empty. ERR_MEMORY. */
enum err failed_lines_print(struct slice page, struct buf *lines, struct buf *next, struct failure *failure);

#endif
