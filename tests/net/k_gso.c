/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_gso.
 */
#include "k_gso.h"
#include "k_testif.h"
#include "k_trie.h"

#define ETH	14
#define TCP	6
#define UDP	17
#define FIN	0x01
#define SYN	0x02
#define PSH	0x08
#define ACK	0x10
#define CWR	0x80

/* A packet as it is to look. */
struct want {
	int w_proto;
	unsigned w_options;	/* bytes of TCP options */
	uint16_t w_id, w_sport;
	uint32_t w_seq, w_ack;
	uint8_t w_flags, w_tos, w_ttl;
	unsigned w_off, w_len;	/* of the payload */
};

static uint8_t
payload(unsigned i)
{
	return (uint8_t)(i * 7 + (i >> 8) * 13);
}

/* One's complement sum the slow way (RFC 1071). */
static uint16_t
slow_sum(uint32_t sum, const uint8_t *p, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The frame, with all checksums; returns its length. */
static unsigned
build(uint8_t *f, const struct want *w)
{
	static const uint8_t ether[ETH] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9,
	    8, 0 };
	unsigned l4len = w->w_proto == TCP ? 20 + w->w_options : 8, i;
	uint8_t *ip = f + ETH, *l4 = ip + 20;
	uint32_t pseudo;

	memset(f, 0, ETH + 20 + l4len);
	memcpy(f, ether, ETH);
	ip[0] = 0x45;
	ip[1] = w->w_tos;
	be16enc(ip + 2, (uint16_t)(20 + l4len + w->w_len));
	be16enc(ip + 4, w->w_id);
	ip[8] = w->w_ttl != 0 ? w->w_ttl : 64;
	ip[9] = (uint8_t)w->w_proto;
	be32enc(ip + 12, 0x0a000009);
	be32enc(ip + 16, 0x0a000001);
	be16enc(ip + 10, (uint16_t)~slow_sum(0, ip, 20));
	be16enc(l4, w->w_sport != 0 ? w->w_sport : 1234);
	be16enc(l4 + 2, 80);
	for (i = 0; i < w->w_len; i++)
		l4[l4len + i] = payload(w->w_off + i);
	pseudo = slow_sum((uint32_t)w->w_proto + l4len + w->w_len, ip + 12, 8);
	if (w->w_proto == TCP) {
		be32enc(l4 + 4, w->w_seq);
		be32enc(l4 + 8, w->w_ack);
		l4[12] = (uint8_t)(l4len / 4 << 4);
		l4[13] = w->w_flags;
		be16enc(l4 + 14, 0x7210);
		for (i = 0; i < w->w_options; i++)
			l4[20 + i] = 1;
		be16enc(l4 + 16, (uint16_t)~slow_sum(pseudo, l4,
		    l4len + w->w_len));
	} else {
		be16enc(l4 + 4, (uint16_t)(8 + w->w_len));
		be16enc(l4 + 6, (uint16_t)~slow_sum(pseudo, l4,
		    8 + w->w_len));
		if (be16dec(l4 + 6) == 0)
			be16enc(l4 + 6, 0xffff);
	}
	return ETH + 20 + l4len + w->w_len;
}

static uint8_t frame[66000], got[66000];

/* The large packet: headers in one mbuf, payload in several; from the Ethernet
 * header, or from the IP header. */
static struct mbuf *
large(const struct want *w, unsigned size, bool ether)
{
	unsigned n, skip = ether ? 0 : ETH, hlen, l4len;
	struct mbuf *m, *data;
	uint16_t sum;
	uint8_t *l4;

	n = build(frame, w);
	l4len = w->w_proto == TCP ? 20 + w->w_options : 8;
	hlen = ETH + 20 + l4len;
	m = m_devget(frame + skip, hlen - skip, MAX_LINKHDR);
	data = n > hlen ? m_devget(frame + hlen, n - hlen, 0) : NULL;
	if (m == NULL || (data == NULL && n > hlen))
		return NULL;
	if (data != NULL)
		m = m_cat(m, data);
	m->m_ph.ph_l2 = m_offset(m, m->m_data);
	m->m_ph.ph_l3 = m_offset(m, m->m_data + ETH - skip);
	m->m_ph.ph_l4 = m_offset(m, m->m_data + ETH - skip + 20);
	m->m_ph.ph_gso = w->w_proto == TCP ? MGSO_TCP4 : MGSO_UDP;
	m->m_ph.ph_gso_size = (uint16_t)size;
	m->m_ph.ph_csum = MCSUM_PARTIAL;
	m->m_ph.ph_csum_start = m->m_ph.ph_l4;
	m->m_ph.ph_csum_off = w->w_proto == TCP ? 16 : 6;
	l4 = m_at(m, m->m_ph.ph_l4);
	sum = slow_sum((uint32_t)w->w_proto + l4len + w->w_len,
	    l4 - 8, 8);
	be16enc(l4 + m->m_ph.ph_csum_off, sum);
	return m;
}

/* Segment i of what w says, as it is to be on the wire. */
static unsigned
expect(uint8_t *f, const struct want *w, unsigned i, unsigned size)
{
	struct want s = *w;

	s.w_off = i * size;
	s.w_len = MIN(size, w->w_len - s.w_off);
	s.w_id = (uint16_t)(w->w_id + i);
	s.w_seq = w->w_seq + s.w_off;
	if (s.w_off + s.w_len != w->w_len)
		s.w_flags &= (uint8_t)~(FIN | PSH);
	if (i > 0)
		s.w_flags &= (uint8_t)~CWR;
	return build(f, &s);
}

static int
check_split(const struct want *w, unsigned size, bool ether)
{
	struct mbuf *m = large(w, size, ether), *next;
	unsigned i, n, skip = ether ? 0 : ETH;

	CHECK(m != NULL);
	m = gso_segment(m);
	CHECK(m != NULL);
	for (i = 0; m != NULL; i++, m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		CHECK(m->m_ph.ph_gso == MGSO_NONE);
		CHECK(m->m_ph.ph_len == m_length(m));
		CHECK(m_cksum_complete(&m) == 0);
		n = expect(frame, w, i, size) - skip;
		CHECK(m->m_ph.ph_len == n);
		m_copydata(m, 0, n, got);
		CHECK(memcmp(got, frame + skip, n) == 0);
		m_freem(m);
	}
	CHECK(i == MAX(1u, howmany(w->w_len, size)));
	return 0;
}

int
rumptest_gso_tcp(unsigned n, unsigned size, unsigned options, int flags)
{
	struct want w = { .w_proto = TCP, .w_options = options,
	    .w_id = 0xfffe, .w_seq = 0xffffff00, .w_ack = 77,
	    .w_flags = (uint8_t)flags, .w_len = n };
	int line = check_split(&w, size, true);

	return line != 0 ? line : check_split(&w, size, false);
}

int
rumptest_gso_udp(unsigned n, unsigned size)
{
	struct want w = { .w_proto = UDP, .w_id = 5, .w_len = n };

	return check_split(&w, size, true);
}

static struct testif *t0;

static int
testif_up(void)
{
	struct ifaddr ifa = { .ifa_family = AF_INET, .ifa_plen = 24,
	    .ifa_addr = inaddr4(htobe32(0x0a000001)) };
	struct vnet *vn = curvnet();

	if (t0 != NULL)
		return 0;
	CHECK(testif_create(vn, "gso0", 0, 1, &t0) == 0);
	ifnet_lock(vn);
	CHECK(if_setflags(t0->t_ifp, IFF_UP, 0) == 0);
	CHECK(ifaddr_add(t0->t_ifp, &ifa) == 0);
	ifnet_unlock(vn);
	return 0;
}

int
rumptest_gso_transmit(void)
{
	struct want w = { .w_proto = TCP, .w_seq = 1, .w_flags = ACK | PSH,
	    .w_len = 5000 };
	struct mbuf *m;
	unsigned i, n;

	CHECK(testif_up() == 0);
	m = large(&w, 1448, true);
	CHECK(m != NULL);
	netisr_enter();
	epoch_enter();
	CHECK(if_transmit(t0->t_ifp, m) == 0);
	epoch_exit();
	netisr_exit();
	for (i = 0; i < 4; i++) {
		m = testif_take(t0);
		CHECK(m != NULL && m->m_next == NULL);	/* not IFCAP_SG */
		n = expect(frame, &w, i, 1448);
		CHECK(m->m_len == n && memcmp(m->m_data, frame, n) == 0);
		m_freem(m);
	}
	CHECK(testif_take(t0) == NULL);
	CHECK(if_stat(t0->t_ifp, IFS_TXPACKETS) == 4);
	CHECK(if_stat(t0->t_ifp, IFS_TXBYTES) == 5000 + 4 * 54);
	return 0;
}

int
rumptest_gso_malformed(void)
{
	struct want w = { .w_proto = TCP, .w_flags = ACK, .w_len = 3000 };
	struct mbuf *m;

	m = large(&w, 0, true);
	CHECK(m != NULL && gso_segment(m) == NULL);
	m = large(&w, 100, true);
	m->m_ph.ph_l4 = m->m_ph.ph_l3;
	CHECK(gso_segment(m) == NULL);
	m = large(&w, 100, true);
	m->m_ph.ph_l3 = 0;
	CHECK(gso_segment(m) == NULL);
	m = large(&w, 100, true);
	m_at(m, m->m_ph.ph_l4)[12] = 0xf0;	/* more than there is */
	CHECK(gso_segment(m) == NULL);
	m = large(&w, 100, true);
	m_at(m, m->m_ph.ph_l4)[12] = 0x10;
	CHECK(gso_segment(m) == NULL);
	m = large(&w, 100, true);
	m->m_ph.ph_l4 += 1000;
	CHECK(gso_segment(m) == NULL);
	return 0;
}

/* ---- Joined --------------------------------------------------------------------- */

#define KEEP 4096
static struct mbuf *kept[KEEP];
static unsigned nkept;

static void
keep(struct ifnet *ifp __maybe_unused, struct mbuf *batch)
{
	struct mbuf *next;

	for (; batch != NULL; batch = next) {
		next = batch->m_nextpkt;
		batch->m_nextpkt = NULL;
		if (nkept == KEEP)
			m_freem(batch);
		else
			kept[nkept++] = batch;
	}
}

static void
forget(void)
{
	while (nkept > 0)
		m_freem(kept[--nkept]);
}

static int
receive(struct mbuf *batch)
{
	static struct netproto ip = {
		.np_ethertype = ETH_P_IP,
		.np_family = AF_INET,
		.np_input = keep,
	};
	static bool registered;

	CHECK(testif_up() == 0);
	if (!registered)
		netproto_register(&ip);
	registered = true;
	netisr_enter();
	epoch_enter();
	if_input(t0->t_ifp, batch);
	epoch_exit();
	netisr_exit();
	return 0;
}

static struct mbuf **
chain(struct mbuf **tail, const struct want *w)
{
	unsigned n = build(frame, w);

	*tail = m_devget(frame, n, 0);
	return &(*tail)->m_nextpkt;
}

/* Segments come in; one packet comes up, and would be split into the same. */
int
rumptest_gro_rejoin(unsigned n, unsigned size, int tcp)
{
	struct want w = { .w_proto = tcp ? TCP : UDP, .w_id = 7,
	    .w_options = tcp ? 12 : 0, .w_seq = 0xfffffff0,
	    .w_flags = ACK | PSH, .w_len = n }, s;
	struct mbuf *batch = NULL, **tail = &batch, *m, *next;
	unsigned i, segs = howmany(n, size), len;

	for (i = 0; i < segs; i++) {
		s = w;
		s.w_off = i * size;
		s.w_len = MIN(size, n - s.w_off);
		s.w_id = (uint16_t)(w.w_id + i);
		s.w_seq = w.w_seq + s.w_off;
		s.w_flags = i + 1 == segs ? w.w_flags : ACK;
		tail = chain(tail, &s);
	}
	CHECK(receive(batch) == 0);
	CHECK(nkept == 1);
	m = kept[0];
	nkept = 0;
	CHECK(m->m_ph.ph_gso == (tcp ? MGSO_TCP4 : MGSO_UDP));
	CHECK(m->m_ph.ph_gso_size == size && m->m_ph.ph_gso_segs == segs);
	CHECK(m->m_ph.ph_csum == MCSUM_PARTIAL);
	CHECK(m->m_ph.ph_len == m_length(m));
	/* The whole is a packet itself, with a good checksum. */
	next = m_dup(m, MAX_LINKHDR);
	CHECK(next != NULL && m_cksum_complete(&next) == 0);
	len = build(frame, &w) - ETH;
	CHECK(next->m_ph.ph_len == len);
	m_copydata(next, 0, len, got);
	CHECK(memcmp(got, frame + ETH, len) == 0);
	m_freem(next);
	m = gso_segment(m);
	for (i = 0; m != NULL; i++, m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		CHECK(m_cksum_complete(&m) == 0);
		len = expect(frame, &w, i, size) - ETH;
		CHECK(m->m_ph.ph_len == len);
		m_copydata(m, 0, len, got);
		CHECK(memcmp(got, frame + ETH, len) == 0);
		m_freem(m);
	}
	CHECK(i == segs);
	return 0;
}

/* Two segments; f changes the second frame (its checksums are made good). */
static unsigned
two(struct want *b, int spoil)
{
	struct want a = { .w_proto = TCP, .w_id = 1, .w_seq = 100, .w_ack = 5,
	    .w_flags = ACK, .w_len = 100 };
	struct mbuf *batch = NULL, **tail = &batch;
	unsigned n;

	tail = chain(tail, &a);
	tail = chain(tail, b);
	if (spoil > 0)
		batch->m_nextpkt->m_data[spoil] ^= 1;
	forget();
	if (receive(batch) != 0)
		return 99;
	n = nkept;
	forget();
	return n;
}

int
rumptest_gro_differences(void)
{
	const struct want good = { .w_proto = TCP, .w_id = 2, .w_seq = 200,
	    .w_ack = 5, .w_flags = ACK, .w_len = 100 };
	struct want w = good;

	CHECK(two(&w, 0) == 1);
	w = good, w.w_len = 50;
	CHECK(two(&w, 0) == 1);
	w = good, w.w_flags = ACK | PSH;
	CHECK(two(&w, 0) == 1);
	w = good, w.w_len = 101;	/* larger than the first */
	CHECK(two(&w, 0) == 2);
	w = good, w.w_seq = 201;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_seq = 100;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_ack = 6;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_id = 3;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_tos = 3;		/* CE */
	CHECK(two(&w, 0) == 2);
	w = good, w.w_ttl = 63;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_sport = 1235;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_options = 4;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_flags = ACK | FIN;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_flags = ACK | SYN;
	CHECK(two(&w, 0) == 2);
	w = good, w.w_len = 0;
	CHECK(two(&w, 0) == 2);
	/* A bad checksum stays what it is: for TCP to drop. */
	w = good;
	CHECK(two(&w, ETH + 40 + 50) == 2);
	CHECK(two(&w, ETH + 10) == 2);
	return 0;
}

/* A flow is a port; its payload is counted. */
struct sent {
	unsigned st_off;
	uint16_t st_id;
	bool st_tcp;
};

int
rumptest_gro_mixed(uint64_t seed, unsigned packets)
{
	static struct sent flows[24];
	static unsigned arrived[24];
	struct mbuf *batch = NULL, **tail = &batch, *m;
	unsigned i, f, len, off, port;
	uint8_t b[60];
	struct want w;

	memset(flows, 0, sizeof(flows));
	memset(arrived, 0, sizeof(arrived));
	for (i = 0; i < packets; i++) {
		f = (unsigned)(next_random(&seed) % 24);
		if (next_random(&seed) % 4 != 0)
			f %= 3;
		flows[f].st_tcp = f % 2 == 0;
		w = (struct want){ .w_proto = flows[f].st_tcp ? TCP : UDP,
		    .w_sport = (uint16_t)(1000 + f), .w_id = flows[f].st_id++,
		    .w_off = flows[f].st_off, .w_seq = flows[f].st_off,
		    .w_flags = (uint8_t)(ACK |
		    (next_random(&seed) % 8 == 0 ? PSH : 0)),
		    .w_len = next_random(&seed) % 6 == 0 ?
		    (unsigned)(next_random(&seed) % 300) : 200 };
		flows[f].st_off += w.w_len;
		tail = chain(tail, &w);
		if (next_random(&seed) % 64 != 0 && i + 1 < packets)
			continue;
		CHECK(receive(batch) == 0);
		batch = NULL;
		tail = &batch;
	}
	CHECK(nkept > 0 && nkept < packets);
	for (i = 0; i < nkept; i++) {
		m = kept[i];
		m_copydata(m, 0, 40 <= m->m_ph.ph_len ? 40 : 28, b);
		port = be16dec(b + 20);
		CHECK(port >= 1000 && port < 1024);
		f = port - 1000;
		off = flows[f].st_tcp ? 40 : 28;
		len = m->m_ph.ph_len - off;
		CHECK(!flows[f].st_tcp || be32dec(b + 24) == arrived[f]);
		m_copydata(m, off, len, got);
		while (len > 0) {
			len--;
			CHECK(got[len] == payload(arrived[f] + len));
		}
		arrived[f] += m->m_ph.ph_len - off;
	}
	for (f = 0; f < 24; f++)
		CHECK(arrived[f] == flows[f].st_off);
	forget();
	return 0;
}
