/* reload.c -- see reload.h. */
#include "stage/reload.h"

#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "base/slice.h"

static uint64_t mix(uint64_t hash, struct slice bytes) {
  for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
  return hash;
}

static int by_name(const FTSENT **a, const FTSENT **b) {
  return strcmp((*a)->fts_name, (*b)->fts_name);
}

uint64_t reload_signature(const char *folder) {
  char *paths[] = { (char *)(uintptr_t)folder, NULL };
  uint64_t hash = 0xcbf29ce484222325u;
  FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
  if (walk == NULL) return 0;
  for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
    size_t size = strlen(entry->fts_path);
    if (entry->fts_info != FTS_F || size < 4 || strcmp(entry->fts_path + size - 4, ".lua") != 0) continue;
    const struct stat *status = entry->fts_statp;
    hash = mix(hash, slice_of(entry->fts_path, size));
    hash = mix(hash, slice_of(&status->st_mtim, sizeof status->st_mtim));
    hash = mix(hash, slice_of(&status->st_size, sizeof status->st_size));
    hash = mix(hash, slice_of(&status->st_ino, sizeof status->st_ino));
  }
  fts_close(walk);
  return hash;
}
