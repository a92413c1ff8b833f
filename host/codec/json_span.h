/* json_span.h -- where the values within JSON text are.
 *
 * WHY    Text that goes on as it came, a part of it at least, is taken apart and not parsed: what a host answers is printed so,
 *        and so the arguments within a client's message go to a worker.
 * ROOM   codec. Below: base.
 * OWNS   Nothing: the pieces lie in the text.
 * ALWAYS Of text that is JSON the pieces are its values. Of other text they are some bytes of it, and who takes them must find
 *        out: each piece, and what is left of the text.
 */
#ifndef TROUPE_JSON_SPAN_H
#define TROUPE_JSON_SPAN_H

#include "base/slice.h"

/* The value that the text begins with. */
struct slice json_span_value(struct slice text);

/* Takes the next field of an object, or the next value of an array, of which `rest` is what is left: at first all of it.
 * `name`, without its quotes, is empty in an array. False at the end, or where `rest` is neither. */
bool json_span_next(struct slice *rest, struct slice *name, struct slice *value);

/* The value of a field of an object; empty if there is none. */
struct slice json_span_field(struct slice object, const char *name);

#endif
