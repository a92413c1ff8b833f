/* disk_names.c -- a sorted list of paths, and a list of what happened to them. */
#include "disk_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *reallocate(void *memory, size_t size) {
  memory = realloc(memory, size);
  if (memory == NULL) abort();
  return memory;
}

static char *copy_text(const char *text) {
  if (text == NULL) return NULL;
  size_t size = strlen(text) + 1;
  return memcpy(reallocate(NULL, size), text, size);
}

/* Where a path is, or would have to be. */
static size_t place_of(const struct names *names, const char *path) {
  size_t at = 0;
  while (at < names->count && strcmp(names->list[at].path, path) < 0) at++;
  return at;
}

static bool is_at(const struct names *names, size_t at, const char *path) {
  return at < names->count && strcmp(names->list[at].path, path) == 0;
}

struct disk_file *names_find(const struct names *names, const char *path) {
  size_t at = place_of(names, path);
  return is_at(names, at, path) ? names->list[at].file : NULL;
}

void names_put(struct names *names, const char *path, struct disk_file *file) {
  size_t at = place_of(names, path);
  if (!is_at(names, at, path)) {
    if (names->count == names->capacity) {
      names->capacity = 2 * names->capacity + 16;
      names->list = reallocate(names->list, names->capacity * sizeof *names->list);
    }
    memmove(names->list + at + 1, names->list + at, (names->count - at) * sizeof *names->list);
    names->list[at].path = copy_text(path);
    names->count++;
  }
  names->list[at].file = file;
}

static void remove_at(struct names *names, size_t at) {
  free(names->list[at].path);
  names->count--;
  memmove(names->list + at, names->list + at + 1, (names->count - at) * sizeof *names->list);
}

void names_remove(struct names *names, const char *path) {
  size_t at = place_of(names, path);
  if (is_at(names, at, path)) remove_at(names, at);
}

void names_clear(struct names *names) {
  while (names->count > 0) remove_at(names, names->count - 1);
  free(names->list);
  *names = (struct names){ 0 };
}

void names_copy(struct names *names, const struct names *from) {
  names_clear(names);
  for (size_t i = 0; i < from->count; i++) names_put(names, from->list[i].path, from->list[i].file);
}

/* Bytes of the folder's part of a path. */
static size_t folder_size(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool is_in(const char *path, const char *folder) {
  size_t size = folder_size(path);
  return strlen(folder) == size && strncmp(path, folder, size) == 0;
}

bool names_are_sisters(const char *a, const char *b) {
  return folder_size(a) == folder_size(b) && strncmp(a, b, folder_size(a)) == 0;
}

/* A folder that is not there stands before its orphans, so one pass finds all. */
void names_drop_orphans(struct names *names, const char *top) {
  for (size_t i = 0; i < names->count;) {
    const char *path = names->list[i].path;
    bool found = strcmp(path, top) == 0;
    for (size_t j = 0; j < i && !found; j++) found = is_in(path, names->list[j].path);
    if (found) i++;
    else remove_at(names, i);
  }
}

void renamings_add(struct renamings *renamings, const char *from, const char *to, struct disk_file *file) {
  struct renaming **at = &renamings->first;
  while (*at != NULL) at = &(*at)->next;
  struct renaming *renaming = reallocate(NULL, sizeof *renaming);
  *renaming = (struct renaming){ .from = copy_text(from), .to = copy_text(to), .file = file };
  *at = renaming;
}

static void remove_first(struct renaming **at) {
  struct renaming *renaming = *at;
  *at = renaming->next;
  free(renaming->from);
  free(renaming->to);
  free(renaming);
}

void renamings_clear(struct renamings *renamings) {
  while (renamings->first != NULL) remove_first(&renamings->first);
}

void names_apply(struct names *names, const struct renaming *renaming) {
  if (renaming->from == NULL) {
    names_put(names, renaming->to, renaming->file);
  } else if (renaming->to == NULL) {
    names_remove(names, renaming->from);
  } else if (names_find(names, renaming->from) == renaming->file) {
    names_remove(names, renaming->from);
    names_put(names, renaming->to, renaming->file);
  }
}

void renamings_sync(struct renamings *renamings, const char *folder, struct names *names) {
  struct renaming **at = &renamings->first;
  while (*at != NULL) {
    const char *path = (*at)->from != NULL ? (*at)->from : (*at)->to;
    if (is_in(path, folder)) {
      names_apply(names, *at);
      remove_first(at);
    } else {
      at = &(*at)->next;
    }
  }
}
