/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the vnode cache: what its parts share.
 *
 *	vcache.c	vnodes are found, loaded, referenced, cut off
 *	vcache_trim.c	those without references, and who has to go
 *	vcache_mount.c	all those of a mount
 *
 * v_refs counts references. A vnode without references stays in its stripe's
 * hash table, and on the stripe's list of candidates for reclaim, a clock:
 * using a vnode again sets VC_REF and nothing else, so that finding one in the
 * name cache and letting it go writes v_refs alone. One that was used once is
 * not kept at the expense of others. A reclaimer changes v_refs from 0 to
 * VREF_DEAD; from then on nobody can take a reference. The memory stays
 * readable until the epoch ends, for walkers without references.
 *
 * Inodes that are freed and vnodes of a mount that was forced away are doomed:
 * they lose their file system at once, and their memory with the last
 * reference.
 *
 * A stripe's lock is a leaf, but for the allocator.
 */
#ifndef VCACHE_IMPL_H
#define VCACHE_IMPL_H

#include "vfs.h"

#define VCACHE_STRIPES	64

struct stripe {
	struct kmutex st_lock;
	struct kcondvar st_cv;		/* a vnode was loaded, or left */
	struct list *st_buckets;	/* [st_lock] */
	unsigned st_nbuckets;		/* [st_lock] a power of two */
	unsigned st_count;		/* [st_lock] hashed */
	unsigned st_nlru;		/* [st_lock] */
	struct list st_lru;		/* [st_lock] the hand is at the head */
} __cacheline_aligned;

extern struct stripe vcache_stripes[VCACHE_STRIPES];

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
	return &vcache_stripes[h % VCACHE_STRIPES];
}

static inline struct stripe *
vnode_stripe(struct vnode *vp)
{
	return vstripe(vhash(vp->v_mount, vp->v_ino));
}

static inline struct list *
vbucket(struct stripe *st, uint64_t h)
{
	return &st->st_buckets[(h / VCACHE_STRIPES) & (st->st_nbuckets - 1)];
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

/* Off the candidates. The stripe is locked. */
static inline void
stripe_unlru(struct stripe *st, struct vnode *vp)
{

	if ((vnode_cflags(vp) & VC_LRU) != 0) {
		list_remove(&vp->v_lru);
		st->st_nlru--;
		cflags_clear(vp, VC_LRU);
	}
}

/** v_refs is VREF_DEAD, and the caller's doing: the vnode goes. No locks. */
void vnode_reclaim(struct vnode *vp);
/** The last reference is about to go: a candidate for reclaim. */
void vcache_candidate(struct vnode *vp);
/** Memory is short: the next trim keeps no candidates. @return 0 */
size_t vcache_pressure(size_t want);
void vcache_trim_init(void);

#endif
