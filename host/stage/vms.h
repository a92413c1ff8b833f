/* vms.h -- the VMs of one worker: the present one, and those that retire.
 *
 * WHY     A reload must not fail a call, nor let one begin in old classes and end in new ones. So new classes come in a VM
 *         of their own, and the old one goes when no actor is in it any more.
 * ROOM    stage. Below: vm.
 * THREAD  vms_bring() from any; the rest its worker's.
 * OWNS    The VMs.
 * STATES  of a VM: coming      vms_bring(); it may be replaced by one that comes behind it
 *                  -> present  vms_renew(): actors are opened in it
 *                  -> retiring the next vms_renew(): turns that wait go on in it, its other actors leave it
 *                              (performance.c, worker.c)
 *                  -> closed   vms_close_some(), when no actor is in it and its garbage is gone: closing a full VM at
 *                              once would keep the worker for long
 * ALWAYS  All that are present or retiring are beside one another (vm/vm.h), so that one limit holds for all.
 */
#ifndef TROUPE_VMS_H
#define TROUPE_VMS_H

#include <stdatomic.h>

#include "vm/vm.h"

struct vms {
  struct vm *present;          /* NULL before the first vms_renew() */
  struct vm *collecting;       /* where vms_collect_some() goes on; NULL: it begins */
  struct vm *_Atomic coming;
};

void vms_init(struct vms *vms);
void vms_done(struct vms *vms);

/* Takes the VM over. */
void vms_bring(struct vms *vms, struct vm **vm);

/* Makes what was brought last the present one; false if nothing was. */
bool vms_renew(struct vms *vms);

struct vm *vms_present(const struct vms *vms);

/* Collects what is garbage in a retiring VM that no actor is in, a piece at a time, and then closes it. Whether there is
 * one. */
bool vms_close_some(struct vms *vms);

/* Bytes of all that are present or retiring. */
size_t vms_bytes(const struct vms *vms);

/* As vm_collect() and vm_collect_some(), of all of these. */
void vms_collect(struct vms *vms);
bool vms_collect_some(struct vms *vms);

#endif
