/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: one vnode for each inode that is, or lately was, in use. How
 * a vnode is found, loaded, referenced, and cut off its file system.
 *
 * A vnode's life, and the lock order: vcache_impl.h.
 */
#include "vcache_impl.h"

#include <kern/sysctl.h>

#include "advlock.h"
#include "notify.h"
#include "specfs.h"

#define MINBUCKETS	16
#define MAXBUCKETS	(1u << 20)

static struct lock_class stripe_class = LOCK_CLASS("vcache", 0);
static struct lock_class vnode_class = LOCK_CLASS("vnode", LC_NESTS);
static struct lock_class ilock_class = LOCK_CLASS("vnode_ilock", LC_NESTS);

struct stripe vcache_stripes[VCACHE_STRIPES];
static struct pool *vnode_pool;

/* ---- Memory ------------------------------------------------------------ */

static struct vnode *
vnode_alloc(struct mount *mp, ino_t ino)
{
	struct vnode *vp;

	/* Before it fails: nothing can be reclaimed where it is called. */
	if (__unlikely(kmem_pressure() > 1))
		(void)vcache_pressure(0);
	vp = pool_get(vnode_pool, KM_ZERO);
	if (vp == NULL)
		return NULL;
	vp->v_mount = mp;
	vp->v_ino = ino;
	vp->v_op = &dead_vnodeops;
	rw_init(&vp->v_lock, &vnode_class);
	spin_init(&vp->v_ilock, &ilock_class);
	atomic_init(&vp->v_refs, 1);
	list_node_init(&vp->v_hash);
	list_node_init(&vp->v_lru);
	list_init(&vp->v_names);
	list_init(&vp->v_children);
	return vp;
}

static void
vnode_free(struct epoch_entry *ee)
{
	struct vnode *vp = container_of(ee, struct vnode, v_epoch);

	advlock_free(vp);
	rw_fini(&vp->v_lock);
	spin_fini(&vp->v_ilock);
	pool_put(vnode_pool, vp);
}

/* A doomed vnode kept its mount's memory: it is read without a lock. */
static void
vnode_free_doomed(struct epoch_entry *ee)
{
	struct vnode *vp = container_of(ee, struct vnode, v_epoch);

	if ((vnode_cflags(vp) & VC_MOUNTREF) != 0)
		mount_drop(vp->v_mount);
	vnode_free(ee);
}

void
vnode_setup(struct vnode *vp, const struct vnodeops *op, enum vtype type,
    void *data)
{

	vp->v_op = op;
	vp->v_type = type;
	vp->v_data = data;
}

/* ---- The hash tables --------------------------------------------------- */

static struct vnode *
stripe_find(struct stripe *st, uint64_t h, const struct mount *mp, ino_t ino)
{
	struct list *b = vbucket(st, h), *n;
	struct vnode *vp;

	LIST_FOREACH(n, b) {
		vp = container_of(n, struct vnode, v_hash);
		if (vp->v_ino == ino && vp->v_mount == mp)
			return vp;
	}
	return NULL;
}

/* Best effort: without memory the chains get longer. */
static void
stripe_grow(struct stripe *st)
{
	unsigned i, n = st->st_nbuckets * 2;
	struct list *nb, *ob = st->st_buckets, *e;
	struct vnode *vp;
	unsigned on = st->st_nbuckets;

	nb = kmem_alloc(n * sizeof(*nb), KM_NORECLAIM);
	if (nb == NULL)
		return;
	for (i = 0; i < n; i++)
		list_init(&nb[i]);
	st->st_buckets = nb;
	st->st_nbuckets = n;
	for (i = 0; i < on; i++) {
		while (!list_empty(&ob[i])) {
			e = ob[i].l_next;
			list_remove(e);
			vp = container_of(e, struct vnode, v_hash);
			list_insert_head(vbucket(st, vhash(vp->v_mount,
			    vp->v_ino)), e);
		}
	}
	kmem_free(ob, on * sizeof(*ob));
}

static void
stripe_insert(struct stripe *st, uint64_t h, struct vnode *vp)
{

	if (st->st_count >= 2 * st->st_nbuckets && st->st_nbuckets < MAXBUCKETS)
		stripe_grow(st);
	list_insert_head(vbucket(st, h), &vp->v_hash);
	st->st_count++;
	cflags_set(vp, VC_HASHED);
}

static void
vcache_remove(struct vnode *vp)
{
	struct stripe *st = vnode_stripe(vp);

	mutex_enter(&st->st_lock);
	if ((vnode_cflags(vp) & VC_HASHED) != 0) {
		list_remove(&vp->v_hash);
		st->st_count--;
	}
	stripe_unlru(st, vp);
	cflags_clear(vp, VC_HASHED | VC_LOADING);
	cv_broadcast(&st->st_cv);
	mutex_exit(&st->st_lock);
}

static void
vcache_loaded(struct vnode *vp)
{
	struct stripe *st = vnode_stripe(vp);

	mutex_enter(&st->st_lock);
	cflags_clear(vp, VC_LOADING);
	cv_broadcast(&st->st_cv);
	mutex_exit(&st->st_lock);
}

/*
 * Find a vnode, or insert a new one that is marked as being loaded. fresh: the
 * inode is new, so what is found under its number is on its way out.
 */
static int
vcache_enter(struct mount *mp, ino_t ino, bool fresh, struct vnode **vpp,
    bool *isnew)
{
	uint64_t h = vhash(mp, ino);
	struct stripe *st = vstripe(h);
	struct vnode *vp, *nvp = NULL;

	if (fresh && (nvp = vnode_alloc(mp, ino)) == NULL)
		return ENOMEM;
	mutex_enter(&st->st_lock);
	for (;;) {
		vp = stripe_find(st, h, mp, ino);
		if (vp != NULL) {
			if (!fresh && (vnode_cflags(vp) & VC_LOADING) == 0 &&
			    vnode_tryhold(vp))
				break;
			cv_wait(&st->st_cv, &st->st_lock);
			continue;
		}
		if (nvp != NULL)
			break;
		mutex_exit(&st->st_lock);
		nvp = vnode_alloc(mp, ino);
		if (nvp == NULL)
			return ENOMEM;
		mutex_enter(&st->st_lock);
	}
	*isnew = vp == NULL;
	if (vp == NULL) {
		atomic_init(&nvp->v_cflags, VC_LOADING);
		stripe_insert(st, h, nvp);
		vp = nvp;
		nvp = NULL;
	}
	mutex_exit(&st->st_lock);
	if (nvp != NULL)
		vnode_free(&nvp->v_epoch);
	*vpp = vp;
	return 0;
}

/* The load failed; nobody but the loader ever saw the vnode as its own. */
static void
vcache_fail(struct vnode *vp)
{

	atomic_store(&vp->v_refs, VREF_DEAD);
	vcache_remove(vp);
	epoch_defer(&vp->v_epoch, vnode_free);
}

int
vcache_get(struct mount *mp, ino_t ino, struct vnode **vpp)
{
	struct vnode *vp;
	bool isnew;
	int error;

	error = vcache_enter(mp, ino, false, &vp, &isnew);
	if (error != 0)
		return error;
	if (isnew) {
		error = mp->mnt_op->vfs_loadvnode(mp, vp);
		if (error != 0) {
			vcache_fail(vp);
			return error;
		}
		vcache_loaded(vp);
	}
	*vpp = vp;
	return 0;
}

int
vcache_new(struct mount *mp, ino_t ino, int (*fill)(struct vnode *, void *),
    void *arg, struct vnode **vpp)
{
	struct vnode *vp;
	bool isnew;
	int error;

	error = vcache_enter(mp, ino, true, &vp, &isnew);
	if (error != 0)
		return error;
	error = fill(vp, arg);
	if (error != 0) {
		vcache_fail(vp);
		return error;
	}
	/* Whoever looks this number up waits for VC_LOADING to go. */
	cflags_set(vp, VC_MAKING);
	vcache_loaded(vp);
	*vpp = vp;
	return 0;
}

/* ---- References -------------------------------------------------------- */

struct vnode *
vnode_hold(struct vnode *vp)
{
	uint32_t v __maybe_unused;

	v = atomic_fetch_add_explicit(&vp->v_refs, 1, memory_order_relaxed);
	KASSERT(v != 0 && (v & VREF_DEAD) == 0);
	return vp;
}

bool
vnode_tryhold(struct vnode *vp)
{
	uint32_t v;

	v = atomic_load_explicit(&vp->v_refs, memory_order_relaxed);
	do {
		if ((v & VREF_DEAD) != 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&vp->v_refs, &v, v + 1,
	    memory_order_seq_cst, memory_order_relaxed));
	return true;
}

/*
 * Cut the vnode off its file system: v_lock X. Its memory is the caller's
 * matter.
 */
static void
vnode_detach(struct vnode *vp)
{
	const struct vnodeops *op = vp->v_op;

	notify_gone(vp, IN_UNMOUNT);
	atomic_fetch_or(&vp->v_flags, VV_DOOMED);
	namecache_purge(vp);
	if (vp->v_pages.pc_vnode != NULL)
		pagecache_fini(&vp->v_pages);
	if (op->vop_reclaim != NULL)
		op->vop_reclaim(vp);
	vp->v_op = &dead_vnodeops;
	vp->v_data = NULL;
	vcache_remove(vp);
}

void
vnode_doom(struct vnode *vp)
{

	KASSERT(rw_write_held(&vp->v_lock));
	if (!vnode_doomed(vp))
		vnode_detach(vp);
}

void
vnode_rmdir(struct vnode *dvp, struct vnode *vp)
{

	atomic_store(&vp->v_special, vnode_hold(dvp));
	atomic_fetch_or(&vp->v_cflags, VC_RMDIR);
	namecache_purge(vp);
}

/*
 * v_refs is VREF_DEAD and the vnode is detached. Returns a reference that goes
 * with it: the parent of a removed directory.
 */
static struct vnode *
vnode_end(struct vnode *vp)
{
	struct vnode *dvp = NULL;

	if ((vnode_cflags(vp) & VC_RMDIR) != 0)
		dvp = atomic_load_explicit(&vp->v_special,
		    memory_order_relaxed);
	else if (vp->v_type == VFIFO)
		fifo_free(vp);
	epoch_defer(&vp->v_epoch, vnode_free_doomed);
	return dvp;
}

void
vnode_reclaim(struct vnode *vp)
{
	struct vnode *dvp;

	vnode_lock(vp, RW_WRITER);
	vnode_detach(vp);
	vnode_unlock(vp);
	dvp = vnode_end(vp);
	if (dvp != NULL)
		vnode_rele(dvp);
}

/* It stays cached without references; VC_REF: not for the first time. */
static void
vnode_cached(struct vnode *vp)
{
	unsigned f = vnode_cflags(vp);

	if ((f & VC_LRU) != 0) {
		if ((f & VC_REF) == 0)
			cflags_set(vp, VC_REF);
	} else if ((f & VC_WATCHED) == 0 && (atomic_load_explicit(
	    &vp->v_flags, memory_order_relaxed) & VV_KEEP) == 0)
		vcache_candidate(vp);
}

/*
 * The last reference is about to go; others may come meanwhile. True: it went,
 * and the vnode is not ours any more.
 *
 * It goes under v_lock: otherwise somebody could come after vop_inactive,
 * remove the last name, and leave before us, and nobody would free the file.
 * Nor does it go without vop_inactive: whoever is there when we have the lock
 * may have removed the last name, and leave before us too.
 */
static bool
vnode_inactive(struct vnode *vp)
{
	bool freed = false, gone = false;
	uint32_t one = 1;

	vnode_lock(vp, RW_WRITER);
	if (vnode_doomed(vp) || atomic_load(&vp->v_refs) != 1) {
		vnode_unlock(vp);
		return false;
	}
	if (vp->v_op->vop_inactive != NULL)
		vp->v_op->vop_inactive(vp, &freed);
	if (freed) {
		notify_gone(vp, IN_DELETE_SELF);
		vnode_doom(vp);
	} else
		vnode_cached(vp);
	/* Without our reference the lock is there as long as the epoch. */
	epoch_enter();
	if (!freed)
		gone = atomic_compare_exchange_strong_explicit(&vp->v_refs,
		    &one, 0, memory_order_acq_rel, memory_order_relaxed);
	vnode_unlock(vp);
	epoch_exit();
	return gone;
}

void
vnode_rele(struct vnode *vp)
{
	uint32_t v;

	v = atomic_load_explicit(&vp->v_refs, memory_order_relaxed);
	for (;;) {
		KASSERT((v & ~VREF_DEAD) != 0);
		if (v > 1) {
			if (atomic_compare_exchange_weak_explicit(&vp->v_refs,
			    &v, v - 1, memory_order_release,
			    memory_order_relaxed))
				return;
			continue;
		}
		if (!vnode_doomed(vp)) {
			if (vnode_inactive(vp))
				break;
			v = atomic_load_explicit(&vp->v_refs,
			    memory_order_relaxed);
		} else if (atomic_compare_exchange_strong_explicit(
		    &vp->v_refs, &v, VREF_DEAD, memory_order_acq_rel,
		    memory_order_relaxed)) {
			vp = vnode_end(vp);
			if (vp == NULL)
				break;
			v = atomic_load_explicit(&vp->v_refs,
			    memory_order_relaxed);
		}
	}
	mount_reap();
}

/* ---- Start ------------------------------------------------------------- */

static uint64_t
vcache_count(void)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < VCACHE_STRIPES; i++) {
		mutex_enter(&vcache_stripes[i].st_lock);
		n += vcache_stripes[i].st_count;
		mutex_exit(&vcache_stripes[i].st_lock);
	}
	return n;
}

static struct sysctl sy_count = {
	.sy_name = "vfs.vnodes.count",
	.sy_descr = "vnodes in the cache",
	.sy_type = SYSCTL_U64,
	.sy_get = vcache_count,
};

int
vcache_init(void)
{
	struct stripe *st;
	unsigned i, b;

	vnode_pool = pool_create("vnode", sizeof(struct vnode), 0);
	if (vnode_pool == NULL)
		return ENOMEM;
	for (i = 0; i < VCACHE_STRIPES; i++) {
		st = &vcache_stripes[i];
		st->st_buckets = kmem_alloc(MINBUCKETS *
		    sizeof(*st->st_buckets), 0);
		if (st->st_buckets == NULL)
			return ENOMEM;
		st->st_nbuckets = MINBUCKETS;
		for (b = 0; b < MINBUCKETS; b++)
			list_init(&st->st_buckets[b]);
		list_init(&st->st_lru);
		mutex_init(&st->st_lock, &stripe_class);
		cv_init(&st->st_cv);
	}
	vcache_trim_init();
	(void)sysctl_register(&sy_count);
	return 0;
}
