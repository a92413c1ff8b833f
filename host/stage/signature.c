/* signature.c -- see signature.h. */
#include "stage/signature.h"

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

static bool is_lua(struct slice path) {
  return path.size >= 4 && memcmp(path.data + path.size - 4, ".lua", 4) == 0;
}

/* Mixes in what matters of a file, or of a link's target: of a folder which one it is, of a Lua file also its time and
 * size. */
static uint64_t mix_place(uint64_t hash, struct slice path, const struct stat *status) {
  bool folder = S_ISDIR(status->st_mode);
  if (!folder && !is_lua(path)) return hash;
  hash = mix(hash, path);
  hash = mix(hash, slice_of(&status->st_dev, sizeof status->st_dev));
  hash = mix(hash, slice_of(&status->st_ino, sizeof status->st_ino));
  if (folder) return hash;
  hash = mix(hash, slice_of(&status->st_mtim, sizeof status->st_mtim));
  return mix(hash, slice_of(&status->st_size, sizeof status->st_size));
}

/* The walk notes where a link leads but does not follow it: files that may be read lie in the folder, where the walk finds
 * them anyway. So links that lead in circles do no harm. */
uint64_t signature_read(const char *folder) {
  char *paths[] = { (char *)(uintptr_t)folder, NULL };
  uint64_t hash = 0xcbf29ce484222325u;
  FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
  if (walk == NULL) return 0;
  for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
    struct stat target;
    bool leads = entry->fts_info == FTS_SL && stat(entry->fts_path, &target) == 0;
    if (leads || entry->fts_info == FTS_F) {
      hash = mix_place(hash, slice_text(entry->fts_path), leads ? &target : entry->fts_statp);
    }
  }
  fts_close(walk);
  return hash;
}
