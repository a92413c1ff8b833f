/* backlog.c -- see backlog.h. */
#include "base/backlog.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/queue.h"

struct line {
  struct queue_item item;
  uint64_t dropped;           /* so many lines before it */
  size_t size;
  uint8_t bytes[];
};

struct backlog {
  const struct clock *clock;
  struct queue *queue;
  atomic_size_t bytes;        /* of lines that were put and are not passed, with what they cost in memory */
  _Atomic uint64_t dropped;   /* since the last line that was put */
  struct line *first;         /* the writer's: taken and not passed, oldest first */
  struct buf count;           /* the line that tells a count and comes before it, or empty */
  size_t passed;              /* bytes of the line that is next */
};

struct backlog *backlog_new(const struct clock *clock) {
  struct backlog *backlog = mem_zero(sizeof *backlog);
  backlog->clock = clock;
  backlog->queue = queue_new();
  return backlog;
}

/* An item is the first of its line, and NULL stands for none. */
static struct line *line_of(struct queue_item *item) {
  return (struct line *)(void *)item;
}

static size_t cost_of(size_t size) {
  return sizeof(struct line) + size;
}

static void free_lines(struct line *line) {
  while (line != NULL) {
    struct line *next = line_of(line->item.next);
    mem_free(line);
    line = next;
  }
}

void backlog_free(struct backlog *backlog) {
  if (backlog == NULL) return;
  free_lines(backlog->first);
  free_lines(line_of(queue_take(backlog->queue)));
  queue_free(backlog->queue);
  buf_done(&backlog->count);
  mem_free(backlog);
}

/* A line with room for so many bytes, or NULL. */
static struct line *try_new_line(struct backlog *backlog, size_t size) {
  size_t before = atomic_fetch_add(&backlog->bytes, cost_of(size));
  struct line *line = before + cost_of(size) <= BACKLOG_BYTES_MAX ? mem_try_alloc(cost_of(size)) : NULL;
  if (line == NULL) atomic_fetch_sub(&backlog->bytes, cost_of(size));
  return line;
}

void backlog_put(void *context, enum log_level level, struct slice bytes) {
  (void)level;
  struct backlog *backlog = context;
  struct line *line = try_new_line(backlog, bytes.size);
  if (line == NULL) {
    atomic_fetch_add(&backlog->dropped, 1);
    return;
  }
  line->dropped = atomic_exchange(&backlog->dropped, 0);
  line->size = bytes.size;
  memcpy(line->bytes, bytes.data, bytes.size);
  queue_put(backlog->queue, &line->item);
}

static void keep_count(void *context, enum log_level level, struct slice line) {
  (void)level;
  buf_put(context, line);
}

static void tell_dropped(struct backlog *backlog, uint64_t dropped) {
  char number[24];
  buf_clear(&backlog->count);
  snprintf(number, sizeof number, "%" PRIu64, dropped);
  const struct logger logger = { .clock = backlog->clock, .write = keep_count, .context = &backlog->count };
  const struct log_field fields[] = { { "lines", slice_text(number) } };
  logger_event(&logger, LOG_WARN, slice_text("lines were dropped here, since nobody read the log"), fields, 1);
}

/* Takes lines if none is left; returns how many were dropped before the first. If none follows those, their count is the last
 * line. */
static uint64_t take_lines(struct backlog *backlog) {
  if (backlog->first == NULL) backlog->first = line_of(queue_take(backlog->queue));
  if (backlog->first == NULL) return atomic_exchange(&backlog->dropped, 0);
  uint64_t dropped = backlog->first->dropped;
  backlog->first->dropped = 0;
  return dropped;
}

struct slice backlog_next(struct backlog *backlog) {
  uint64_t dropped = backlog->count.size > 0 ? 0 : take_lines(backlog);
  if (dropped > 0) tell_dropped(backlog, dropped);
  struct slice next = buf_slice(&backlog->count);
  if (next.size == 0 && backlog->first != NULL) next = slice_of(backlog->first->bytes, backlog->first->size);
  return slice_after(next, backlog->passed);
}

static void pass_line(struct backlog *backlog) {
  struct line *line = backlog->first;
  backlog->first = line_of(line->item.next);
  atomic_fetch_sub(&backlog->bytes, cost_of(line->size));
  mem_free(line);
}

void backlog_pass(struct backlog *backlog, size_t size) {
  size_t left = backlog_next(backlog).size;
  CHECK_THAT(size, <=, left);
  backlog->passed += size;
  if (size < left) return;
  backlog->passed = 0;
  if (backlog->count.size > 0) buf_clear(&backlog->count);
  else if (backlog->first != NULL) pass_line(backlog);
}

void backlog_wait(struct backlog *backlog) {
  queue_wait(backlog->queue, -1);
}

void backlog_wake(struct backlog *backlog) {
  queue_wake(backlog->queue);
}
