/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: vnodes without references, and who has to go.
 *
 * Each stripe keeps its share of the limit. Above it the hand of its clock goes
 * round the candidates, with bounded work: it passes over those that were used
 * since it last came by, has dirty ones written, and reclaims the rest. That
 * takes locks of file systems, so nobody does it where memory is asked for, or
 * where a vnode is let go of: vcache_excess is set, and the next walk of a
 * path, which holds none, trims.
 */
#include "vcache_impl.h"

#include <kern/sysctl.h>

#define HAND_STEPS	16u

static _Atomic uint64_t vnodes_max = 65536;
static _Atomic unsigned trim_hand;
static _Atomic bool pressed;		/* memory is short: keep none */
_Atomic bool vcache_excess;

void
vcache_candidate(struct vnode *vp)
{
	struct stripe *st;

	st = vnode_stripe(vp);
	mutex_enter(&st->st_lock);
	if ((vnode_cflags(vp) & (VC_LRU | VC_HASHED)) == VC_HASHED) {
		list_insert_tail(&st->st_lru, &vp->v_lru);
		cflags_set(vp, VC_LRU);
		if (++st->st_nlru > vnodes_max / VCACHE_STRIPES)
			atomic_store_explicit(&vcache_excess, true,
			    memory_order_relaxed);
	}
	mutex_exit(&st->st_lock);
}

/* Advance the hand some steps; a victim is ours (VREF_DEAD). */
static struct vnode *
stripe_victim(struct stripe *st, struct vnode **dirtyp)
{
	struct vnode *vp;
	uint32_t zero;
	unsigned i, f;

	for (i = HAND_STEPS; i > 0 && st->st_nlru > 0; i--) {
		vp = list_first(&st->st_lru, struct vnode, v_lru);
		list_remove(&vp->v_lru);
		list_insert_tail(&st->st_lru, &vp->v_lru);
		f = vnode_cflags(vp);
		if ((f & VC_WATCHED) != 0) {
			stripe_unlru(st, vp);
			continue;
		}
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
			if ((vnode_cflags(vp) & VC_WATCHED) == 0)
				return vp;
			/* Somebody came, marked it, and left. */
			atomic_store(&vp->v_refs, 0);
			cv_broadcast(&st->st_cv);
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
	uint64_t max = vnodes_max / VCACHE_STRIPES;
	unsigned i, hand, stuck = 0;
	enum trimmed t;

	if (atomic_exchange_explicit(&pressed, false, memory_order_relaxed)) {
		max = 0;
		n += 64;
	}
	hand = atomic_fetch_add_explicit(&trim_hand, 1, memory_order_relaxed);
	for (i = 0; i < VCACHE_STRIPES && stuck < 4; i++) {
		do {
			t = stripe_trim(&vcache_stripes[(hand + i) %
			    VCACHE_STRIPES], max);
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

/* ---- Start -------------------------------------------------------------- */

size_t
vcache_pressure(size_t want __maybe_unused)
{

	atomic_store_explicit(&pressed, true, memory_order_relaxed);
	atomic_store_explicit(&vcache_excess, true, memory_order_relaxed);
	return 0;
}

static int
vcache_setmax(uint64_t v)
{

	if (v < VCACHE_STRIPES)
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
static struct kmem_reclaim vcache_reclaim = {
	.kr_name = "vnodes",
	.kr_fn = vcache_pressure,
};

void
vcache_trim_init(void)
{
	kmem_reclaim_add(&vcache_reclaim);
	(void)sysctl_register(&sy_max);
}
