/* h2o_api.h -- h2o's headers, included only here, and its bytes as slices.
 *
 * WHY   The headers were written for fewer warnings than Troupe's code is compiled with, and need a define before them.
 * ROOM  door. Below: base.
 */
#ifndef TROUPE_H2O_API_H
#define TROUPE_H2O_API_H

#define H2O_USE_LIBUV 0

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <h2o.h>
#include <h2o/http1.h>
#pragma GCC diagnostic pop

#include "base/slice.h"

static inline struct slice slice_of_iovec(h2o_iovec_t bytes) {
  return slice_of(bytes.base, bytes.len);
}

#endif
