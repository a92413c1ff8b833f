/* bundle.c -- see bundle.h. */
#include "door/bundle.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/embed.h"
#include "base/siphash.h"

EMBED(troupe_client_js, "host/client/client.js");
EMBED(troupe_client_d_ts, "host/client/client.d.ts");

void bundle_init(struct bundle *bundle) {
  static const struct siphash_key any = { 0 };   /* always the same: a host that starts again serves the same files */
  *bundle = (struct bundle){ {
    { "/client.js", "text/javascript; charset=utf-8", EMBEDDED(troupe_client_js), "" },
    { "/client.d.ts", "text/plain; charset=utf-8", EMBEDDED(troupe_client_d_ts), "" },
  } };
  for (size_t i = 0; i < BUNDLE_COUNT; i++) {
    struct bundle_file *file = &bundle->files[i];
    snprintf(file->tag, sizeof file->tag, "\"%016" PRIx64 "\"", siphash(&any, file->text));
  }
}

const struct bundle_file *bundle_find(const struct bundle *bundle, struct slice path) {
  for (size_t i = 0; i < BUNDLE_COUNT; i++) {
    if (slice_equal(path, slice_text(bundle->files[i].path))) return &bundle->files[i];
  }
  return NULL;
}
