/* turn_fixture.h -- what the specs of turns share: a VM with one class, an actor of it in memory, and its turn, without a stage.
 */
#ifndef TROUPE_SPEC_TURN_FIXTURE_H
#define TROUPE_SPEC_TURN_FIXTURE_H

#include "view_fixture.h"

#include "script/instance.h"
#include "script/script.h"
#include "script/stay.h"

struct turn_fixture {
  struct view_fixture base;
  struct clock clock;
  struct limits limits;
  struct vm_config config;
  struct vm *vm;
  const char *class_name;
  struct instance *instance;
  struct turn turn;
  char folder[PATH_MAX];
};

static inline void turn_fixture_write_class(struct turn_fixture *fixture, const char *source) {
  char path[PATH_MAX + 16];
  snprintf(fixture->folder, sizeof fixture->folder, "%s/actors", fixture->base.scratch.path);
  assert_int_equal(mkdir(fixture->folder, 0700), 0);
  snprintf(path, sizeof path, "%s/class.lua", fixture->folder);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fputs(source, file) >= 0, 1);
  fclose(file);
}

static inline void turn_fixture_open_instance(struct turn_fixture *fixture) {
  assert_int_equal(instance_open(fixture->vm, slice_text(fixture->class_name), slice_of(NULL, 0), 7, &fixture->instance,
                                 &fixture->base.failure), ERR_NONE);
}

/* A class of this name, which the source returns, and an actor of it, which does not exist yet. */
static inline struct turn_fixture *turn_fixture_begin(const char *class_name, const char *source) {
  struct turn_fixture *fixture = calloc(1, sizeof *fixture);
  view_fixture_begin(&fixture->base);
  fixture->base.view.drafts = drafts_try_new();
  clock_init_manual(&fixture->clock, 1);
  fixture->class_name = class_name;
  turn_fixture_write_class(fixture, source);
  fixture->limits = limits_default();
  fixture->config = (struct vm_config){
    .actors_path = fixture->folder, .limits = &fixture->limits, .clock = &fixture->clock, .logger = &fixture->base.log.logger,
    .pause_ms = VM_PAUSE_MS,
  };
  assert_int_equal(script_open(&fixture->config, &fixture->vm, &fixture->base.failure), ERR_NONE);
  turn_fixture_open_instance(fixture);
  return fixture;
}

static inline void turn_fixture_end(struct turn_fixture *fixture) {
  instance_close(fixture->instance);
  vm_close(fixture->vm);
  turn_done(&fixture->turn);
  view_fixture_end(&fixture->base);
  free(fixture);
}

/* Puts a turn of a client in the place of the one before, but does not begin it. */
static inline struct turn *turn_fixture_make(struct turn_fixture *fixture, enum turn_task task, const char *method) {
  turn_done(&fixture->turn);
  fixture->turn = (struct turn){
    .task = task, .caller = CALLER_CLIENT, .vm = fixture->vm, .instance = fixture->instance, .view = fixture->base.view,
    .create = !instance_is_loaded(fixture->instance), .method = slice_text(method), .format = FORMAT_JSON,
  };
  return &fixture->turn;
}

static inline void turn_fixture_assert_result(const struct turn_fixture *fixture, const char *expected) {
  const struct buf *result = &fixture->turn.result;
  assert_int_equal(result->size, strlen(expected));
  assert_memory_equal(result->data, expected, result->size);
}

#endif
