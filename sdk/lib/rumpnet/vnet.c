/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network instances, and which of them a process belongs to.
 *
 * A vnet is up while it has users (processes, handles of the application);
 * together they hold one reference. When the last one leaves it is shut down:
 * what was alive in it ends, and gives its references up. With the last
 * reference its memory goes, on a kernel thread, because that may be
 * dropped anywhere.
 *
 * Lock order: vnet_lock is taken before all others of the network.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/vnet.h>

#include "rumpnet.h"

static struct lock_class vnet_lc = LOCK_CLASS("vnet", 0);
static struct kmutex vnet_lock;
static struct list vnets = LIST_INITIALIZER(vnets);	/* [vnet_lock] */
static uint64_t vnet_next_id;				/* [vnet_lock] */
static const struct vnet_ops *parts[VNET_SLOTS];	/* [vnet_lock] */
static struct workqueue *vnet_wq;

struct vnet *vnet0;

/* Of the parts below a slot, the last first. */
static void
parts_shutdown(struct vnet *vn)
{
	int i;

	for (i = VNET_SLOTS - 1; i >= 0; i--) {
		if (parts[i] != NULL && parts[i]->vo_shutdown != NULL)
			parts[i]->vo_shutdown(vn, vn->vn_data[i]);
	}
}

static void
parts_fini(struct vnet *vn, int above)
{
	int i;

	for (i = above - 1; i >= 0; i--) {
		if (parts[i] != NULL && parts[i]->vo_fini != NULL)
			parts[i]->vo_fini(vn, vn->vn_data[i]);
	}
}

static int
parts_init(struct vnet *vn)
{
	int error, i;

	for (i = 0; i < VNET_SLOTS; i++) {
		if (parts[i] == NULL)
			continue;
		error = parts[i]->vo_init(vn, &vn->vn_data[i]);
		if (error != 0) {
			parts_fini(vn, i);
			return error;
		}
	}
	return 0;
}

static void
vnet_free(struct work *wk)
{
	struct vnet *vn = container_of(wk, struct vnet, vn_work);

	/* Packets on their way may still lead here. */
	epoch_synchronize();
	mutex_enter(&vnet_lock);
	parts_fini(vn, VNET_SLOTS);
	mutex_exit(&vnet_lock);
	kmem_free(vn, sizeof(*vn));
}

int
vnet_create(struct vnet **vnp)
{
	struct vnet *vn;
	int error;

	vn = kmem_zalloc(sizeof(*vn), 0);
	if (vn == NULL)
		return ENOMEM;
	atomic_init(&vn->vn_users, 1);
	atomic_init(&vn->vn_refs, 1);
	work_init(&vn->vn_work, vnet_free);
	mutex_enter(&vnet_lock);
	vn->vn_id = vnet_next_id++;
	error = parts_init(vn);
	if (error == 0)
		list_insert_tail(&vnets, &vn->vn_link);
	mutex_exit(&vnet_lock);
	if (error != 0) {
		kmem_free(vn, sizeof(*vn));
		return error;
	}
	*vnp = vn;
	return 0;
}

/* vnet_lock held: who is on the list has a user. */
static struct vnet *
vnet_use(struct vnet *vn)
{
	atomic_fetch_add_explicit(&vn->vn_users, 1, memory_order_relaxed);
	return vn;
}

int
vnet_find(uint64_t id, struct vnet **vnp)
{
	struct list *n;
	struct vnet *vn;
	int error = ENOENT;

	mutex_enter(&vnet_lock);
	LIST_FOREACH(n, &vnets) {
		vn = container_of(n, struct vnet, vn_link);
		if (vn->vn_id == id) {
			*vnp = vnet_use(vn);
			error = 0;
			break;
		}
	}
	mutex_exit(&vnet_lock);
	return error;
}

void
vnet_leave(struct vnet *vn)
{
	bool last;

	mutex_enter(&vnet_lock);
	last = atomic_fetch_sub_explicit(&vn->vn_users, 1,
	    memory_order_acq_rel) == 1;
	if (last)
		list_remove(&vn->vn_link);
	mutex_exit(&vnet_lock);
	if (!last)
		return;
	parts_shutdown(vn);
	vnet_rele(vn);
}

struct vnet *
vnet_hold(struct vnet *vn)
{
	atomic_fetch_add_explicit(&vn->vn_refs, 1, memory_order_relaxed);
	return vn;
}

void
vnet_rele(struct vnet *vn)
{
	if (atomic_fetch_sub_explicit(&vn->vn_refs, 1,
	    memory_order_acq_rel) == 1)
		(void)workqueue_enqueue(vnet_wq, &vn->vn_work);
}

int
vnet_walk(int (*fn)(struct vnet *vn, void *arg), void *arg)
{
	struct list *n;
	struct vnet *vn, *before = NULL;
	int rv = 0;

	mutex_enter(&vnet_lock);
	n = vnets.l_next;
	while (rv == 0 && n != &vnets) {
		vn = vnet_use(container_of(n, struct vnet, vn_link));
		mutex_exit(&vnet_lock);
		if (before != NULL)
			vnet_leave(before);
		before = vn;
		rv = fn(vn, arg);
		mutex_enter(&vnet_lock);
		n = vn->vn_link.l_next;
	}
	mutex_exit(&vnet_lock);
	if (before != NULL)
		vnet_leave(before);
	return rv;
}

int
vnet_register(const struct vnet_ops *vo)
{
	struct list *n;
	struct vnet *vn;
	int error = 0;

	mutex_enter(&vnet_lock);
	KASSERT(parts[vo->vo_slot] == NULL);
	LIST_FOREACH(n, &vnets) {
		vn = container_of(n, struct vnet, vn_link);
		error = vo->vo_init(vn, &vn->vn_data[vo->vo_slot]);
		if (error != 0)
			break;
	}
	if (error == 0) {
		parts[vo->vo_slot] = vo;
	} else {
		for (n = n->l_prev; n != &vnets; n = n->l_prev) {
			vn = container_of(n, struct vnet, vn_link);
			if (vo->vo_fini != NULL)
				vo->vo_fini(vn, vn->vn_data[vo->vo_slot]);
		}
	}
	mutex_exit(&vnet_lock);
	return error;
}

/* ---- Processes ------------------------------------------------------------ */

static int
vnet_fork(struct proc *parent, struct proc *child, int flags __maybe_unused)
{
	struct vnet *vn = vnet0;

	mutex_enter(&vnet_lock);
	if (parent != NULL && parent->p_vnet != NULL)
		vn = parent->p_vnet;
	child->p_vnet = vnet_use(vn);
	mutex_exit(&vnet_lock);
	return 0;
}

static void
vnet_exit(struct proc *p)
{
	struct vnet *vn = p->p_vnet;

	p->p_vnet = NULL;
	if (vn != NULL)
		vnet_leave(vn);
}

static struct proc_hooks vnet_hooks = {
	.ph_fork = vnet_fork,
	.ph_exit = vnet_exit,
};

int
vnet_init(void)
{
	int error;

	mutex_init(&vnet_lock, &vnet_lc);
	error = workqueue_create("vnet", 1, &vnet_wq);
	if (error == 0)
		error = vnet_create(&vnet0);
	if (error == 0)
		error = proc_hooks_add(&vnet_hooks);
	return error;
}
