/* notice.c -- see notice.h. A notice is one block, with its bytes behind it. */
#include "stage/notice.h"

#include "base/mem.h"

static size_t bytes_of(const struct notice *notice) {
  return sizeof *notice + notice->name.size + notice->text.size;
}

static void arrive(struct notice *notice) {
  if (notice->under_way != NULL) atomic_fetch_sub(notice->under_way, bytes_of(notice));
  notice->under_way = NULL;
}

static void drop(struct effect *effect) {
  notice_free(notice_of_effect(effect));
}

static void release(struct effect *effect, enum err err) {
  struct notice *notice = notice_of_effect(effect);
  if (err == ERR_NONE) {
    arrive(notice);
    outlet_post(notice->outlet, &notice->outlet_item);
  } else {
    notice_free(notice);
  }
}

struct notice *notice_try_new(struct outlet *outlet, const struct notice *like) {
  struct notice *made = mem_try_alloc(bytes_of(like));
  if (made == NULL) return NULL;
  uint8_t *place = (uint8_t *)(made + 1);
  *made = (struct notice){
    .outlet_item.kind = OUTLET_NOTICE, .effect = { .release = release, .drop = drop }, .outlet = outlet, .kind = like->kind,
    .actor_id = like->actor_id, .connection_id = like->connection_id, .code = like->code,
    .name = slice_copy(like->name, &place), .text = slice_copy(like->text, &place),
  };
  return made;
}

void notice_leave(struct notice *notice, _Atomic size_t *under_way) {
  notice->under_way = under_way;
  atomic_fetch_add(under_way, bytes_of(notice));
}

void notice_free(struct notice *notice) {
  if (notice == NULL) return;
  arrive(notice);
  mem_free(notice);
}
