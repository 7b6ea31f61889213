/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reassembly: RFC 791 3.2, RFC 1122 3.3.2, RFC 3168 5.3, RFC 5722 in spirit
 * (a packet with overlapping fragments is given up).
 *
 * Everybody may send fragments: what waits is bounded in bytes, in packets of one
 * source, and in time. When the memory is used up the oldest go.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/time.h>
#include <linux/icmp.h>

#include "netinet.h"

#define BUCKETS		32u
#define SOURCES		64u
/*
 * As many as a packet has over links of the least MTU: more are an attack on who
 * sorts them.
 */
#define FRAGS_MAX	1400u

/* What an incomplete packet is known by (RFC 791 3.2). */
struct fragkey {
	uint32_t fk_src, fk_dst;
	uint16_t fk_id;
	uint8_t fk_proto;
};

/* r  ir_lock, all of it. */
struct ipq {
	struct list iq_link;		/* bucket */
	struct list iq_age;		/* oldest first */
	struct fragkey iq_key;
	struct mbuf *iq_frags;		/* m_nextpkt, by offset */
	struct mbuf *iq_last;
	uint32_t iq_have, iq_total;	/* bytes; total 0: not known */
	uint32_t iq_count, iq_cost;
	uint32_t iq_ifindex;
	uint8_t iq_ecn;			/* 1 << code point, of those seen */
	nstime_t iq_deadline;
};

struct ip_reass {
	struct kspin ir_lock;
	struct vnet_inet *ir_vi;	/* immutable */
	struct list ir_bucket[BUCKETS];
	struct list ir_age;
	uint64_t ir_bytes;
	uint32_t ir_persource[SOURCES];
	struct callout ir_callout;
	bool ir_closed;
};

static struct lock_class reass_lc = LOCK_CLASS("ip_reass", 0);
static void reass_expire(void *arg);

int
ip_reass_init(struct vnet_inet *vi)
{
	struct ip_reass *ir = kmem_zalloc(sizeof(*ir), 0);
	unsigned i;

	if (ir == NULL)
		return ENOMEM;
	spin_init(&ir->ir_lock, &reass_lc);
	for (i = 0; i < BUCKETS; i++)
		list_init(&ir->ir_bucket[i]);
	list_init(&ir->ir_age);
	callout_init(&ir->ir_callout, reass_expire, ir);
	ir->ir_vi = vi;
	vi->vi_reass = ir;
	return 0;
}

/* ---- Fragments: kept in what of m_ph no fragment needs ------------------- */

static inline uint32_t
frag_off(const struct mbuf *m)
{
	return m->m_ph.ph_csum_start * 8u;
}

static inline uint32_t
frag_len(const struct mbuf *m)
{
	return m->m_ph.ph_gso_size;
}

static uint32_t
chain_cost(const struct mbuf *m)
{
	size_t n = 0;

	for (; m != NULL; m = m->m_next)
		n += m_cost(m);
	return (uint32_t)MIN(n, (size_t)UINT32_MAX);
}

/* ---- Queues: ir_lock ------------------------------------------------------ */

static uint32_t
source_slot(const struct ip_reass *ir, uint32_t src)
{
	return (uint32_t)((src ^ ir->ir_vi->vi_key.sk[0]) *
	    0x9e3779b97f4a7c15u >> 40) % SOURCES;
}

static struct list *
bucket_of(struct ip_reass *ir, const struct fragkey *fk)
{
	uint64_t h = ((uint64_t)fk->fk_src << 32 | fk->fk_dst) ^
	    (uint64_t)fk->fk_id << 16 ^ fk->fk_proto;

	h = (h ^ ir->ir_vi->vi_key.sk[1]) * 0x9e3779b97f4a7c15u;
	return &ir->ir_bucket[(h >> 40) % BUCKETS];
}

static void
ipq_unlink(struct ip_reass *ir, struct ipq *iq)
{
	list_remove(&iq->iq_link);
	list_remove(&iq->iq_age);
	ir->ir_bytes -= iq->iq_cost + sizeof(*iq);
	ir->ir_persource[source_slot(ir, iq->iq_key.fk_src)]--;
}

static void
ipq_free(struct ipq *iq)
{
	m_freelist(iq->iq_frags);
	kmem_free(iq, sizeof(*iq));
}

static void
ipq_drop(struct ip_reass *ir, struct ipq *iq)
{
	ipq_unlink(ir, iq);
	ipq_free(iq);
	ip_count(ir->ir_vi, IPS_ip_reasm_fails);
}

/* Make room: the oldest go, but for the one that grows. */
static void
reass_trim(struct ip_reass *ir, uint64_t max, const struct ipq *keep)
{
	struct list *n, *t;
	struct ipq *iq;

	LIST_FOREACH_SAFE(n, &ir->ir_age, t) {
		if (ir->ir_bytes <= max)
			break;
		iq = container_of(n, struct ipq, iq_age);
		if (iq != keep)
			ipq_drop(ir, iq);
	}
}

static struct ipq *
ipq_create(struct ip_reass *ir, const struct fragkey *fk)
{
	uint32_t *persource = &ir->ir_persource[source_slot(ir, fk->fk_src)];
	struct ipq *iq;

	if (ir->ir_closed || *persource >= ip_conf(ir->ir_vi,
	    IPC_ipfrag_max_per_source))
		return NULL;
	iq = kmem_zalloc(sizeof(*iq), KM_NORECLAIM);
	if (iq == NULL)
		return NULL;
	iq->iq_key = *fk;
	iq->iq_deadline = mono_deadline((nstime_t)ip_conf(ir->ir_vi,
	    IPC_ipfrag_time) * NS_PER_SEC);
	if (list_empty(&ir->ir_age))
		callout_schedule(&ir->ir_callout, iq->iq_deadline);
	list_insert_tail(bucket_of(ir, fk), &iq->iq_link);
	list_insert_tail(&ir->ir_age, &iq->iq_age);
	ir->ir_bytes += sizeof(*iq);
	++*persource;
	return iq;
}

static struct ipq *
ipq_get(struct ip_reass *ir, const struct fragkey *fk)
{
	struct list *n, *bucket = bucket_of(ir, fk);
	struct ipq *iq;

	LIST_FOREACH(n, bucket) {
		iq = container_of(n, struct ipq, iq_link);
		if (iq->iq_key.fk_src == fk->fk_src &&
		    iq->iq_key.fk_dst == fk->fk_dst &&
		    iq->iq_key.fk_id == fk->fk_id &&
		    iq->iq_key.fk_proto == fk->fk_proto)
			return iq;
	}
	return ipq_create(ir, fk);
}

/* Where a fragment belongs. */
enum place { FITS, DUPLICATE, OVERLAPS };

static enum place
ipq_place(struct ipq *iq, const struct mbuf *m, struct mbuf ***where)
{
	uint32_t off = frag_off(m), end = off + frag_len(m);
	struct mbuf **mp = &iq->iq_frags, *f;

	if (iq->iq_last != NULL && off >= frag_off(iq->iq_last) +
	    frag_len(iq->iq_last)) {
		*where = &iq->iq_last->m_nextpkt;
		return FITS;
	}
	for (; (f = *mp) != NULL; mp = &f->m_nextpkt) {
		if (frag_off(f) + frag_len(f) <= off)
			continue;
		if (frag_off(f) == off && frag_len(f) == frag_len(m))
			return DUPLICATE;
		if (frag_off(f) < end)
			return OVERLAPS;
		break;
	}
	*where = mp;
	return FITS;
}

/* Does the end that a fragment shows agree with what is there? */
static bool
ipq_end_ok(struct ipq *iq, const struct mbuf *m, bool more)
{
	uint32_t end = frag_off(m) + frag_len(m);

	if (more)
		return iq->iq_total == 0 || end < iq->iq_total;
	if (iq->iq_total != 0)
		return end == iq->iq_total;
	if (iq->iq_last != NULL && frag_off(iq->iq_last) +
	    frag_len(iq->iq_last) > end)
		return false;
	iq->iq_total = end;
	return true;
}

static void
ipq_insert(struct ip_reass *ir, struct ipq *iq, struct mbuf *m,
    struct mbuf **where)
{
	uint32_t cost = chain_cost(m);

	m->m_nextpkt = *where;
	*where = m;
	if (m->m_nextpkt == NULL)
		iq->iq_last = m;
	iq->iq_have += frag_len(m);
	iq->iq_count++;
	iq->iq_cost += cost;
	ir->ir_bytes += cost;
	iq->iq_ifindex = m->m_ph.ph_ifp->if_index;
}

/*
 * RFC 3168 5.3: congestion experienced by a fragment was experienced by the
 * packet, if all of them could tell. What cannot be is dropped.
 */
static bool
ecn_combine(uint8_t seen, uint8_t *ecn)
{
	switch (seen) {
	case 1 << 0:
		*ecn = 0;
		return true;
	case 1 << 1:
		*ecn = 1;
		return true;
	case 1 << 2:
	case 1 << 1 | 1 << 2:
		*ecn = 2;
		return true;
	case 1 << 3:
	case 1 << 3 | 1 << 1:
	case 1 << 3 | 1 << 2:
	case 1 << 3 | 1 << 1 | 1 << 2:
		*ecn = IP_CE;
		return true;
	default:
		return false;
	}
}

/* The whole packet of a complete queue, which is freed. NULL: impossible. */
static struct mbuf *
ipq_join(struct ip_reass *ir, struct ipq *iq)
{
	struct mbuf *m = iq->iq_frags, *tail, *f, *next;
	uint32_t hlen = m->m_ph.ph_len - frag_len(m);
	uint8_t *ip, ecn;

	if (iq->iq_total + hlen > IP_MAXLEN || !ecn_combine(iq->iq_ecn, &ecn))
		goto fail;
	tail = m_last(m);
	for (f = m->m_nextpkt; f != NULL; f = next) {
		next = f->m_nextpkt;
		f->m_nextpkt = NULL;
		f->m_flags &= (uint16_t)~M_PKTHDR;
		tail->m_next = f;
		tail = m_last(f);
	}
	m->m_nextpkt = NULL;
	iq->iq_frags = NULL;
	m->m_ph.ph_len = hlen + iq->iq_total;
	m->m_ph.ph_csum = MCSUM_NONE;
	m->m_ph.ph_gso_size = m->m_ph.ph_csum_start = 0;
	m = m_makewritable(m, hlen);
	if (m == NULL)
		goto fail;
	ip = m->m_data;
	be16enc(ip + IP_LEN, (uint16_t)m->m_ph.ph_len);
	be16enc(ip + IP_OFF, 0);
	ip[IP_TOSOFF] = (uint8_t)((ip[IP_TOSOFF] & ~IP_ECNMASK) | ecn);
	ip_cksum_set(ip, hlen);
	m->m_ph.ph_l3 = m_offset(m, ip);
	ipq_free(iq);
	ip_count(ir->ir_vi, IPS_ip_reasm_oks);
	return m;

fail:
	ipq_free(iq);
	ip_count(ir->ir_vi, IPS_ip_reasm_fails);
	return NULL;
}

/* Takes m over. The queue, when it is complete: out of the table. */
static struct ipq *
reass_add(struct ip_reass *ir, const struct fragkey *fk, struct mbuf *m,
    uint8_t ecn, bool more)
{
	struct mbuf **where = NULL;
	struct ipq *iq = ipq_get(ir, fk);
	enum place place;

	if (iq == NULL) {
		ip_count(ir->ir_vi, IPS_ip_reasm_fails);
		m_freem(m);
		return NULL;
	}
	place = ipq_place(iq, m, &where);
	if (place == FITS && (!ipq_end_ok(iq, m, more) ||
	    iq->iq_count >= FRAGS_MAX))
		place = OVERLAPS;
	if (place != FITS) {
		m_freem(m);
		if (place == OVERLAPS) {
			ip_count(ir->ir_vi, IPS_ip_reasm_overlaps);
			ipq_drop(ir, iq);
		}
		return NULL;
	}
	ipq_insert(ir, iq, m, where);
	iq->iq_ecn |= (uint8_t)(1 << ecn);
	if (iq->iq_total != 0 && iq->iq_have == iq->iq_total) {
		ipq_unlink(ir, iq);
		return iq;
	}
	reass_trim(ir, ip_conf(ir->ir_vi, IPC_ipfrag_high_thresh), iq);
	if (ir->ir_bytes > ip_conf(ir->ir_vi, IPC_ipfrag_high_thresh))
		ipq_drop(ir, iq);
	return NULL;
}

struct mbuf *
ip_reass(struct vnet_inet *vi, struct mbuf *m, uint32_t hlen)
{
	struct ip_reass *ir = vi->vi_reass;
	const uint8_t *ip = m->m_data;
	uint16_t field = be16dec(ip + IP_OFF);
	uint32_t off = (field & IPF_OFFSET) * 8u;
	uint32_t len = m->m_ph.ph_len - hlen;
	bool more = (field & IPF_MF) != 0;
	uint8_t ecn = ip[IP_TOSOFF] & IP_ECNMASK;
	struct fragkey fk = {
		.fk_src = ip_addr(ip + IP_SRC),
		.fk_dst = ip_addr(ip + IP_DST),
		.fk_id = be16dec(ip + IP_ID),
		.fk_proto = ip[IP_P],
	};
	struct ifnet *ifp = m->m_ph.ph_ifp;
	struct ipq *iq;

	ip_count(vi, IPS_ip_reasm_reqds);
	if (len == 0 || (more && len % 8 != 0) || off + len + hlen >
	    IP_MAXLEN) {
		ip_count(vi, IPS_ip_in_hdr_errors);
		m_freem(m);
		return NULL;
	}
	/* The first keeps its header, to head the whole. */
	if (off != 0)
		m_adj(m, (ssize_t)hlen);
	m->m_ph.ph_csum_start = (uint16_t)(off / 8);
	m->m_ph.ph_gso_size = (uint16_t)len;
	spin_lock(&ir->ir_lock);
	iq = reass_add(ir, &fk, m, ecn, more);
	spin_unlock(&ir->ir_lock);
	if (iq == NULL)
		return NULL;
	m = ipq_join(ir, iq);
	if (m != NULL)
		m->m_ph.ph_ifp = ifp;
	return m;
}

/* ---- Time ----------------------------------------------------------------- */

/* RFC 792, RFC 1122 3.3.2: the sender is told, if its first fragment came. */
static void
ipq_timeout(struct ip_reass *ir, struct ipq *iq)
{
	struct mbuf *m = iq->iq_frags;
	struct ifnet *ifp = if_byindex(ir->ir_vi->vi_vnet, iq->iq_ifindex);

	ip_count(ir->ir_vi, IPS_ip_reasm_timeout);
	ip_count(ir->ir_vi, IPS_ip_reasm_fails);
	if (ifp != NULL && m != NULL && frag_off(m) == 0) {
		m->m_ph.ph_ifp = ifp;
		m->m_ph.ph_csum = MCSUM_NONE;
		icmp_error(m, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
	}
	ipq_free(iq);
}

static void
reass_expire(void *arg)
{
	struct ip_reass *ir = arg;
	struct list gone, *n, *t;
	struct ipq *iq;
	nstime_t now = mono_now();

	list_init(&gone);
	netisr_enter();
	spin_lock(&ir->ir_lock);
	LIST_FOREACH_SAFE(n, &ir->ir_age, t) {
		iq = container_of(n, struct ipq, iq_age);
		if (iq->iq_deadline > now) {
			callout_schedule(&ir->ir_callout, iq->iq_deadline);
			break;
		}
		ipq_unlink(ir, iq);
		list_insert_tail(&gone, &iq->iq_age);
	}
	spin_unlock(&ir->ir_lock);
	LIST_FOREACH_SAFE(n, &gone, t) {
		list_remove(n);
		ipq_timeout(ir, container_of(n, struct ipq, iq_age));
	}
	netisr_exit();
}

uint64_t
ip_reass_bytes(struct vnet_inet *vi)
{
	uint64_t n;

	spin_lock(&vi->vi_reass->ir_lock);
	n = vi->vi_reass->ir_bytes;
	spin_unlock(&vi->vi_reass->ir_lock);
	return n;
}

void
ip_reass_shutdown(struct vnet_inet *vi)
{
	struct ip_reass *ir = vi->vi_reass;

	spin_lock(&ir->ir_lock);
	ir->ir_closed = true;
	while (!list_empty(&ir->ir_age))
		ipq_drop(ir, list_first(&ir->ir_age, struct ipq, iq_age));
	spin_unlock(&ir->ir_lock);
	callout_halt(&ir->ir_callout);
}

void
ip_reass_fini(struct vnet_inet *vi)
{
	struct ip_reass *ir = vi->vi_reass;

	if (ir == NULL)
		return;
	KASSERT(list_empty(&ir->ir_age));
	callout_halt(&ir->ir_callout);
	spin_fini(&ir->ir_lock);
	kmem_free(ir, sizeof(*ir));
}
