/* outflow.h -- the frames that wait until a socket takes them.
 *
 * WHY     The frames of one turn of the loop leave with one system call. And what a client has not taken yet is counted to
 *         the byte, since it may be cut off for it.
 * ROOM    door. Below: frame.
 * THREAD  The server's.
 * OWNS    A share of each frame in it. Empty, it holds no memory.
 */
#ifndef TROUPE_OUTFLOW_H
#define TROUPE_OUTFLOW_H

#include "door/frame.h"

struct outflow {
  struct frame **frames;       /* a ring; NULL: empty */
  unsigned capacity, first, count;
  size_t bytes;                /* of all of them that no write has taken */
  size_t sent;                 /* bytes of the first one that a write has taken */
};

void outflow_done(struct outflow *outflow);

/* Puts a frame at the end, and takes the caller's share over. False if out of memory; the share is let go all the same. */
bool outflow_try_put(struct outflow *outflow, struct frame **frame);

/* Lets go of all frames of which no byte has been sent. */
void outflow_drop(struct outflow *outflow);

/* Writes as much as the file takes without waiting. False: it takes nothing any more. `bytes` tells what is left. */
bool outflow_write(struct outflow *outflow, int fd);

#endif
