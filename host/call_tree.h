/* call_tree.h -- `troupe calls`: what each call is doing, in lines for people.
 *
 * WHY    A host tells of its calls as a list (lua/README.md, "Calls under way"). An operator who looks for what holds them up
 *        wants chains: each call, and below it the one that it waits for.
 * ROOM   main. Below: codec (JSON, keys), base.
 * OWNS   Nothing.
 */
#ifndef TROUPE_CALL_TREE_H
#define TROUPE_CALL_TREE_H

#include "base/buf.h"
#include "base/failure.h"

/* Appends the lines of a result of GET /calls, JSON text: chains that a client began, then those whose caller is not in the
 * list. ERR_REQUEST if it is not such a result; ERR_MEMORY. */
enum err call_tree_print(struct slice json, struct buf *lines, struct failure *failure);

#endif
