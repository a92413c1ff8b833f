/* word.h -- word to a worker of how many messages of its actors were applied, or given up.
 *
 * WHY     A sender may have only so many messages that are not applied yet. Its worker counts them; what became of them is
 *         known to the workers of the receivers.
 * ROOM    stage. Below: post, base.
 * OWNS    Its entries. A word belongs to the worker in whose inbox it lies.
 */
#ifndef TROUPE_WORD_H
#define TROUPE_WORD_H

#include <stddef.h>
#include <stdint.h>

#include "stage/letter.h"

struct word_entry {
  uint64_t sender_id;
  size_t count;
};

struct word {
  struct letter letter;
  size_t count;
  struct word_entry entries[];
};

/* A copy of the entries; NULL if memory runs out. */
struct word *word_try_new(const struct word_entry *entries, size_t count);
void word_free(struct word *word);

static inline struct word *word_of(struct letter *letter) {
  return (struct word *)(void *)((uint8_t *)letter - offsetof(struct word, letter));
}

#endif
