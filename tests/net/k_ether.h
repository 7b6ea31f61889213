/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's half of ether.h; included by k_*.c.
 */
#include <kern/ifnet.h>
#include <kern/kmem.h>
#include <kern/string.h>
#include <kern/time.h>

#include "ether.h"

_Static_assert((int)ETHER_TXPACKETS == (int)IFS_TXPACKETS &&
    (int)ETHER_TXDROPS == (int)IFS_TXDROPS &&
    (int)ETHER_RXDROPS == (int)IFS_RXDROPS, "ether.h");

#define RECENT	8192

static struct lock_class ether_lc = LOCK_CLASS("ether test", 0);
static struct kmutex ether_lock;
static struct kcondvar ether_cv;
static struct ether_frame recent[RECENT];
static unsigned received, taken;
static bool keeping;
static struct mbuf *kept;

/* ---- Receiving -------------------------------------------------------------- */

static bool
is_sequence(const struct mbuf *m, uint32_t first)
{
	uint32_t len = m->m_ph.ph_len, off, word, v = first;
	bool ok = true;

	for (off = 0; ok && off + 4 <= len; off += 4) {
		m_copydata(m, off, 4, &word);
		ok = word == v;
		v = v * 1664525 + 1013904223;
	}
	return ok;
}

static void
ether_got_one(struct ifnet *ifp, struct mbuf *m)
{
	struct ether_frame *f = &recent[received % RECENT];
	const struct mbuf *last;

	memset(f, 0, sizeof(*f));
	strlcpy(f->ef_ifname, ifp->if_name, sizeof(f->ef_ifname));
	f->ef_len = m->m_ph.ph_len + ETHER_HEAD;
	if (m->m_ph.ph_len >= 4)
		m_copydata(m, 0, 4, &f->ef_fill);
	f->ef_bad = !is_sequence(m, f->ef_fill);
	f->ef_partial = m->m_ph.ph_csum == MCSUM_PARTIAL;
	if (f->ef_partial) {
		f->ef_csum_start = (uint16_t)(m->m_ph.ph_csum_start -
		    m_leading(m) + ETHER_HEAD);
		f->ef_csum_off = m->m_ph.ph_csum_off;
	}
	f->ef_gso_size = m->m_ph.ph_gso_size;
	f->ef_gso_segs = m->m_ph.ph_gso_segs;
	for (last = m; last->m_next != NULL; last = last->m_next)
		continue;
	f->ef_bytes = last->m_data + last->m_len - 1;
	received++;
}

static void
ether_got(struct ifnet *ifp, struct mbuf *batch)
{
	struct mbuf *m, *next;

	mutex_enter(&ether_lock);
	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		ether_got_one(ifp, m);
		if (keeping) {
			m->m_nextpkt = kept;
			kept = m;
		} else {
			m_freem(m);
		}
	}
	mutex_exit(&ether_lock);
	cv_broadcast(&ether_cv);
}

static struct netproto ether_proto = {
	.np_ethertype = ETHER_TYPE_TEST,
	.np_family = AF_INET6,
	.np_input = ether_got,
};

int
rumptest_ether_listen(void)
{
	mutex_init(&ether_lock, &ether_lc);
	cv_init(&ether_cv);
	netproto_register(&ether_proto);
	return 0;
}

bool
rumptest_ether_take(struct ether_frame *f, int ms)
{
	nstime_t deadline = mono_deadline(ms * NS_PER_MS);
	bool got;

	mutex_enter(&ether_lock);
	while (taken == received && ms > 0 && cv_timedwait(&ether_cv,
	    &ether_lock, deadline) == 0)
		continue;
	got = taken != received;
	if (got)
		*f = recent[taken++ % RECENT];
	mutex_exit(&ether_lock);
	return got;
}

unsigned
rumptest_ether_count(void)
{
	unsigned n;

	mutex_enter(&ether_lock);
	n = received;
	mutex_exit(&ether_lock);
	return n;
}

void
rumptest_ether_keep(bool keep)
{
	struct mbuf *list = NULL;

	mutex_enter(&ether_lock);
	keeping = keep;
	if (!keep) {
		list = kept;
		kept = NULL;
	}
	mutex_exit(&ether_lock);
	m_freelist(list);
}

/* ---- Interfaces --------------------------------------------------------------- */

int
rumptest_vnet_create(uint64_t *idp)
{
	struct vnet *vn;
	int error = vnet_create(&vn);

	if (error == 0)
		*idp = vn->vn_id;
	return error;
}

int
rumptest_vnet_leave(uint64_t id)
{
	struct vnet *vn;
	int error = vnet_find(id, &vn);

	if (error != 0)
		return error;
	vnet_leave(vn);
	vnet_leave(vn);
	return 0;
}

/* Call fn on an interface, with ifnet_lock. */
static int
ether_with(uint64_t vnet, const char *name,
    int (*fn)(struct ifnet *ifp, void *arg), void *arg)
{
	struct vnet *vn;
	struct ifnet *ifp;
	int error = vnet_find(vnet, &vn);

	if (error != 0)
		return error;
	ifnet_lock(vn);
	ifp = if_byname(vn, name);
	error = ifp != NULL ? fn(ifp, arg) : ENODEV;
	ifnet_unlock(vn);
	vnet_leave(vn);
	return error;
}

static int
ether_up(struct ifnet *ifp, void *arg)
{
	return if_setflags(ifp, *(bool *)arg ? IFF_UP : 0,
	    *(bool *)arg ? 0 : IFF_UP);
}

int
rumptest_ether_up(uint64_t vnet, const char *name, bool up)
{
	return ether_with(vnet, name, ether_up, &up);
}

static int
ether_promisc(struct ifnet *ifp, void *arg __maybe_unused)
{
	return if_setflags(ifp, IFF_PROMISC, 0);
}

int
rumptest_ether_promisc(uint64_t vnet, const char *name)
{
	return ether_with(vnet, name, ether_promisc, NULL);
}

static int
ether_address(struct ifnet *ifp, void *arg)
{
	memcpy(arg, ifp->if_hwaddr, ETH_ALEN);
	return 0;
}

int
rumptest_ether_address(uint64_t vnet, const char *name, uint8_t addr[6])
{
	return ether_with(vnet, name, ether_address, addr);
}

struct ether_stat {
	int es_which;
	uint64_t es_n;
};

static int
ether_stat(struct ifnet *ifp, void *arg)
{
	struct ether_stat *es = arg;

	es->es_n = if_stat(ifp, (enum ifstat)es->es_which);
	return 0;
}

uint64_t
rumptest_ether_stat(uint64_t vnet, const char *name, int which)
{
	struct ether_stat es = { .es_which = which };

	return ether_with(vnet, name, ether_stat, &es) == 0 ? es.es_n :
	    UINT64_MAX;
}

int
rumptest_ether_destroy(uint64_t vnet, const char *name)
{
	struct vnet *vn;
	int error = vnet_find(vnet, &vn);

	if (error == 0) {
		error = if_destroy(vn, name);
		vnet_leave(vn);
	}
	return error;
}

/* ---- Sending ---------------------------------------------------------------------- */

static struct mbuf *
ether_make(const struct ether_frame *f, const uint8_t src[6])
{
	uint32_t v = f->ef_fill, off, pay = f->ef_len - ETHER_HEAD;
	uint8_t *bytes = kmem_alloc(f->ef_len + 4, 0);
	struct mbuf *m;

	if (bytes == NULL)
		return NULL;
	memcpy(bytes, f->ef_dst, 6);
	memcpy(bytes + 6, src, 6);
	be16enc(bytes + 12, ETHER_TYPE_TEST);
	for (off = 0; off < pay; off += 4) {
		memcpy(bytes + ETHER_HEAD + off, &v, 4);
		v = v * 1664525 + 1013904223;
	}
	m = m_devget(bytes, f->ef_len, 2);
	kmem_free(bytes, f->ef_len + 4);
	if (m == NULL)
		return NULL;
	if (f->ef_partial) {
		m->m_ph.ph_csum = MCSUM_PARTIAL;
		m->m_ph.ph_csum_start = (uint16_t)(2 + f->ef_csum_start);
		m->m_ph.ph_csum_off = f->ef_csum_off;
	}
	if (f->ef_gso_size != 0) {
		m->m_ph.ph_gso = MGSO_TCP4;
		m->m_ph.ph_gso_size = f->ef_gso_size;
		m->m_ph.ph_gso_segs = f->ef_gso_segs;
	}
	return m;
}

int
rumptest_ether_send(uint64_t vnet, const char *name,
    const struct ether_frame *f, unsigned n)
{
	struct mbuf *list = NULL, **tail = &list;
	struct ifnet *ifp;
	struct vnet *vn;
	int error = vnet_find(vnet, &vn);

	if (error != 0)
		return error;
	netisr_enter();
	epoch_enter();
	ifp = if_byname(vn, name);
	for (; ifp != NULL && n > 0; n--, f++) {
		*tail = ether_make(f, ifp->if_hwaddr);
		if (*tail == NULL)
			break;
		tail = &(*tail)->m_nextpkt;
	}
	if (list == NULL)
		error = ENODEV;
	else if (n > 0)
		error = ENOMEM;
	else
		error = if_transmit(ifp, list);
	epoch_exit();
	netisr_exit();
	vnet_leave(vn);
	return error;
}
