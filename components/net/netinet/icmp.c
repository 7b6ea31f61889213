/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP in: RFC 792, RFC 1122 3.2.2, RFC 1191, RFC 5927's advice to look at what
 * an error quotes.
 */
#include <kern/assert.h>
#include <kern/time.h>
#include <linux/icmp.h>

#include "icmp_impl.h"

/* ---- Queries -------------------------------------------------------------- */

/* Back to where it came from: its storage is the answer's. Taken over. */
static void
icmp_answer(struct mbuf *m, const struct inpkt *pk, uint8_t type)
{
	uint8_t opts[IP_MAXOPT];
	const uint8_t *ip = m_at(m, m->m_ph.ph_l3);
	struct inout io = {
		.io_vnet = pk->ip_vnet,
		.io_dst = pk->ip_src,
		.io_family = AF_INET,
		.io_proto = IPPROTO_ICMP,
		.io_tos = pk->ip_tos,
		.io_mark = m->m_ph.ph_mark,
	};

	if ((pk->ip_flags & (IPK_BCAST | IPK_MCAST)) == 0)
		io.io_src = pk->ip_dst;
	else
		io.io_oif = pk->ip_ifp->if_index;
	if (pk->ip_optlen != 0) {
		io.io_optlen = (uint8_t)ip_options_echo(ip + IP_HDRLEN,
		    pk->ip_optlen, opts);
		io.io_opts = opts;
	}
	m = m_makewritable(m, ICMP_HDRLEN);
	if (m == NULL)
		return;
	m->m_data[ICMP_TYPE] = type;
	m->m_ph.ph_flags = 0;
	m->m_ph.ph_gso = MGSO_NONE;
	icmp_send(m, &io);
}

static void
echo_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);

	ip_count(vi, IPS_icmp_in_echos);
	if (ip_conf(vi, IPC_icmp_echo_ignore_all) != 0 ||
	    ((pk->ip_flags & (IPK_BCAST | IPK_MCAST)) != 0 &&
	    ip_conf(vi, IPC_icmp_echo_ignore_broadcasts) != 0)) {
		m_freem(m);
		return;
	}
	icmp_answer(m, pk, ICMP_ECHOREPLY);
}

/* RFC 1122 3.2.2.8 */
static void
timestamp_input(struct mbuf *m, const struct inpkt *pk)
{
	uint32_t ms = (uint32_t)(real_now() / NS_PER_MS % 86400000);

	if (m->m_ph.ph_len < ICMP_TSLEN ||
	    ((pk->ip_flags & (IPK_BCAST | IPK_MCAST)) != 0 &&
	    ip_conf(vnet_inet(pk->ip_vnet),
	    IPC_icmp_echo_ignore_broadcasts) != 0)) {
		m_freem(m);
		return;
	}
	m_adj(m, (ssize_t)ICMP_TSLEN - (ssize_t)m->m_ph.ph_len);
	m = m_makewritable(m, ICMP_TSLEN);
	if (m == NULL)
		return;
	be32enc(m->m_data + 12, ms);
	be32enc(m->m_data + 16, ms);
	icmp_answer(m, pk, ICMP_TIMESTAMPREPLY);
}

/* ---- Errors --------------------------------------------------------------- */

/* What programs are told: as Linux's ip(7) and RFC 1122 4.2.3.9 classify. */
static const struct {
	int errno_;
	bool hard;
} unreach_errors[] = {
	[ICMP_NET_UNREACH] = { ENETUNREACH, false },
	[ICMP_HOST_UNREACH] = { EHOSTUNREACH, false },
	[ICMP_PROT_UNREACH] = { ENOPROTOOPT, true },
	[ICMP_PORT_UNREACH] = { ECONNREFUSED, true },
	[ICMP_FRAG_NEEDED] = { EMSGSIZE, false },
	[ICMP_SR_FAILED] = { EOPNOTSUPP, false },
	[ICMP_NET_UNKNOWN] = { ENETUNREACH, true },
	[ICMP_HOST_UNKNOWN] = { EHOSTDOWN, true },
	[ICMP_HOST_ISOLATED] = { ENONET, true },
	[ICMP_NET_ANO] = { ENETUNREACH, true },
	[ICMP_HOST_ANO] = { EHOSTUNREACH, true },
	[ICMP_NET_UNR_TOS] = { ENETUNREACH, false },
	[ICMP_HOST_UNR_TOS] = { EHOSTUNREACH, false },
	[ICMP_PKT_FILTERED] = { EHOSTUNREACH, true },
	[ICMP_PREC_VIOLATION] = { EHOSTUNREACH, true },
	[ICMP_PREC_CUTOFF] = { EHOSTUNREACH, true },
};

/* RFC 1191 7.1: what a router that does not tell its MTU may have. */
static uint32_t
plateau_below(uint32_t len)
{
	static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002,
	    1492, 1006, 508, 296, 68 };
	unsigned i;

	for (i = 0; i < nitems(plateaus); i++) {
		if (plateaus[i] < len)
			return plateaus[i];
	}
	return IP_MINMTU;
}

static void
frag_needed(struct vnet_inet *vi, const uint8_t *msg, const uint8_t *ip,
    struct inerror *ie)
{
	uint32_t len = be16dec(ip + IP_LEN), mtu = be16dec(msg + 6), known;

	if (mtu == 0)
		mtu = plateau_below(len);
	known = ip_pmtu(vi, ie->ie_dst.a4);
	/* It cannot be more than what did not fit, and only ever shrinks. TCP
	 * looks first whether the packet was one of its own (RFC 5927 7). */
	mtu = MAX(mtu, IP_MINMTU);
	if (mtu < known && mtu < len && ie->ie_proto != IPPROTO_TCP)
		ip_pmtu_learn(vi, ie->ie_dst.a4, mtu);
	ie->ie_mtu = MAX(mtu, (uint32_t)ip_conf(vi, IPC_min_pmtu));
}

/* false: of no concern to transports. */
static bool
error_classify(struct vnet_inet *vi, const uint8_t *msg, const uint8_t *ip,
    struct inerror *ie)
{
	switch (ie->ie_type) {
	case ICMP_DEST_UNREACH:
		if (ie->ie_code >= nitems(unreach_errors))
			return false;
		ie->ie_errno = unreach_errors[ie->ie_code].errno_;
		ie->ie_hard = unreach_errors[ie->ie_code].hard;
		if (ie->ie_code == ICMP_FRAG_NEEDED)
			frag_needed(vi, msg, ip, ie);
		return true;
	case ICMP_TIME_EXCEEDED:
		ie->ie_errno = EHOSTUNREACH;
		return true;
	case ICMP_PARAMETERPROB:
		ie->ie_errno = EPROTO;
		ie->ie_hard = true;
		return true;
	default:		/* RFC 6633: source quench is ignored */
		return false;
	}
}

/*
 * An error: m at the ICMP header. It quotes the IP header and 8 bytes or more of
 * a packet that we must have sent.
 */
static void
error_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);
	const struct inproto *ipr;
	struct inerror ie;
	uint8_t quoted[IP_HDRMAX + 64];
	uint32_t hlen, have;

	have = MIN(m->m_ph.ph_len - ICMP_HDRLEN, (uint32_t)sizeof(quoted));
	if (have < IP_HDRLEN + 8)
		goto damaged;
	m_copydata(m, ICMP_HDRLEN, have, quoted);
	hlen = ip_hlen(quoted);
	if (quoted[IP_VHL] >> 4 != 4 || hlen < IP_HDRLEN || have < hlen + 8)
		goto damaged;
	memset(&ie, 0, sizeof(ie));
	ie.ie_vnet = pk->ip_vnet;
	ie.ie_ifp = pk->ip_ifp;
	ie.ie_src = inaddr4(ip_addr(quoted + IP_SRC));
	ie.ie_dst = inaddr4(ip_addr(quoted + IP_DST));
	ie.ie_offender = pk->ip_src;
	ie.ie_family = AF_INET;
	ie.ie_proto = quoted[IP_P];
	ie.ie_type = m->m_data[ICMP_TYPE];
	ie.ie_code = m->m_data[ICMP_CODE];
	/* We sent it, to somebody, in one piece or as its first. */
	if (!in_islocal(pk->ip_vnet, AF_INET, &ie.ie_src) ||
	    (be16dec(quoted + IP_OFF) & IPF_OFFSET) != 0)
		return;
	if (!error_classify(vi, m->m_data, quoted, &ie))
		return;
	raw_ctlinput(&ie, quoted, hlen, m);
	ipr = inproto_find(ie.ie_proto);
	if (ipr != NULL && ipr->ipr_ctlinput != NULL)
		ipr->ipr_ctlinput(&ie, quoted + hlen, have - hlen, m);
	return;

damaged:
	ip_count(vi, IPS_icmp_in_errors);
}

/* ---- All ------------------------------------------------------------------- */

static void
icmp_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);

	ip_count(vi, IPS_icmp_in_msgs);
	if (m->m_ph.ph_len < ICMP_HDRLEN) {
		ip_count(vi, IPS_icmp_in_errors);
		goto drop;
	}
	m = m_pullup(m, ICMP_HDRLEN);
	if (m == NULL)
		return;
	/* Its checksum has no pseudo header. */
	if (m->m_ph.ph_csum == MCSUM_NONE && in_cksum_fold(in_cksum_chain(0,
	    m, 0, m->m_ph.ph_len)) != 0xffff) {
		ip_count(vi, IPS_icmp_in_csum_errors);
		goto drop;
	}
	switch (m->m_data[ICMP_TYPE]) {
	case ICMP_ECHO:
		echo_input(m, pk);
		return;
	case ICMP_TIMESTAMP:
		timestamp_input(m, pk);
		return;
	case ICMP_ECHOREPLY:
		ping_input(m, pk);
		return;
	case ICMP_REDIRECT:
		/* RFC 1122 3.2.2.2 has hosts believe it; since RFC 6918's and
		 * everybody's experience nobody should. */
		ip_count(vi, IPS_icmp_in_redirects);
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		error_input(m, pk);
		break;
	default:		/* RFC 1122 3.2.2: in silence */
		break;
	}
drop:
	m_freem(m);
}

/* An error about an echo request of ours. */
static void
icmp_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m)
{
	if (hdr[ICMP_TYPE] == ICMP_ECHO)
		ping_ctlinput(ie, hdr, n, m);
}

const struct inproto icmp_inproto = {
	.ipr_proto = IPPROTO_ICMP,
	.ipr_input = icmp_input,
	.ipr_ctlinput = icmp_ctlinput,
};
