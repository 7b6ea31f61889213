/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache: clean pages leave when memory is short, or when there are
 * more than vfs.pagecache.max.
 *
 * The leaves of all files with a device are on one list. Reclaim takes them
 * from its head: pages that were used since it last came by lose SLOT_REF and
 * stay, the others go; what is left of the leaf goes to the tail.
 *
 * Everything here only tries for locks: the caller is somebody who allocates.
 */
#include "pc_impl.h"

#include <kern/epoch.h>
#include <kern/sysctl.h>

/* Pages on their way out, behind an epoch. */
#define MORGUE_PAGES	60

struct morgue {
	struct epoch_entry mo_epoch;
	uint32_t mo_n;
	_Atomic bool mo_used;		/* of the static ones */
	void *mo_page[MORGUE_PAGES];
};

static struct lock_class lru_lc = LOCK_CLASS("page cache lru", 0);
static struct kspin lru_lock;
static struct list lru;			/* [lru_lock] */
static unsigned lru_leaves;		/* [lru_lock] */
static struct morgue morgues[16];	/* where there is no memory for one */

_Atomic uint64_t pc_file_pages;
static _Atomic uint64_t max_pages;
static _Atomic uint64_t stat_reclaimed;

/* ---- The list --------------------------------------------------------- */

void
pc_lru_insert(struct pc_leaf *pl)
{
	spin_lock(&lru_lock);
	list_insert_tail(&lru, &pl->pl_lru);
	lru_leaves++;
	spin_unlock(&lru_lock);
}

void
pc_lru_remove(struct pc_leaf *pl)
{
	spin_lock(&lru_lock);
	list_remove(&pl->pl_lru);
	lru_leaves--;
	spin_unlock(&lru_lock);
}

void
pc_lru_replace(struct pc_leaf *old, struct pc_leaf *pl)
{
	spin_lock(&lru_lock);
	list_insert_after(&old->pl_lru, &pl->pl_lru);
	list_remove(&old->pl_lru);
	spin_unlock(&lru_lock);
}

/* ---- The morgue ------------------------------------------------------- */

static struct morgue *
morgue_alloc(void)
{
	struct morgue *mo;
	unsigned i;

	mo = kmem_alloc(sizeof(*mo), KM_NORECLAIM);
	if (mo != NULL) {
		mo->mo_n = 0;
		return mo;
	}
	for (i = 0; i < nitems(morgues); i++)
		if (!atomic_exchange(&morgues[i].mo_used, true)) {
			morgues[i].mo_n = 0;
			return &morgues[i];
		}
	return NULL;
}

static bool
morgue_static(const struct morgue *mo)
{
	return mo >= morgues && mo < morgues + nitems(morgues);
}

static void
morgue_empty(struct epoch_entry *ee)
{
	struct morgue *mo = container_of(ee, struct morgue, mo_epoch);
	uint32_t i;

	for (i = 0; i < mo->mo_n; i++)
		page_free(mo->mo_page[i], 0);
	if (morgue_static(mo))
		atomic_store(&mo->mo_used, false);
	else
		kmem_free(mo, sizeof(*mo));
}

/* ---- Reclaim ---------------------------------------------------------- */

/*
 * The leaf at the head of the list, moved to its tail, with the pc_lock of its
 * file; or NULL. The lock keeps the file: who ends it takes the leaf out
 * first.
 */
static struct pc_leaf *
next_leaf(unsigned *leftp)
{
	struct pc_leaf *pl;

	while (*leftp > 0 && spin_trylock(&lru_lock)) {
		(*leftp)--;
		if (list_empty(&lru)) {
			spin_unlock(&lru_lock);
			return NULL;
		}
		pl = list_first(&lru, struct pc_leaf, pl_lru);
		list_remove(&pl->pl_lru);
		list_insert_tail(&lru, &pl->pl_lru);
		if (mutex_tryenter(&pl->pl_pc->pc_lock)) {
			spin_unlock(&lru_lock);
			return pl;
		}
		spin_unlock(&lru_lock);
	}
	return NULL;
}

/* Take what may go. pc_lock held. Returns how many pages. */
static unsigned
shrink_leaf(struct pagecache *pc, struct pc_leaf *pl, struct morgue *mo)
{
	uint64_t mask;
	unsigned b, n = 0;
	uintptr_t s;

	if (pc->pc_pins != 0)
		return 0;
	mask = pl->pl_present & ~(pl->pl_dirty | pl->pl_wb | pl->pl_load |
	    pl->pl_busy);
	for (; mask != 0 && mo->mo_n < MORGUE_PAGES; mask &= mask - 1) {
		b = (unsigned)__builtin_ctzll(mask);
		s = atomic_fetch_and_explicit(&pl->pl_slot[b], ~SLOT_REF,
		    memory_order_relaxed);
		if ((s & SLOT_REF) != 0)
			continue;
		mo->mo_page[mo->mo_n++] = pc_remove(pc, pl, b);
		n++;
	}
	if (pl->pl_present == 0 && pl->pl_busy == 0)
		pc_leaf_remove(pc, pl);
	return n;
}

size_t
pc_shrink(size_t want)
{
	struct pagecache *pc;
	struct pc_leaf *pl;
	struct morgue *mo;
	unsigned left, n;
	size_t freed = 0;

	mo = morgue_alloc();
	/* Every leaf may be seen twice: used, then not. */
	spin_lock(&lru_lock);
	left = 2 * lru_leaves + 1;
	spin_unlock(&lru_lock);
	while (mo != NULL && freed < want && (pl = next_leaf(&left)) != NULL) {
		pc = pl->pl_pc;
		n = shrink_leaf(pc, pl, mo);
		mutex_exit(&pc->pc_lock);
		freed += n;
		if (mo->mo_n < MORGUE_PAGES)
			continue;
		epoch_defer(&mo->mo_epoch, morgue_empty);
		mo = morgue_alloc();
		if (mo == NULL) {
			epoch_drain();
			mo = morgue_alloc();
		}
	}
	if (mo != NULL)
		epoch_defer(&mo->mo_epoch, morgue_empty);
	if (freed > 0) {
		atomic_fetch_sub_explicit(&pc_file_pages, freed,
		    memory_order_relaxed);
		atomic_fetch_add_explicit(&stat_reclaimed, freed,
		    memory_order_relaxed);
	}
	epoch_drain();
	return freed;
}

static size_t
reclaim(size_t want)
{
	size_t n = howmany(want, PAGE_SIZE), freed;

	freed = pc_shrink(n);
	if (freed < n)
		pc_flush_hurry(false);
	return freed * PAGE_SIZE;
}

void
pc_make_room(size_t n)
{
	uint64_t have, max;

	have = atomic_load_explicit(&pc_file_pages, memory_order_relaxed) + n;
	max = atomic_load_explicit(&max_pages, memory_order_relaxed);
	if (__unlikely(have > max))
		(void)pc_shrink(MAX(have - max, 64u));
	else if (__unlikely(kmem_pressure() > 1))
		(void)pc_shrink(MAX(n, 64u));
}

uint64_t
pc_pages_max(void)
{
	return atomic_load_explicit(&max_pages, memory_order_relaxed);
}

uint64_t
pc_window_max(void)
{
	uint64_t n = pc_pages_max() / 16;

	return n < 4 ? 4 : MIN(n, PC_IO_MAX);
}

static uint64_t
leaf_overhead(void)
{
	return sizeof(struct pc_leaf) / PC_FANOUT + sizeof(pc_slot_t) + 1;
}

static struct sysctl reclaim_sysctls[] = {
	{ .sy_name = "vfs.pagecache.pages",
	  .sy_descr = "pages of files with a device",
	  .sy_type = SYSCTL_U64, .sy_u64 = &pc_file_pages },
	{ .sy_name = "vfs.pagecache.max",
	  .sy_descr = "how many there may be",
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,
	  .sy_u64 = &max_pages },
	{ .sy_name = "vfs.pagecache.reclaimed",
	  .sy_descr = "pages that left for memory",
	  .sy_type = SYSCTL_U64, .sy_u64 = &stat_reclaimed },
	{ .sy_name = "vfs.pagecache.overhead",
	  .sy_descr = "bytes that a page of a big file costs beside itself",
	  .sy_type = SYSCTL_U64, .sy_get = leaf_overhead },
};

static struct kmem_reclaim pc_reclaim = {
	.kr_name = "page cache",
	.kr_fn = reclaim,
};

void
pc_reclaim_init(void)
{
	size_t limit;
	unsigned i;

	spin_init(&lru_lock, &lru_lc);
	list_init(&lru);
	kmem_stats(NULL, NULL, &limit);
	atomic_store(&max_pages, (limit - limit / 8) / PAGE_SIZE);
	for (i = 0; i < nitems(reclaim_sysctls); i++)
		(void)sysctl_register(&reclaim_sysctls[i]);
	kmem_reclaim_add(&pc_reclaim);
}
