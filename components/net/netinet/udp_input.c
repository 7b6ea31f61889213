/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP in: RFC 768, RFC 1122 4.1.3. A datagram goes to the socket that is
 * connected to its sender, else to the one bound to its destination; one to a
 * group or to everybody, to all that want it.
 */
#include <kern/assert.h>
#include <linux/icmp.h>

#include "udp_impl.h"

/* so_lock held. One datagram, its data only; taken over. */
static bool
append(struct socket *so, struct mbuf *m)
{
	struct vnet_inet *vi = vnet_inet(so->so_vnet);

	if (__likely(sbappendrecord(&so->so_rcv, m, NULL))) {
		ip_count(vi, IPS_udp_in_datagrams);
		return true;
	}
	ip_count(vi, IPS_udp_rcvbuf_errors);
	ip_count(vi, IPS_udp_in_errors);
	if (so->so_extra != NULL)
		so->so_extra->sx_drops++;
	m_freem(m);
	return false;
}

/*
 * A packet that stands for many, to a socket that does not know of them:
 * cut where the sender's option said. so_lock held; taken over.
 */
static bool
append_segments(struct socket *so, struct mbuf *m)
{
	uint32_t size = m->m_ph.ph_gso_size;
	struct mbuf *rest;
	bool any = false;

	m->m_ph.ph_gso = MGSO_NONE;
	m->m_ph.ph_gso_size = 0;
	while (size != 0 && m->m_ph.ph_len > size) {
		rest = m_split(m, size);
		if (rest == NULL)
			break;
		any |= append(so, m);
		m = rest;
	}
	return append(so, m) || any;
}

/* m at its data, ph_from filled; taken over. */
static void
deliver(struct inpcb *inp, struct mbuf *m, const struct inpkt *pk)
{
	struct socket *so = inp->inp_socket;
	bool any;

	mutex_enter(&so->so_lock);
	if (__unlikely(so->so_pcb != inp || so_is(so, SS_CANTRCVMORE) ||
	    pk->ip_ttl < inp->inp_minttl)) {
		mutex_exit(&so->so_lock);
		ip_count(vnet_inet(pk->ip_vnet), IPS_udp_in_errors);
		m_freem(m);
		return;
	}
	if (__likely(m->m_ph.ph_gso == MGSO_NONE ||
	    container_of(inp, struct udpcb, u_inp)->u_gro))
		any = append(so, m);
	else
		any = append_segments(so, m);
	so_from(so, pk->ip_ifp);
	if (any)
		sorwakeup(so);
	mutex_exit(&so->so_lock);
}

/* ---- To many ----------------------------------------------------------------- */

struct many {
	struct mbuf *mm_m;
	const struct inpkt *mm_pk;
	struct inpcb *mm_last;		/* has none yet */
	unsigned mm_count;
};

static bool
member(struct inpcb *inp, const struct inpkt *pk)
{
	struct socket *so = inp->inp_socket;
	bool wants;

	mutex_enter(&so->so_lock);
	wants = so->so_pcb == inp && in_mcast_wants(inp, pk);
	mutex_exit(&so->so_lock);
	return wants;
}

static void
many_deliver(struct inpcb *inp, void *arg)
{
	struct many *mm = arg;
	struct mbuf *copy;

	if ((mm->mm_pk->ip_flags & IPK_MCAST) != 0 &&
	    !member(inp, mm->mm_pk))
		return;
	mm->mm_count++;
	if (mm->mm_last != NULL) {
		copy = m_copym(mm->mm_m, 0, SIZE_MAX, M_PKTHDR);
		if (copy != NULL)
			deliver(mm->mm_last, copy, mm->mm_pk);
	}
	mm->mm_last = inp;
}

static void
input_many(struct mbuf *m, const struct inpkt *pk, uint16_t sport,
    uint16_t dport)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);
	struct many mm = { .mm_m = m, .mm_pk = pk };

	m_adj(m, UDP_HDRLEN);
	in_pcbforeach_match(vi->vi_udp, pk, sport, dport, many_deliver, &mm);
	if (mm.mm_last != NULL) {
		deliver(mm.mm_last, m, pk);
		return;
	}
	ip_count(vi, IPS_udp_no_ports);
	m_freem(m);
}

/* ---- All ----------------------------------------------------------------------- */

/* Its length and its checksum. */
static bool
datagram_ok(struct vnet_inet *vi, struct mbuf *m, const struct inpkt *pk)
{
	uint32_t ulen;
	uint16_t sum;

	if (__unlikely(m->m_ph.ph_len < UDP_HDRLEN))
		goto bad;
	ulen = be16dec(m->m_data + UH_ULEN);
	if (__unlikely(ulen != m->m_ph.ph_len)) {
		if (ulen < UDP_HDRLEN || ulen > m->m_ph.ph_len)
			goto bad;
		m_adj(m, (ssize_t)ulen - (ssize_t)m->m_ph.ph_len);
	}
	memcpy(&sum, m->m_data + UH_SUM, 2);
	if (__likely(sum == 0 || in_cksum_ok(m, pk)))
		return true;
	ip_count(vi, IPS_udp_in_csum_errors);
bad:
	ip_count(vi, IPS_udp_in_errors);
	return false;
}

static void
udp_input(struct mbuf *m, const struct inpkt *pk)
{
	struct vnet_inet *vi = vnet_inet(pk->ip_vnet);
	uint16_t sport, dport;
	struct inpcb *inp;
	uint32_t hlen;

	if (__unlikely(!datagram_ok(vi, m, pk))) {
		m_freem(m);
		return;
	}
	memcpy(&sport, m->m_data + UH_SPORT, 2);
	memcpy(&dport, m->m_data + UH_DPORT, 2);
	in_notesource(m, pk, sport);
	if (__unlikely((pk->ip_flags & (IPK_BCAST | IPK_MCAST)) != 0)) {
		input_many(m, pk, sport, dport);
		return;
	}
	inp = in_pcblookup(vi->vi_udp, pk, sport, dport);
	if (__likely(inp != NULL)) {
		m->m_data += UDP_HDRLEN;
		m->m_len -= UDP_HDRLEN;
		m->m_ph.ph_len -= UDP_HDRLEN;
		deliver(inp, m, pk);
		return;
	}
	ip_count(vi, IPS_udp_no_ports);
	hlen = (uint32_t)(m->m_data - m_at(m, m->m_ph.ph_l3));
	m->m_data -= hlen;
	m->m_len += hlen;
	m->m_ph.ph_len += hlen;
	icmp_error(m, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	m_freem(m);
}

/* ---- Errors --------------------------------------------------------------------- */

static void
udp_ctlinput(const struct inerror *ie, const uint8_t *hdr, size_t n,
    const struct mbuf *m __maybe_unused)
{
	struct inpkt pk = {
		.ip_vnet = ie->ie_vnet,
		.ip_src = ie->ie_dst,
		.ip_dst = ie->ie_src,
		.ip_family = ie->ie_family,
	};
	struct inpcb *inp;
	struct socket *so;
	uint16_t sport, dport;
	bool hard = ie->ie_hard;

	memcpy(&sport, hdr + UH_SPORT, 2);
	memcpy(&dport, hdr + UH_DPORT, 2);
	inp = in_pcblookup(vnet_inet(ie->ie_vnet)->vi_udp, &pk, dport, sport);
	if (inp == NULL)
		return;
	so = inp->inp_socket;
	mutex_enter(&so->so_lock);
	if (so->so_pcb != inp)
		goto out;
	if (ie->ie_errno == EMSGSIZE) {
		if (inp->inp_mtudisc == IP_PMTUDISC_DONT)
			goto out;
		hard = true;
	}
	/* RFC 1122 4.1.3.3; ip(7): a socket hears of it that is connected, and of
	 * lasting errors only; or that asked for all. */
	if ((inp->inp_flags & INP_RECVERR) != 0)
		in_queue_error(so, ie, m_devget(hdr + UDP_HDRLEN,
		    n - UDP_HDRLEN, 0), dport);
	else if (!hard || !so_is(so, SS_ISCONNECTED))
		goto out;
	soseterror(so, ie->ie_errno);
out:
	mutex_exit(&so->so_lock);
}

const struct inproto udp_inproto = {
	.ipr_proto = IPPROTO_UDP,
	.ipr_input = udp_input,
	.ipr_ctlinput = udp_ctlinput,
};
