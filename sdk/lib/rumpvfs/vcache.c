/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: one vnode for each inode that is, or lately was, in use.
 *
 * v_refs counts references. A vnode without references stays in its stripe's
 * hash table, and on the stripe's list of candidates for reclaim, a clock:
 * using a vnode sets VC_REF and nothing else, so that finding one in the name
 * cache and letting it go writes v_refs alone. A reclaimer changes v_refs from
 * 0 to VREF_DEAD; from then on nobody can take a reference. The memory stays
 * readable until the epoch ends, for walkers without references.
 *
 * Inodes that are freed and vnodes of a mount that was forced away are doomed:
 * they lose their file system at once, and their memory with the last
 * reference.
 *
 * A stripe's lock is a leaf, but for the allocator.
 */
#include <kern/sysctl.h>

#include "advlock.h"
#include "specfs.h"
#include "vfs.h"

#define NSTRIPES	64
#define MINBUCKETS	16
#define MAXBUCKETS	(1u << 20)
#define HAND_STEPS	16u

struct stripe {
	struct kmutex st_lock;
	struct kcondvar st_cv;		/* a vnode was loaded, or left */
	struct list *st_buckets;	/* [st_lock] */
	unsigned st_nbuckets;		/* [st_lock] a power of two */
	unsigned st_count;		/* [st_lock] hashed */
	unsigned st_nlru;		/* [st_lock] */
	struct list st_lru;		/* [st_lock] the hand is at the head */
} __cacheline_aligned;

static struct lock_class stripe_class = LOCK_CLASS("vcache", 0);
static struct lock_class vnode_class = LOCK_CLASS("vnode", LC_NESTS);
static struct lock_class ilock_class = LOCK_CLASS("vnode_ilock", LC_NESTS);

static struct stripe stripes[NSTRIPES];
static struct pool *vnode_pool;
static _Atomic uint64_t vnodes_max = 65536;
static _Atomic unsigned trim_hand;
static _Atomic bool pressed;		/* memory is short: keep none */
_Atomic bool vcache_excess;

static inline uint64_t
vhash(const struct mount *mp, ino_t ino)
{
	uint64_t h;

	h = (ino + (uintptr_t)mp) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static inline struct stripe *
vstripe(uint64_t h)
{
	return &stripes[h % NSTRIPES];
}

static inline struct stripe *
vnode_stripe(struct vnode *vp)
{
	return vstripe(vhash(vp->v_mount, vp->v_ino));
}

static inline struct list *
vbucket(struct stripe *st, uint64_t h)
{
	return &st->st_buckets[(h / NSTRIPES) & (st->st_nbuckets - 1)];
}

static inline void
cflags_set(struct vnode *vp, unsigned f)
{
	atomic_fetch_or_explicit(&vp->v_cflags, f, memory_order_relaxed);
}

static inline void
cflags_clear(struct vnode *vp, unsigned f)
{
	atomic_fetch_and_explicit(&vp->v_cflags, ~f, memory_order_relaxed);
}

/* ---- Memory ------------------------------------------------------------ */

/*
 * Reclaiming a vnode takes its file system's locks, which the caller may hold:
 * the next walk of a path does it.
 */
static size_t
vcache_pressure(size_t want __maybe_unused)
{

	atomic_store_explicit(&pressed, true, memory_order_relaxed);
	atomic_store_explicit(&vcache_excess, true, memory_order_relaxed);
	return 0;
}

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
stripe_unlru(struct stripe *st, struct vnode *vp)
{

	if ((vnode_cflags(vp) & VC_LRU) != 0) {
		list_remove(&vp->v_lru);
		st->st_nlru--;
		cflags_clear(vp, VC_LRU);
	}
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

/* v_refs is VREF_DEAD: the vnode is ours alone. */
static void
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

static void
vnode_make_candidate(struct vnode *vp)
{
	struct stripe *st;

	st = vnode_stripe(vp);
	mutex_enter(&st->st_lock);
	if ((vnode_cflags(vp) & (VC_LRU | VC_HASHED)) == VC_HASHED) {
		list_insert_tail(&st->st_lru, &vp->v_lru);
		cflags_set(vp, VC_LRU);
		if (++st->st_nlru > vnodes_max / NSTRIPES)
			atomic_store_explicit(&vcache_excess, true,
			    memory_order_relaxed);
	}
	mutex_exit(&st->st_lock);
}

/*
 * The last reference is about to go; others may come meanwhile. True: it went,
 * and the vnode is not ours any more.
 *
 * It goes under v_lock: otherwise somebody could come after vop_inactive,
 * remove the last name, and leave before us, and nobody would free the file.
 */
static bool
vnode_inactive(struct vnode *vp)
{
	bool locked = vp->v_op->vop_inactive != NULL;
	bool freed = false, gone = false;
	uint32_t one = 1;
	unsigned f;

	if (locked) {
		vnode_lock(vp, RW_WRITER);
		if (atomic_load(&vp->v_refs) == 1 &&
		    vp->v_op->vop_inactive != NULL)
			vp->v_op->vop_inactive(vp, &freed);
		if (freed)
			vnode_doom(vp);
	}
	if (!vnode_doomed(vp)) {
		f = vnode_cflags(vp);
		if ((f & VC_REF) == 0)
			cflags_set(vp, VC_REF);
		if ((f & VC_LRU) == 0 &&
		    (atomic_load_explicit(&vp->v_flags,
		    memory_order_relaxed) & VV_KEEP) == 0)
			vnode_make_candidate(vp);
	}
	/* Without our reference the lock is there as long as the epoch. */
	epoch_enter();
	if (!vnode_doomed(vp))
		gone = atomic_compare_exchange_strong_explicit(&vp->v_refs,
		    &one, 0, memory_order_acq_rel, memory_order_relaxed);
	if (locked)
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

/* ---- Reclaim ----------------------------------------------------------- */

/* Advance the hand some steps; a victim is ours (VREF_DEAD). */
static struct vnode *
stripe_victim(struct stripe *st, struct vnode **dirtyp)
{
	struct vnode *vp;
	uint32_t zero;
	unsigned i, f;

	for (i = MIN(st->st_nlru, HAND_STEPS); i > 0; i--) {
		vp = list_first(&st->st_lru, struct vnode, v_lru);
		list_remove(&vp->v_lru);
		list_insert_tail(&st->st_lru, &vp->v_lru);
		f = vnode_cflags(vp);
		if ((f & VC_REF) != 0) {
			cflags_clear(vp, VC_REF);
			continue;
		}
		if (atomic_load_explicit(&vp->v_pages.pc_ndirty,
		    memory_order_relaxed) != 0) {
			if (*dirtyp == NULL && vnode_tryhold(vp))
				*dirtyp = vp;
			continue;
		}
		zero = 0;
		if (atomic_compare_exchange_strong(&vp->v_refs, &zero,
		    VREF_DEAD)) {
			stripe_unlru(st, vp);
			return vp;
		}
	}
	return NULL;
}

enum trimmed { TRIM_ENOUGH, TRIM_ONE, TRIM_STUCK };

static enum trimmed
stripe_trim(struct stripe *st, uint64_t max)
{
	struct vnode *vp = NULL, *dirty = NULL;
	bool above;

	mutex_enter(&st->st_lock);
	above = st->st_nlru > max;
	if (above)
		vp = stripe_victim(st, &dirty);
	mutex_exit(&st->st_lock);
	if (dirty != NULL) {
		vnode_lock(dirty, RW_READER);
		if (!vnode_doomed(dirty))
			(void)pagecache_flush(&dirty->v_pages, 0, 0, false);
		vnode_unlock(dirty);
		vnode_rele(dirty);
	}
	if (vp != NULL)
		vnode_reclaim(vp);
	return vp != NULL ? TRIM_ONE : above ? TRIM_STUCK : TRIM_ENOUGH;
}

/*
 * Reclaim up to n vnodes that are above the limit, with bounded work: where
 * all are in use, the cache is larger than its limit. No locks held.
 */
void
vcache_trim(unsigned n)
{
	uint64_t max = vnodes_max / NSTRIPES;
	unsigned i, hand, stuck = 0;
	enum trimmed t;

	if (atomic_exchange_explicit(&pressed, false, memory_order_relaxed)) {
		max = 0;
		n += 64;
	}
	hand = atomic_fetch_add_explicit(&trim_hand, 1, memory_order_relaxed);
	for (i = 0; i < NSTRIPES && stuck < 4; i++) {
		do {
			t = stripe_trim(&stripes[(hand + i) % NSTRIPES], max);
			if (t == TRIM_ONE && --n == 0)
				return;
		} while (t == TRIM_ONE);
		if (t == TRIM_STUCK)
			stuck++;
	}
	if (stuck == 0)
		atomic_store_explicit(&vcache_excess, false,
		    memory_order_relaxed);
}

bool
vcache_mount_busy(struct mount *mp)
{
	struct stripe *st;
	struct list *n;
	struct vnode *vp;
	uint32_t refs;
	unsigned i, b;
	bool busy = false;

	for (i = 0; i < NSTRIPES && !busy; i++) {
		st = &stripes[i];
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

/* A vnode of the mount in a bucket: owned (*deadp), or with a reference. */
static struct vnode *
bucket_take(struct stripe *st, unsigned b, struct mount *mp, bool *deadp)
{
	struct list *n;
	struct vnode *vp;
	uint32_t zero;

	for (;;) {
		vp = NULL;
		LIST_FOREACH(n, &st->st_buckets[b]) {
			vp = container_of(n, struct vnode, v_hash);
			if (vp->v_mount == mp)
				break;
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

void
vcache_mount_purge(struct mount *mp)
{
	struct stripe *st;
	struct vnode *vp;
	unsigned i, b;
	bool dead;

	for (i = 0; i < NSTRIPES; i++) {
		st = &stripes[i];
		mutex_enter(&st->st_lock);
		for (b = 0; b < st->st_nbuckets; b++) {
			while ((vp = bucket_take(st, b, mp, &dead)) != NULL) {
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
	}
}

void
vcache_mount_walk(struct mount *mp, void (*fn)(struct vnode *, void *),
    void *arg)
{
	struct stripe *st;
	struct list *n;
	struct vnode *vp, *batch[16];
	unsigned i, b, k, skip, seen;

	for (i = 0; i < NSTRIPES; i++) {
		st = &stripes[i];
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

/* ---- Start ------------------------------------------------------------- */

static uint64_t
vcache_count(void)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < NSTRIPES; i++) {
		mutex_enter(&stripes[i].st_lock);
		n += stripes[i].st_count;
		mutex_exit(&stripes[i].st_lock);
	}
	return n;
}

static int
vcache_setmax(uint64_t v)
{

	if (v < NSTRIPES)
		return EINVAL;
	vnodes_max = v;
	vcache_excess = true;
	return 0;
}

static struct sysctl sy_max = {
	.sy_name = "vfs.vnodes.max",
	.sy_descr = "unreferenced vnodes that are kept",
	.sy_type = SYSCTL_U64,
	.sy_flags = SYSCTL_RW,
	.sy_u64 = &vnodes_max,
	.sy_set = vcache_setmax,
};
static struct sysctl sy_count = {
	.sy_name = "vfs.vnodes.count",
	.sy_descr = "vnodes in the cache",
	.sy_type = SYSCTL_U64,
	.sy_get = vcache_count,
};
static struct kmem_reclaim vcache_reclaim = {
	.kr_name = "vnodes",
	.kr_fn = vcache_pressure,
};

int
vcache_init(void)
{
	struct stripe *st;
	unsigned i, b;

	vnode_pool = pool_create("vnode", sizeof(struct vnode), 0);
	if (vnode_pool == NULL)
		return ENOMEM;
	for (i = 0; i < NSTRIPES; i++) {
		st = &stripes[i];
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
	kmem_reclaim_add(&vcache_reclaim);
	(void)sysctl_register(&sy_max);
	(void)sysctl_register(&sy_count);
	return 0;
}
