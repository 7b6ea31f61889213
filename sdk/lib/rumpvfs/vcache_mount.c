/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: all vnodes of a mount.
 *
 * The stripes are walked one after the other, and none is locked while a vnode
 * is dealt with: what comes meanwhile may be missed.
 */
#include "vcache_impl.h"

bool
vcache_mount_busy(struct mount *mp)
{
	struct stripe *st;
	struct list *n;
	struct vnode *vp;
	uint32_t refs;
	unsigned i, b;
	bool busy = false;

	for (i = 0; i < VCACHE_STRIPES && !busy; i++) {
		st = &vcache_stripes[i];
		mutex_enter(&st->st_lock);
		for (b = 0; b < st->st_nbuckets && !busy; b++)
			LIST_FOREACH(n, &st->st_buckets[b]) {
				vp = container_of(n, struct vnode, v_hash);
				if (vp->v_mount != mp)
					continue;
				refs = atomic_load(&vp->v_refs) & ~VREF_DEAD;
				if (refs > (vp == mp->mnt_root ? 1u : 0u))
					busy = true;
			}
		mutex_exit(&st->st_lock);
	}
	return busy;
}

/*
 * Does the operation that makes it still use it? Such a vnode is left alone:
 * its directory's lock, which the operation holds, does not keep us out.
 */
static bool
being_made(struct vnode *vp)
{
	return (vnode_cflags(vp) & VC_MAKING) != 0 &&
	    (atomic_load(&vp->v_refs) & ~VREF_DEAD) != 0;
}

/*
 * A vnode of the mount in a bucket: owned (*deadp), or with a reference.
 * *skippedp: one that is being made was left.
 */
static struct vnode *
bucket_take(struct stripe *st, unsigned b, struct mount *mp, bool *deadp,
    bool *skippedp)
{
	struct list *n;
	struct vnode *vp;
	uint32_t zero;

	for (;;) {
		vp = NULL;
		LIST_FOREACH(n, &st->st_buckets[b]) {
			vp = container_of(n, struct vnode, v_hash);
			if (vp->v_mount == mp && !being_made(vp))
				break;
			*skippedp |= vp->v_mount == mp;
			vp = NULL;
		}
		if (vp == NULL)
			return NULL;
		if ((vnode_cflags(vp) & VC_LOADING) == 0) {
			zero = 0;
			*deadp = atomic_compare_exchange_strong(&vp->v_refs,
			    &zero, VREF_DEAD);
			if (*deadp)
				stripe_unlru(st, vp);
			if (*deadp || vnode_tryhold(vp))
				return vp;
		}
		cv_wait(&st->st_cv, &st->st_lock);
	}
}

/* Returns whether there was any. */
static bool
stripe_purge(struct stripe *st, struct mount *mp)
{
	struct vnode *vp;
	bool any = false, dead;
	unsigned b;

	mutex_enter(&st->st_lock);
	for (b = 0; b < st->st_nbuckets; b++) {
		while ((vp = bucket_take(st, b, mp, &dead, &any)) != NULL) {
			any = true;
			mutex_exit(&st->st_lock);
			if (dead) {
				vnode_reclaim(vp);
			} else {
				atomic_fetch_add(&mp->mnt_refs, 1);
				cflags_set(vp, VC_MOUNTREF);
				vnode_lock(vp, RW_WRITER);
				vnode_doom(vp);
				vnode_unlock(vp);
				vnode_rele(vp);
			}
			mutex_enter(&st->st_lock);
		}
	}
	mutex_exit(&st->st_lock);
	return any;
}

void
vcache_mount_purge(struct mount *mp)
{
	bool any;
	unsigned i;

	/*
	 * Who works in a directory that we have not come to may make a file
	 * behind us. When a walk meets none, there is no such directory.
	 */
	do {
		any = false;
		for (i = 0; i < VCACHE_STRIPES; i++)
			any |= stripe_purge(&vcache_stripes[i], mp);
	} while (any);
}

void
vcache_mount_walk(struct mount *mp, void (*fn)(struct vnode *, void *),
    void *arg)
{
	struct stripe *st;
	struct list *n;
	struct vnode *vp, *batch[16];
	unsigned i, b, k, skip, seen;

	for (i = 0; i < VCACHE_STRIPES; i++) {
		st = &vcache_stripes[i];
		for (b = 0, skip = 0;;) {
			mutex_enter(&st->st_lock);
			if (b >= st->st_nbuckets) {
				mutex_exit(&st->st_lock);
				break;
			}
			k = seen = 0;
			LIST_FOREACH(n, &st->st_buckets[b]) {
				vp = container_of(n, struct vnode, v_hash);
				if (vp->v_mount != mp || seen++ < skip ||
				    (vnode_cflags(vp) & VC_LOADING) != 0)
					continue;
				if (k == nitems(batch))
					break;
				if (vnode_tryhold(vp))
					batch[k++] = vp;
				skip = seen;
			}
			if (k < nitems(batch)) {
				b++;
				skip = 0;
			}
			mutex_exit(&st->st_lock);
			while (k > 0) {
				fn(batch[--k], arg);
				vnode_rele(batch[k]);
			}
		}
	}
}
