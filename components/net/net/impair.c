/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Impairment of interfaces: rump/net/impair.h.
 *
 * A direction's queue is sorted by when packets leave; equal ones keep their order. A
 * callout takes out what is due. The whole is freed through an epoch: id_dead
 * tells who still holds it. Lock order: ifnet_lock -> id_lock.
 */
#include <kern/proc.h>
#include <kern/random.h>
#include <kern/time.h>

#include <rump/net/impair.h>

#include "net.h"

#define DEFAULT_LIMIT	1000u
#define HOUR		(UINT64_C(3600) * NS_PER_SEC)

struct held {
	struct held *h_next;
	struct mbuf *h_m;
	nstime_t h_due;
};

/* i  id_lock   I  immutable */
struct impair_dir {
	struct kspin id_lock;
	struct ifnet *id_ifp;		/* [I] attached while this is */
	int id_dir;			/* [I] */
	bool id_on, id_dead;		/* [i] */
	bool id_bad;			/* [i] state of Gilbert and Elliott */
	struct rump_impair id_ri;	/* [i] */
	struct rump_impair_stats id_rs;	/* [i] */
	uint64_t id_rng;		/* [i] */
	nstime_t id_free;		/* [i] when the line is */
	nstime_t id_last;		/* [i] when the last one leaves */
	struct held *id_head;		/* [i] */
	uint32_t id_len;		/* [i] */
	struct callout id_callout;
};

struct impair {
	struct if_impair im_if;
	struct impair_dir im_dir[2];
	struct epoch_entry im_epoch;
};

static struct lock_class impair_lc = LOCK_CLASS("impair", LC_NESTS);

/* ---- Chance: id_lock held ------------------------------------------------------------- */

/* xorshift64* (Vigna 2016). */
static uint64_t
draw(struct impair_dir *id)
{
	uint64_t x = id->id_rng;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	id->id_rng = x;
	return x * 0x2545f4914f6cdd1dull;
}

/* With a probability in millionths. A certain one draws nothing. */
static bool
chance(struct impair_dir *id, uint32_t p)
{
	return p >= RUMP_IMPAIR_ALWAYS ||
	    (p != 0 && (draw(id) >> 32) * RUMP_IMPAIR_ALWAYS >> 32 < p);
}

static nstime_t
jitter(struct impair_dir *id)
{
	const struct rump_impair *ri = &id->id_ri;
	int64_t sum = 0;
	int i;

	if (ri->ri_jitter == 0)
		return 0;
	if (ri->ri_dist == RUMP_IMPAIR_UNIFORM)
		return (nstime_t)(draw(id) % (2 * ri->ri_jitter + 1)) -
		    (nstime_t)ri->ri_jitter;
	/* The sum of twelve even ones has the deviation 1. */
	for (i = 0; i < 12; i++)
		sum += (int64_t)(draw(id) >> 44);	/* below 2^20 */
	return (nstime_t)((__int128)(sum - (INT64_C(6) << 20)) *
	    (int64_t)ri->ri_jitter >> 20);
}

static bool
is_lost(struct impair_dir *id)
{
	const struct rump_impair *ri = &id->id_ri;
	bool lost = chance(id, ri->ri_loss);

	if (ri->ri_ge_bad != 0) {
		if (chance(id, id->id_bad ? ri->ri_ge_good : ri->ri_ge_bad))
			id->id_bad = !id->id_bad;
		lost |= chance(id, id->id_bad ? ri->ri_ge_loss_bad :
		    ri->ri_ge_loss_good);
	}
	return lost;
}

/* ---- Time: id_lock held ---------------------------------------------------------------- */

/* When does a packet of n bytes leave? */
static nstime_t
due(struct impair_dir *id, nstime_t now, uint32_t n)
{
	const struct rump_impair *ri = &id->id_ri;
	nstime_t t = now, burst;

	if (ri->ri_rate != 0) {
		burst = (nstime_t)((unsigned __int128)ri->ri_burst *
		    NS_PER_SEC / ri->ri_rate);
		id->id_free = MAX(id->id_free, now - burst) +
		    (nstime_t)((unsigned __int128)n * NS_PER_SEC /
		    ri->ri_rate);
		t = MAX(now, id->id_free);
	}
	if (ri->ri_reorder != 0 && chance(id, ri->ri_reorder)) {
		id->id_rs.rs_reordered++;
		return t;
	}
	t = MAX(t, t + (nstime_t)ri->ri_delay + jitter(id));
	if ((ri->ri_flags & RUMP_IMPAIR_INORDER) != 0)
		t = MAX(t, id->id_last);
	id->id_last = t;
	return t;
}

static bool
hold(struct impair_dir *id, struct mbuf *m, nstime_t t)
{
	struct held **pp = &id->id_head, *h;
	uint32_t limit = id->id_ri.ri_limit != 0 ? id->id_ri.ri_limit :
	    DEFAULT_LIMIT;

	h = id->id_len < limit ? kmem_alloc(sizeof(*h), KM_NORECLAIM) : NULL;
	if (h == NULL) {
		id->id_rs.rs_overflowed++;
		return false;
	}
	while (*pp != NULL && (*pp)->h_due <= t)
		pp = &(*pp)->h_next;
	*h = (struct held){ *pp, m, t };
	*pp = h;
	id->id_len++;
	if (id->id_head == h)
		callout_schedule(&id->id_callout, t);
	return true;
}

/* Those that leave by now, linked by m_nextpkt. */
static struct mbuf *
release(struct impair_dir *id, nstime_t now)
{
	struct mbuf *out = NULL, **tail = &out;
	struct held *h;

	while ((h = id->id_head) != NULL && h->h_due <= now) {
		id->id_head = h->h_next;
		id->id_len--;
		*tail = h->h_m;
		tail = &h->h_m->m_nextpkt;
		kmem_free(h, sizeof(*h));
	}
	*tail = NULL;
	return out;
}

static void
impair_timer(void *arg)
{
	struct impair_dir *id = arg;
	struct mbuf *m = NULL;

	netisr_enter();
	spin_lock(&id->id_lock);
	if (!id->id_dead) {
		m = release(id, mono_now());
		if (id->id_head != NULL)
			callout_schedule(&id->id_callout, id->id_head->h_due);
	}
	spin_unlock(&id->id_lock);
	if (m != NULL && id->id_dir == RUMP_IMPAIR_OUT)
		(void)if_transmit_direct(id->id_ifp, m);
	else if (m != NULL)
		if_input_direct(id->id_ifp, m);
	netisr_exit();
}

/* ---- Packets ------------------------------------------------------------------------------ */

/* One bit behind the link header. NULL: no memory, or nothing to change. */
static struct mbuf *
corrupt(struct impair_dir *id, struct mbuf *m)
{
	uint32_t skip = id->id_ifp->if_ltype->ilt_hdrlen, n, bit;

	if (m->m_ph.ph_csum == MCSUM_PARTIAL && m_cksum_complete(&m) != 0) {
		m_freem(m);
		return NULL;
	}
	n = m->m_ph.ph_len;
	if (n <= skip)
		return m;
	m = m_makewritable(m, n);
	if (m == NULL)
		return NULL;
	bit = (uint32_t)(draw(id) % ((uint64_t)(n - skip) * 8));
	m->m_data[skip + bit / 8] ^= (uint8_t)(1u << (bit & 7));
	m->m_ph.ph_csum = MCSUM_NONE;
	id->id_rs.rs_corrupted++;
	return m;
}

/* id_lock held. m is taken over. */
static void
impair_packet(struct impair_dir *id, struct mbuf *m, nstime_t now)
{
	struct mbuf *twin = NULL;

	m->m_nextpkt = NULL;
	id->id_rs.rs_packets++;
	if (is_lost(id)) {
		id->id_rs.rs_lost++;
		m_freem(m);
		return;
	}
	if (chance(id, id->id_ri.ri_dup)) {
		twin = m_copym(m, 0, SIZE_MAX, M_PKTHDR);
		id->id_rs.rs_duplicated += twin != NULL;
	}
	if (chance(id, id->id_ri.ri_corrupt))
		m = corrupt(id, m);
	if (m != NULL && !hold(id, m, due(id, now, m->m_ph.ph_len)))
		m_freem(m);
	if (twin != NULL && !hold(id, twin, due(id, now,
	    twin->m_ph.ph_len)))
		m_freem(twin);
}

static struct mbuf *
impair_batch(struct impair_dir *id, struct mbuf *batch)
{
	nstime_t now = mono_now();
	struct mbuf *m, *next, *segs, *last;

	spin_lock(&id->id_lock);
	if (!id->id_on || id->id_dead) {
		spin_unlock(&id->id_lock);
		return batch;
	}
	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		if (m->m_ph.ph_gso == MGSO_NONE) {
			impair_packet(id, m, now);
			continue;
		}
		segs = gso_segment(m);
		if (segs == NULL)
			continue;
		for (last = segs; last->m_nextpkt != NULL;
		    last = last->m_nextpkt)
			continue;
		last->m_nextpkt = next;
		next = segs;
	}
	m = release(id, now);
	spin_unlock(&id->id_lock);
	return m;
}

static struct mbuf *
impair_out(struct if_impair *ii, struct ifnet *ifp __maybe_unused,
    struct mbuf *m)
{
	return impair_batch(&container_of(ii, struct impair, im_if)->
	    im_dir[RUMP_IMPAIR_OUT], m);
}

static struct mbuf *
impair_in(struct if_impair *ii, struct ifnet *ifp __maybe_unused,
    struct mbuf *m)
{
	return impair_batch(&container_of(ii, struct impair, im_if)->
	    im_dir[RUMP_IMPAIR_IN], m);
}

/* ---- Life: ifnet_lock held ------------------------------------------------------------------ */

static void
impair_free(struct epoch_entry *ee)
{
	struct impair *im = container_of(ee, struct impair, im_epoch);

	spin_fini(&im->im_dir[0].id_lock);
	spin_fini(&im->im_dir[1].id_lock);
	kmem_free(im, sizeof(*im));
}

static void
impair_gone(struct if_impair *ii, struct ifnet *ifp __maybe_unused)
{
	struct impair *im = container_of(ii, struct impair, im_if);
	struct impair_dir *id;
	struct mbuf *m;

	for (id = im->im_dir; id < &im->im_dir[2]; id++) {
		spin_lock(&id->id_lock);
		id->id_dead = true;
		m = release(id, NSTIME_FOREVER);
		spin_unlock(&id->id_lock);
		(void)callout_stop(&id->id_callout);
		m_freelist(m);
	}
	epoch_defer(&im->im_epoch, impair_free);
}

static struct impair *
impair_of(struct ifnet *ifp)
{
	struct if_impair *ii = atomic_load(&ifp->if_impair);

	return ii != NULL && ii->im_gone == impair_gone ?
	    container_of(ii, struct impair, im_if) : NULL;
}

static struct impair *
impair_create(struct ifnet *ifp)
{
	struct impair *im;
	int i;

	im = kmem_zalloc(sizeof(*im), 0);
	if (im == NULL)
		return NULL;
	im->im_if = (struct if_impair){ impair_out, impair_in, impair_gone };
	for (i = 0; i < 2; i++) {
		spin_init(&im->im_dir[i].id_lock, &impair_lc);
		im->im_dir[i].id_ifp = ifp;
		im->im_dir[i].id_dir = i;
		callout_init(&im->im_dir[i].id_callout, impair_timer,
		    &im->im_dir[i]);
	}
	atomic_store_explicit(&ifp->if_impair, &im->im_if,
	    memory_order_release);
	return im;
}

static int
impair_check(const struct rump_impair *ri)
{
	const uint32_t p[] = { ri->ri_loss, ri->ri_ge_bad, ri->ri_ge_good,
	    ri->ri_ge_loss_good, ri->ri_ge_loss_bad, ri->ri_dup,
	    ri->ri_reorder, ri->ri_corrupt };
	size_t i;

	for (i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		if (p[i] > RUMP_IMPAIR_ALWAYS)
			return EINVAL;
	return ri->ri_delay > HOUR || ri->ri_jitter > HOUR ||
	    ri->ri_dist > RUMP_IMPAIR_NORMAL ||
	    (ri->ri_flags & ~(uint32_t)RUMP_IMPAIR_INORDER) != 0 ? EINVAL : 0;
}

static int
impair_set(struct ifnet *ifp, int dir, const struct rump_impair *ri)
{
	struct impair *im = impair_of(ifp);
	uint64_t seed = ri->ri_seed;
	struct impair_dir *id;

	while (seed == 0)
		if (random_bytes(&seed, sizeof(seed)) != 0)
			seed = 1;
	if (im == NULL)
		im = impair_create(ifp);
	if (im == NULL)
		return ENOMEM;
	id = &im->im_dir[dir];
	spin_lock(&id->id_lock);
	id->id_ri = *ri;
	id->id_rs = (struct rump_impair_stats){ .rs_packets = 0 };
	id->id_rng = seed;
	id->id_bad = false;
	id->id_free = id->id_last = 0;
	id->id_on = true;
	spin_unlock(&id->id_lock);
	return 0;
}

/* ---- The application's calls ------------------------------------------------------------------ */

/* With ifnet_lock held. @return ENXIO */
static int
lock_if(const char *ifname, struct vnet **vnp, struct ifnet **ifpp)
{
	if (ifname == NULL)
		return EFAULT;
	(void)curlwp_get();
	*vnp = curvnet();
	ifnet_lock(*vnp);
	*ifpp = strnlen(ifname, IFNAMSIZ) < IFNAMSIZ ?
	    if_byname(*vnp, ifname) : NULL;
	if (*ifpp != NULL)
		return 0;
	ifnet_unlock(*vnp);
	return ENXIO;
}

int
rump_pub_impair_set(const char *ifname, int dir, const struct rump_impair *ri)
{
	struct ifnet *ifp;
	struct vnet *vn;
	int error;

	if (dir != RUMP_IMPAIR_OUT && dir != RUMP_IMPAIR_IN)
		return EINVAL;
	error = impair_check(ri);
	if (error == 0)
		error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	error = impair_set(ifp, dir, ri);
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_impair_get(const char *ifname, int dir, struct rump_impair *ri,
    struct rump_impair_stats *rs)
{
	struct impair_dir *id;
	struct ifnet *ifp;
	struct impair *im;
	struct vnet *vn;
	int error;

	if (dir != RUMP_IMPAIR_OUT && dir != RUMP_IMPAIR_IN)
		return EINVAL;
	error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	im = impair_of(ifp);
	if (im == NULL || !im->im_dir[dir].id_on) {
		error = ENOENT;
	} else {
		id = &im->im_dir[dir];
		spin_lock(&id->id_lock);
		*ri = id->id_ri;
		if (rs != NULL)
			*rs = id->id_rs;
		spin_unlock(&id->id_lock);
	}
	ifnet_unlock(vn);
	return error;
}

int
rump_pub_impair_clear(const char *ifname)
{
	struct ifnet *ifp;
	struct impair *im;
	struct vnet *vn;
	int error;

	error = lock_if(ifname, &vn, &ifp);
	if (error != 0)
		return error;
	im = impair_of(ifp);
	if (im != NULL) {
		atomic_store(&ifp->if_impair, NULL);
		impair_gone(&im->im_if, ifp);
	}
	ifnet_unlock(vn);
	return im != NULL ? 0 : ENOENT;
}
