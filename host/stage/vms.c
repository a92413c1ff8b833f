/* vms.c -- see vms.h. */
#include "stage/vms.h"

void vms_init(struct vms *vms) {
  vms->present = vms->collecting = NULL;
  atomic_init(&vms->coming, NULL);
}

void vms_done(struct vms *vms) {
  vm_close(atomic_exchange(&vms->coming, NULL));
  if (vms->present == NULL) return;
  while (vm_beside(vms->present) != vms->present) vm_close(vm_beside(vms->present));
  vm_close(vms->present);
  vms->present = NULL;
}

void vms_bring(struct vms *vms, struct vm **vm) {
  vm_close(atomic_exchange(&vms->coming, *vm));
  *vm = NULL;
}

bool vms_renew(struct vms *vms) {
  if (atomic_load(&vms->coming) == NULL) return false;
  struct vm *coming = atomic_exchange(&vms->coming, NULL);
  if (coming == NULL) return false;
  if (vms->present != NULL) vm_put_beside(coming, vms->present);
  vms->present = coming;
  vms->collecting = NULL;
  return true;
}

struct vm *vms_present(const struct vms *vms) {
  return vms->present;
}

bool vms_close_some(struct vms *vms) {
  struct vm *vm = vm_beside(vms->present);
  while (vm != vms->present && vm_instances(vm) > 0) vm = vm_beside(vm);
  if (vm == vms->present) return false;
  if (vm_collect_some(vm)) {
    vm_close(vm);
    vms->collecting = NULL;
  }
  return true;
}

size_t vms_bytes(const struct vms *vms) {
  size_t bytes = vm_bytes(vms->present);
  for (const struct vm *vm = vm_beside(vms->present); vm != vms->present; vm = vm_beside(vm)) bytes += vm_bytes(vm);
  return bytes;
}

void vms_collect(struct vms *vms) {
  struct vm *vm = vms->present;
  do {
    vm_collect(vm);
    vm = vm_beside(vm);
  } while (vm != vms->present);
}

bool vms_collect_some(struct vms *vms) {
  struct vm *vm = vms->collecting != NULL ? vms->collecting : vms->present;
  if (!vm_collect_some(vm)) {
    vms->collecting = vm;
    return false;
  }
  vms->collecting = vm_beside(vm) == vms->present ? NULL : vm_beside(vm);
  return vms->collecting == NULL;
}
