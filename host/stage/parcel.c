/* parcel.c -- see parcel.h. */
#include "stage/parcel.h"

#include "base/mem.h"

/* Once the letter is sent, the parcel is its receiver's, and perhaps gone. */
static void release(struct effect *effect, enum err err) {
  struct parcel *parcel = parcel_of_effect(effect);
  _Atomic size_t *under_way = parcel->under_way;
  size_t bytes = parcel->bytes;
  if (err != ERR_NONE) {
    memtable_free(parcel->records);
    parcel->records = NULL;
  }
  post_leave(parcel->post, err == ERR_NONE ? parcel->to : parcel->from, &parcel->letter);
  atomic_fetch_sub(under_way, bytes);
}

static void drop(struct effect *effect) {
  struct parcel *parcel = parcel_of_effect(effect);
  atomic_fetch_sub(parcel->under_way, parcel->bytes);
  parcel_free(parcel);
}

struct parcel *parcel_try_new(const struct post *post, unsigned from, unsigned to, uint64_t sender_id,
                              _Atomic size_t *under_way) {
  struct parcel *made = mem_try_zero(sizeof *made);
  if (made == NULL) return NULL;
  *made = (struct parcel){
    .effect = { .release = release, .drop = drop }, .letter.kind = LETTER_PARCEL, .post = post, .from = from, .to = to,
    .records = memtable_try_new(), .sender_id = sender_id, .under_way = under_way,
  };
  if (made->records != NULL) return made;
  mem_free(made);
  return NULL;
}

void parcel_free(struct parcel *parcel) {
  if (parcel == NULL) return;
  memtable_free(parcel->records);
  mem_free(parcel);
}

void parcel_leave(struct parcel *parcel) {
  parcel->bytes = memtable_memory(parcel->records);
  atomic_fetch_add(parcel->under_way, parcel->bytes);
}
