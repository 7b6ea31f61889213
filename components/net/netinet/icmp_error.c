/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP out: errors (RFC 1122 3.2.2, RFC 1812 4.3.2) and how many of them.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/time.h>
#include <linux/icmp.h>

#include "icmp_impl.h"

#define ERROR_MAX	576u		/* RFC 1812 4.3.2.3: bytes in all */
#define ERROR_TOS	0xc0		/* 4.3.2.5: internetwork control */
#define HOSTS		64u
#define HOST_BURST	6u		/* errors to a host at once */

/*
 * Token buckets: one of all errors, and one for each of a few classes of
 * destinations. A bucket is the time at which it would be full.
 */
struct icmp_limits {
	_Atomic nstime_t il_all;
	_Atomic nstime_t il_host[HOSTS];
};

int
icmp_vnet_init(struct vnet_inet *vi)
{
	vi->vi_limits = kmem_zalloc(sizeof(*vi->vi_limits), 0);
	return vi->vi_limits != NULL ? 0 : ENOMEM;
}

void
icmp_vnet_fini(struct vnet_inet *vi)
{
	kmem_free(vi->vi_limits, sizeof(*vi->vi_limits));
}

/* Take a token that takes `each` ns to grow, of at most burst. */
static bool
token(_Atomic nstime_t *full, nstime_t each, uint64_t burst)
{
	nstime_t now = mono_now(), at, new;

	at = atomic_load_explicit(full, memory_order_relaxed);
	do {
		new = MAX(at, now) + each;
		if (new - now > (nstime_t)burst * each)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(full, &at, new,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool
limits_ok(struct vnet_inet *vi, uint32_t dst)
{
	uint64_t rate = ip_conf(vi, IPC_icmp_msgs_per_sec);
	uint64_t each = ip_conf(vi, IPC_icmp_ratelimit);
	uint64_t h = (dst ^ vi->vi_key.sk[0]) * 0x9e3779b97f4a7c15u;

	if (each != 0 && !token(&vi->vi_limits->il_host[(h >> 40) % HOSTS],
	    (nstime_t)each * NS_PER_MS, HOST_BURST))
		return false;
	return rate != 0 && token(&vi->vi_limits->il_all,
	    NS_PER_SEC / (nstime_t)rate, ip_conf(vi, IPC_icmp_msgs_burst));
}

void
icmp_cksum_set(struct mbuf *m)
{
	uint16_t sum = 0;

	memcpy(m->m_data + ICMP_CKSUM, &sum, 2);
	sum = (uint16_t)~in_cksum_fold(in_cksum_chain(0, m, 0,
	    m->m_ph.ph_len));
	memcpy(m->m_data + ICMP_CKSUM, &sum, 2);
	m->m_ph.ph_csum = MCSUM_NONE;
}

void
icmp_send(struct mbuf *m, struct inout *io)
{
	icmp_cksum_set(m);
	ip_count(vnet_inet(io->io_vnet), IPS_icmp_out_msgs);
	(void)ip_output(m, io);
}

/* RFC 1122 3.2.2: about what nobody is told. */
static bool
may_complain(const struct vnet_inet *vi, const struct mbuf *m, uint8_t type)
{
	const uint8_t *ip = m->m_data;
	uint32_t src = ip_addr(ip + IP_SRC), dst = ip_addr(ip + IP_DST);
	uint32_t hlen = ip_hlen(ip);
	uint8_t quoted;

	if ((m->m_ph.ph_flags & (MP_BCAST | MP_MCAST)) != 0 ||
	    (be16dec(ip + IP_OFF) & IPF_OFFSET) != 0 ||
	    in_multicast(dst) || src == 0 || in_multicast(src) ||
	    in_reserved(src) || src == INADDR_NONE4)
		return false;
	if (in_kind(vi->vi_vnet, dst) == INK_BCAST ||
	    in_kind(vi->vi_vnet, src) == INK_BCAST)
		return false;
	if (ip[IP_P] != IPPROTO_ICMP)
		return true;
	if (m->m_ph.ph_len < hlen + 1)
		return false;
	m_copydata(m, hlen, 1, &quoted);
	/* Only queries are known not to be errors. */
	return type != ICMP_REDIRECT && (quoted == ICMP_ECHO ||
	    quoted == ICMP_ECHOREPLY || quoted == ICMP_TIMESTAMP ||
	    quoted == ICMP_TIMESTAMPREPLY);
}

void
icmp_error(const struct mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	struct vnet_inet *vi = vnet_inet(m->m_ph.ph_ifp->if_vnet);
	const uint8_t *ip = m->m_data;
	struct inout io = {
		.io_vnet = vi->vi_vnet,
		.io_dst = inaddr4(ip_addr(ip + IP_SRC)),
		.io_family = AF_INET,
		.io_proto = IPPROTO_ICMP,
		.io_tos = ERROR_TOS,
		.io_mark = m->m_ph.ph_mark,
	};
	struct mbuf *e;
	uint32_t n;

	if (!may_complain(vi, m, type))
		return;
	if (!limits_ok(vi, io.io_dst.a4)) {
		ip_count(vi, IPS_icmp_out_limited);
		return;
	}
	n = MIN(m->m_ph.ph_len, ERROR_MAX - IP_HDRLEN - ICMP_HDRLEN);
	e = m_getcl(MAX_LINKHDR + MAX_NETHDR + ICMP_HDRLEN + n, M_PKTHDR);
	if (e == NULL)
		return;
	e->m_data += MAX_LINKHDR + MAX_NETHDR;
	e->m_len = e->m_ph.ph_len = ICMP_HDRLEN + n;
	e->m_data[ICMP_TYPE] = type;
	e->m_data[ICMP_CODE] = code;
	be32enc(e->m_data + 4, info);
	m_copydata(m, 0, n, e->m_data + ICMP_HDRLEN);
	/* From the address that was asked for, or the one nearest to who asks. */
	if (in_addrs_has(vi, ip_addr(ip + IP_DST)))
		io.io_src = inaddr4(ip_addr(ip + IP_DST));
	ip_count(vi, IPS_icmp_out_errors);
	icmp_send(e, &io);
}

void
ip_unreach(struct ifnet *ifp, struct mbuf *m)
{
	m->m_ph.ph_ifp = ifp;
	m = m_pullup(m, MIN(m->m_ph.ph_len, IP_HDRMAX));
	if (m != NULL && m->m_len >= IP_HDRLEN)
		icmp_error(m, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	m_freem(m);
}
