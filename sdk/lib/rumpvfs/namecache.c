/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache: what a name in a directory leads to, or that it does not
 * exist, found without a lock.
 *
 * Entries hold no references. An entry goes when its name changes (the
 * directory is locked X), or when one of its two vnodes is taken away, or when
 * the cache is full. It is marked dead before it is unlinked, so a walker that
 * took a reference to nc_vp and then finds the entry alive has the file that
 * the name meant at that moment, and in time to keep it.
 *
 * The table grows by building a new one: entries have a link for each of two
 * generations, so that walkers in the old table are not disturbed; the next
 * growth waits until they are gone.
 *
 * Lock order: v_ilock of the directory -> v_ilock of the vnode -> stripe.
 * The lists of an entry belong to: nc_child the directory's v_ilock, nc_name
 * the vnode's, nc_lru and nc_next the stripe; nc_dead needs all three.
 */
#include <kern/sysctl.h>

#include "vfs.h"

#define NSTRIPES	32		/* all are held while the table grows */
#define MINBUCKETS	1024
#define MAXBUCKETS	(1u << 20)

struct ncentry {
	_Atomic(struct ncentry *) nc_next[2];	/* by the table's generation */
	struct vnode *nc_dvp;		/* [I] */
	struct vnode *nc_vp;		/* [I] NULL: no such name */
	uint32_t nc_hash;		/* [I] */
	uint8_t nc_len;			/* [I] */
	_Atomic uint8_t nc_dead;
	_Atomic uint8_t nc_ref;		/* used since the hand came by */
	union {
		struct {
			struct list nc_child, nc_name, nc_lru;
		};
		struct epoch_entry nc_epoch;	/* when dead */
	};
	uint64_t nc_str[];		/* [I] padded with zeros */
};

/* Names up to this length share a pool. */
#define SMALL_NAME	32
#define ENTRY_SIZE(len)	(sizeof(struct ncentry) + roundup2((size_t)(len), 8))

struct nctable {
	unsigned nt_mask;
	unsigned nt_gen;		/* 0 or 1 */
	size_t nt_size;
	struct epoch_entry nt_epoch;
	_Atomic(struct ncentry *) nt_head[];
};

struct ncstripe {
	struct kspin ns_lock;
	struct list ns_lru;
	unsigned ns_count;
} __cacheline_aligned;

static struct lock_class stripe_class = LOCK_CLASS("namecache", LC_NESTS);
static struct ncstripe stripes[NSTRIPES];
static _Atomic(struct nctable *) table;	/* changed with all stripes locked */
static _Atomic bool table_busy;		/* an old table may have readers */
static struct pool *nc_pool;
static _Atomic uint64_t namecache_max = 131072;

static inline uint64_t
load_word(const void *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* The last n bytes (1..7) of a name as a word padded with zeros. */
static inline uint64_t
load_tail(const char *p, size_t n)
{
	uint64_t w = 0;
	size_t i;

	for (i = 0; i < n; i++)
		w |= (uint64_t)(uint8_t)p[i] << (8 * i);
	return w;
}

uint32_t
name_hash(const char *name, size_t len)
{
	uint64_t h = 0;

	for (; len >= 8; len -= 8, name += 8)
		h = name_hash_word(h, load_word(name));
	if (len > 0)
		h = name_hash_word(h, load_tail(name, len));
	return (uint32_t)h;
}

static inline unsigned
nc_index(const struct vnode *dvp, uint32_t hash)
{
	uint64_t h;

	h = (((uintptr_t)dvp >> 6) ^ hash) * NAME_HASH_MUL;
	return (unsigned)(h >> 40);
}

/* Entries of one bucket share a stripe in every table: the low bits. */
static inline struct ncstripe *
nc_stripe(const struct vnode *dvp, uint32_t hash)
{
	return &stripes[nc_index(dvp, hash) % NSTRIPES];
}

static inline bool
nc_equal(const struct ncentry *nc, const char *name, size_t len)
{
	const uint64_t *w = nc->nc_str;

	for (; len >= 8; len -= 8, name += 8)
		if (*w++ != load_word(name))
			return false;
	return len == 0 || *w == load_tail(name, len);
}

/* ---- Reading ----------------------------------------------------------- */

static struct ncentry *
nc_find(const struct vnode *dvp, const struct componentname *cnp)
{
	struct nctable *nt;
	struct ncentry *nc;

	nt = atomic_load_explicit(&table, memory_order_acquire);
	nc = atomic_load_explicit(
	    &nt->nt_head[nc_index(dvp, cnp->cn_hash) & nt->nt_mask],
	    memory_order_acquire);
	for (; nc != NULL; nc = atomic_load_explicit(
	    &nc->nc_next[nt->nt_gen], memory_order_acquire)) {
		if (nc->nc_hash == cnp->cn_hash && nc->nc_dvp == dvp &&
		    nc->nc_len == cnp->cn_len &&
		    !atomic_load_explicit(&nc->nc_dead, memory_order_acquire) &&
		    nc_equal(nc, cnp->cn_name, cnp->cn_len))
			return nc;
	}
	return NULL;
}

enum nc_result
namecache_find(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp, struct ncentry **ncp)
{
	struct ncentry *nc;

	nc = nc_find(dvp, cnp);
	if (nc == NULL)
		return NC_MISS;
	if (!atomic_load_explicit(&nc->nc_ref, memory_order_relaxed))
		atomic_store_explicit(&nc->nc_ref, 1, memory_order_relaxed);
	*ncp = nc;
	*vpp = nc->nc_vp;
	return nc->nc_vp != NULL ? NC_HIT : NC_NEGATIVE;
}

bool
namecache_live(struct ncentry *nc)
{
	return !atomic_load_explicit(&nc->nc_dead, memory_order_seq_cst);
}

enum nc_result
namecache_lookup(struct vnode *dvp, const struct componentname *cnp,
    struct vnode **vpp)
{
	struct ncentry *nc;
	enum nc_result r;

	epoch_enter();
	r = namecache_find(dvp, cnp, vpp, &nc);
	if (r == NC_HIT && !vnode_tryhold(*vpp))
		r = NC_MISS;
	else if (r == NC_HIT && !namecache_live(nc)) {
		epoch_exit();
		vnode_rele(*vpp);
		return NC_MISS;
	}
	epoch_exit();
	return r;
}

struct vnode *
namecache_parent(struct vnode *vp)
{
	struct vnode *dvp = NULL;

	spin_lock(&vp->v_ilock);
	if (!list_empty(&vp->v_names))
		dvp = list_first(&vp->v_names, struct ncentry, nc_name)->nc_dvp;
	spin_unlock(&vp->v_ilock);
	return dvp;
}

int
namecache_name(struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct ncentry *nc;
	int error = ENOENT;

	epoch_enter();
	spin_lock(&vp->v_ilock);
	if (!list_empty(&vp->v_names)) {
		nc = list_first(&vp->v_names, struct ncentry, nc_name);
		if (vnode_tryhold(nc->nc_dvp)) {
			*dvpp = nc->nc_dvp;
			memcpy(name, nc->nc_str, nc->nc_len);
			name[nc->nc_len] = '\0';
			error = 0;
		}
	}
	spin_unlock(&vp->v_ilock);
	epoch_exit();
	return error;
}

bool
namecache_watched(struct vnode *vp, unsigned nth, struct vnode **dvpp,
    char *name, size_t *lenp)
{
	struct ncentry *nc;
	struct list *n;
	bool found = false;

	spin_lock(&vp->v_ilock);
	LIST_FOREACH(n, &vp->v_names) {
		nc = container_of(n, struct ncentry, nc_name);
		if ((vnode_cflags(nc->nc_dvp) & VC_WATCHED) == 0 || nth-- > 0)
			continue;
		*dvpp = nc->nc_dvp;
		*lenp = nc->nc_len;
		memcpy(name, nc->nc_str, nc->nc_len);
		found = true;
		break;
	}
	spin_unlock(&vp->v_ilock);
	return found;
}

/* ---- Writing ----------------------------------------------------------- */

static void
nc_free(struct epoch_entry *ee)
{
	struct ncentry *nc = container_of(ee, struct ncentry, nc_epoch);

	if (nc->nc_len <= SMALL_NAME)
		pool_put(nc_pool, nc);
	else
		kmem_free(nc, ENTRY_SIZE(nc->nc_len));
}

static struct ncentry *
nc_alloc(struct vnode *dvp, struct vnode *vp, const struct componentname *cnp)
{
	struct ncentry *nc;
	const char *s = cnp->cn_name;
	size_t len = cnp->cn_len;
	uint64_t *w;

	if (len <= SMALL_NAME)
		nc = pool_get(nc_pool, KM_NORECLAIM);
	else
		nc = kmem_alloc(ENTRY_SIZE(len), KM_NORECLAIM);
	if (nc == NULL)
		return NULL;
	nc->nc_dvp = dvp;
	nc->nc_vp = vp;
	nc->nc_hash = cnp->cn_hash;
	nc->nc_len = (uint8_t)len;
	atomic_init(&nc->nc_dead, 0);
	atomic_init(&nc->nc_ref, 0);
	for (w = nc->nc_str; len >= 8; len -= 8, s += 8)
		*w++ = load_word(s);
	if (len > 0)
		*w = load_tail(s, len);
	return nc;
}

static void
nc_lock(struct vnode *dvp, struct vnode *vp, struct ncstripe *ns)
{

	spin_lock(&dvp->v_ilock);
	if (vp != NULL)
		spin_lock(&vp->v_ilock);
	spin_lock(&ns->ns_lock);
}

static void
nc_unlock(struct vnode *dvp, struct vnode *vp, struct ncstripe *ns)
{

	spin_unlock(&ns->ns_lock);
	if (vp != NULL)
		spin_unlock(&vp->v_ilock);
	spin_unlock(&dvp->v_ilock);
}

/* Everything that nc's lists need is locked. */
static void
nc_unlink(struct ncentry *nc, struct ncstripe *ns)
{
	struct nctable *nt;
	_Atomic(struct ncentry *) *np;
	struct ncentry *n;

	atomic_store_explicit(&nc->nc_dead, 1, memory_order_seq_cst);
	nt = atomic_load_explicit(&table, memory_order_relaxed);
	np = &nt->nt_head[nc_index(nc->nc_dvp, nc->nc_hash) & nt->nt_mask];
	while ((n = atomic_load_explicit(np, memory_order_relaxed)) != nc)
		np = &n->nc_next[nt->nt_gen];
	atomic_store_explicit(np, atomic_load_explicit(
	    &nc->nc_next[nt->nt_gen], memory_order_relaxed),
	    memory_order_release);
	list_remove(&nc->nc_child);
	if (nc->nc_vp != NULL)
		list_remove(&nc->nc_name);
	list_remove(&nc->nc_lru);
	ns->ns_count--;
}

/* Under an epoch, because of nc and of the vnodes. */
static void
nc_remove(struct ncentry *nc)
{
	struct vnode *dvp = nc->nc_dvp, *vp = nc->nc_vp;
	struct ncstripe *ns = nc_stripe(dvp, nc->nc_hash);
	bool mine;

	nc_lock(dvp, vp, ns);
	mine = !atomic_load_explicit(&nc->nc_dead, memory_order_relaxed);
	if (mine)
		nc_unlink(nc, ns);
	nc_unlock(dvp, vp, ns);
	if (mine)
		epoch_defer(&nc->nc_epoch, nc_free);
}

/* Its directory wants to hear of the file by this name (notify.c). */
static inline bool
nc_watched(const struct ncentry *nc)
{
	return nc->nc_vp != NULL &&
	    (vnode_cflags(nc->nc_dvp) & VC_WATCHED) != 0;
}

/* Under an epoch: an entry that was not used lately, if there are too many. */
static struct ncentry *
nc_victim(struct ncstripe *ns)
{
	struct ncentry *nc;
	unsigned i;

	if (ns->ns_count <= namecache_max / NSTRIPES)
		return NULL;
	for (i = 0; i < 8 && !list_empty(&ns->ns_lru); i++) {
		nc = list_first(&ns->ns_lru, struct ncentry, nc_lru);
		if (!atomic_load_explicit(&nc->nc_ref, memory_order_relaxed) &&
		    !nc_watched(nc))
			return nc;
		atomic_store_explicit(&nc->nc_ref, 0, memory_order_relaxed);
		list_remove(&nc->nc_lru);
		list_insert_tail(&ns->ns_lru, &nc->nc_lru);
	}
	if (list_empty(&ns->ns_lru))
		return NULL;
	nc = list_first(&ns->ns_lru, struct ncentry, nc_lru);
	return nc_watched(nc) ? NULL : nc;
}

static struct nctable *
table_alloc(unsigned n, unsigned gen)
{
	struct nctable *nt;
	size_t size = sizeof(*nt) + n * sizeof(nt->nt_head[0]);

	nt = kmem_zalloc(size, KM_NORECLAIM);
	if (nt == NULL)
		return NULL;
	nt->nt_mask = n - 1;
	nt->nt_gen = gen;
	nt->nt_size = size;
	return nt;
}

static void
table_free(struct epoch_entry *ee)
{
	struct nctable *nt = container_of(ee, struct nctable, nt_epoch);

	kmem_free(nt, nt->nt_size);
	atomic_store(&table_busy, false);
}

/* Double the table. Without memory the chains get longer. */
static void
table_grow(void)
{
	struct nctable *ot, *nt;
	struct ncentry *nc;
	unsigned i, n;

	if (atomic_exchange(&table_busy, true)) {
		/* The table before this one may only wait to be freed. */
		epoch_drain();
		if (atomic_exchange(&table_busy, true))
			return;
	}
	ot = atomic_load_explicit(&table, memory_order_acquire);
	nt = table_alloc(2 * (ot->nt_mask + 1), !ot->nt_gen);
	if (nt == NULL) {
		atomic_store(&table_busy, false);
		return;
	}
	for (i = 0; i < NSTRIPES; i++)
		spin_lock(&stripes[i].ns_lock);
	for (i = 0; i <= ot->nt_mask; i++) {
		nc = atomic_load_explicit(&ot->nt_head[i],
		    memory_order_relaxed);
		for (; nc != NULL; nc = atomic_load_explicit(
		    &nc->nc_next[ot->nt_gen], memory_order_relaxed)) {
			n = nc_index(nc->nc_dvp, nc->nc_hash) & nt->nt_mask;
			atomic_store_explicit(&nc->nc_next[nt->nt_gen],
			    atomic_load_explicit(&nt->nt_head[n],
			    memory_order_relaxed), memory_order_relaxed);
			atomic_store_explicit(&nt->nt_head[n], nc,
			    memory_order_relaxed);
		}
	}
	atomic_store_explicit(&table, nt, memory_order_release);
	for (i = NSTRIPES; i > 0; i--)
		spin_unlock(&stripes[i - 1].ns_lock);
	epoch_defer(&ot->nt_epoch, table_free);
}

/* All locks held; returns an entry of the same name that is in the way. */
static struct ncentry *
nc_insert(struct ncentry *nc, struct ncstripe *ns)
{
	struct componentname cn = {
		.cn_name = (const char *)nc->nc_str,
		.cn_len = nc->nc_len,
		.cn_hash = nc->nc_hash,
	};
	struct nctable *nt;
	struct ncentry *old;
	_Atomic(struct ncentry *) *head;

	old = nc_find(nc->nc_dvp, &cn);
	if (old != NULL)
		return old;
	nt = atomic_load_explicit(&table, memory_order_relaxed);
	head = &nt->nt_head[nc_index(nc->nc_dvp, nc->nc_hash) & nt->nt_mask];
	atomic_store_explicit(&nc->nc_next[nt->nt_gen],
	    atomic_load_explicit(head, memory_order_relaxed),
	    memory_order_relaxed);
	atomic_store_explicit(head, nc, memory_order_release);
	list_insert_head(&nc->nc_dvp->v_children, &nc->nc_child);
	if (nc->nc_vp != NULL)
		list_insert_head(&nc->nc_vp->v_names, &nc->nc_name);
	list_insert_tail(&ns->ns_lru, &nc->nc_lru);
	ns->ns_count++;
	return NULL;
}

void
namecache_enter(struct vnode *dvp, struct vnode *vp,
    const struct componentname *cnp)
{
	struct ncstripe *ns = nc_stripe(dvp, cnp->cn_hash);
	struct ncentry *nc, *old, *victim;
	bool grow, done;

	if ((atomic_load_explicit(&dvp->v_flags, memory_order_relaxed) &
	    VV_NOCACHE) != 0 || dvp == vp)
		return;
	nc = nc_alloc(dvp, vp, cnp);
	if (nc == NULL)
		return;
	epoch_enter();
	do {
		nc_lock(dvp, vp, ns);
		old = NULL;
		done = true;
		if (vnode_doomed(dvp) || (vp != NULL && vnode_doomed(vp)))
			old = nc;
		else
			old = nc_insert(nc, ns);
		victim = nc_victim(ns);
		grow = ns->ns_count * NSTRIPES > 2 * (atomic_load_explicit(
		    &table, memory_order_relaxed)->nt_mask + 1);
		nc_unlock(dvp, vp, ns);
		if (old != NULL && old != nc && old->nc_vp != vp) {
			nc_remove(old);
			done = false;
		}
	} while (!done);
	if (victim != NULL && victim != nc)
		nc_remove(victim);
	epoch_exit();
	if (old != NULL)
		nc_free(&nc->nc_epoch);
	if (grow && namecache_max / 2 >= MINBUCKETS)
		table_grow();
}

void
namecache_remove(struct vnode *dvp, const struct componentname *cnp)
{
	struct ncentry *nc;

	epoch_enter();
	nc = nc_find(dvp, cnp);
	if (nc != NULL)
		nc_remove(nc);
	epoch_exit();
}

void
namecache_purge(struct vnode *vp)
{
	struct ncentry *nc;

	epoch_enter();
	for (;;) {
		spin_lock(&vp->v_ilock);
		if (!list_empty(&vp->v_children))
			nc = list_first(&vp->v_children, struct ncentry,
			    nc_child);
		else if (!list_empty(&vp->v_names))
			nc = list_first(&vp->v_names, struct ncentry, nc_name);
		else
			nc = NULL;
		spin_unlock(&vp->v_ilock);
		if (nc == NULL)
			break;
		nc_remove(nc);
	}
	epoch_exit();
}

/* ---- Start ------------------------------------------------------------- */

static uint64_t
namecache_count(void)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < NSTRIPES; i++) {
		spin_lock(&stripes[i].ns_lock);
		n += stripes[i].ns_count;
		spin_unlock(&stripes[i].ns_lock);
	}
	return n;
}

static struct sysctl sy_max = {
	.sy_name = "vfs.namecache.max",
	.sy_descr = "names that are kept",
	.sy_type = SYSCTL_U64,
	.sy_flags = SYSCTL_RW,
	.sy_u64 = &namecache_max,
};
static struct sysctl sy_count = {
	.sy_name = "vfs.namecache.count",
	.sy_descr = "names in the cache",
	.sy_type = SYSCTL_U64,
	.sy_get = namecache_count,
};

int
namecache_init(void)
{
	struct nctable *nt;
	unsigned i;

	nc_pool = pool_create("namecache", ENTRY_SIZE(SMALL_NAME), 0);
	nt = table_alloc(MINBUCKETS, 0);
	if (nc_pool == NULL || nt == NULL)
		return ENOMEM;
	for (i = 0; i < NSTRIPES; i++) {
		spin_init(&stripes[i].ns_lock, &stripe_class);
		list_init(&stripes[i].ns_lru);
	}
	atomic_store(&table, nt);
	(void)sysctl_register(&sy_max);
	(void)sysctl_register(&sy_count);
	return 0;
}
