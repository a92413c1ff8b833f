/* json_lossless.h -- a value's bytes as JSON that leaves nothing out, where no Lua is near.
 *
 * WHY     What was given up is shown to operators with its arguments, on workers whose VMs have other things to do
 *         (lua/README.md, "The lossless form").
 * ROOM    codec. Below: json_text, value.
 * OWNS    Nothing.
 */
#ifndef TROUPE_JSON_LOSSLESS_H
#define TROUPE_JSON_LOSSLESS_H

#include "base/buf.h"

/* Appends the text of a value (codec/value.h) that has no nodes, in time that grows with its size. A map is an array if its
 * keys are 1 to n and come in that order; a table that is there a second time is said to be that. False: the bytes are broken
 * or nested too deep, and the buffer is as it was. If memory runs out, the buffer says so. */
bool json_lossless_put(struct buf *buf, struct slice value);

#endif
