/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_mbuf: chains next to plain arrays, checksums next to a
 * word-by-word sum, queues of packets, network instances. Functions return 0, or
 * the line at which something was wrong.
 */
#include <kern/assert.h>
#include <kern/byteorder.h>
#include <kern/mbuf.h>
#include <kern/netisr.h>
#include <kern/vnet.h>

#include "k_mbuf.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)
#define MODEL 200000u

static uint8_t model[MODEL], scratch[MODEL];

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static bool
is_same(const struct mbuf *m, const uint8_t *want, size_t len)
{
	if (m_length(m) != len)
		return false;
	if ((m->m_flags & M_PKTHDR) != 0 && m->m_ph.ph_len != len)
		return false;
	m_copydata(m, 0, len, scratch);
	return memcmp(scratch, want, len) == 0;
}

/* A packet of random cuts: some mbufs inside, some shared, some empty. */
static struct mbuf *
random_packet(uint64_t *s, size_t *lenp)
{
	struct mbuf *m, *n;
	size_t len = 0, part, i;
	unsigned pieces = 1 + rnd(s) % 5;

	m = m_gethdr(MT_DATA);
	if (m == NULL)
		return NULL;
	while (pieces-- > 0) {
		part = rnd(s) % 3 == 0 ? rnd(s) % 20 : rnd(s) % 6000;
		for (i = 0; i < part; i++)
			model[len + i] = (uint8_t)rnd(s);
		n = m_devget(model + len, part, rnd(s) % 100);
		if (n == NULL)
			return NULL;
		m_cat(m, n);
		len += part;
	}
	*lenp = len;
	return m;
}

static int
one_operation(uint64_t *s, struct mbuf **mp, size_t *lenp)
{
	struct mbuf *m = *mp, *n;
	size_t len = *lenp, a, b;

	a = len == 0 ? 0 : rnd(s) % (len + 1);
	switch (rnd(s) % 8) {
	case 0:
		m = m_pullup(m, a);
		CHECK(m != NULL && m->m_len >= a);
		break;
	case 1:
		m = m_makewritable(m, a);
		CHECK(m != NULL && m->m_len >= a && m_writable(m));
		break;
	case 2:
		a = rnd(s) % 200;
		m = m_prepend(m, a);
		CHECK(m != NULL && m->m_len >= a);
		memmove(model + a, model, len);
		for (b = 0; b < a; b++)
			m->m_data[b] = model[b] = (uint8_t)rnd(s);
		len += a;
		break;
	case 3:
		m_adj(m, (ssize_t)a);
		memmove(model, model + a, len - a);
		len -= a;
		break;
	case 4:
		m_adj(m, -(ssize_t)a);
		len -= a;
		break;
	case 5:
		b = rnd(s) % (len - a + 1);
		n = m_copym(m, a, b, M_PKTHDR);
		CHECK(n != NULL && is_same(n, model + a, b));
		m_freem(n);
		break;
	case 6:
		n = m_split(m, a);
		CHECK(n != NULL && is_same(m, model, a) &&
		    is_same(n, model + a, len - a));
		m = m_cat(m, n);
		break;
	case 7:
		n = m_dup(m, rnd(s) % 100);
		CHECK(n != NULL && is_same(n, model, len));
		m_freem(m);
		m = n;
		break;
	}
	*mp = m;
	*lenp = len;
	CHECK(is_same(m, model, len));
	return 0;
}

int
rumptest_mbuf_model(uint64_t seed, int rounds)
{
	uint64_t s = seed * 0x9e3779b97f4a7c15ull + 1;
	struct mbuf *m, *kept;
	size_t len, keptlen;
	uint16_t before;
	int ops, line;

	while (rounds-- > 0) {
		m = random_packet(&s, &len);
		CHECK(m != NULL && is_same(m, model, len));
		/* Shared storage, which no operation may write. */
		kept = m_copym(m, 0, SIZE_MAX, M_PKTHDR);
		CHECK(kept != NULL && is_same(kept, model, len));
		before = in_cksum_fold(in_cksum_chain(0, kept, 0, len));
		keptlen = len;
		for (ops = 0; ops < 20; ops++) {
			line = one_operation(&s, &m, &len);
			if (line != 0)
				return line;
		}
		m_freem(m);
		CHECK(m_length(kept) == keptlen && before == in_cksum_fold(
		    in_cksum_chain(0, kept, 0, keptlen)));
		m_freem(kept);
	}
	return 0;
}

/* Offsets of headers stay true when room in front needs a new mbuf. */
int
rumptest_mbuf_headers(void)
{
	struct mbuf *m;
	m = m_devget(model, 200, 14);
	CHECK(m != NULL && m_leading(m) == 14);
	m->m_data[0] = 0xa3;
	m->m_data[20] = 0xa4;
	m->m_ph.ph_l3 = m_offset(m, m->m_data);
	m->m_ph.ph_l4 = m_offset(m, m->m_data + 20);
	m = m_prepend(m, 14);
	CHECK(m != NULL && m_leading(m) == 0);
	CHECK(*m_at(m, m->m_ph.ph_l3) == 0xa3);
	m = m_prepend(m, 20);
	CHECK(m != NULL && m->m_next != NULL);
	CHECK(*m_at(m, m->m_ph.ph_l3) == 0xa3);
	CHECK(*m_at(m, m->m_ph.ph_l4) == 0xa4);
	m = m_makewritable(m, 150);
	CHECK(m != NULL && m->m_len >= 150);
	CHECK(*m_at(m, m->m_ph.ph_l3) == 0xa3);
	CHECK(*m_at(m, m->m_ph.ph_l4) == 0xa4);
	m_freem(m);
	return 0;
}

static uint16_t
naive_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += (i & 1) != 0 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

int
rumptest_mbuf_cksum(uint64_t seed, int rounds)
{
	uint64_t s = seed + 77;
	struct mbuf *m;
	size_t len, off, n;
	uint16_t got, want;

	while (rounds-- > 0) {
		m = random_packet(&s, &len);
		CHECK(m != NULL);
		off = rnd(&s) % (len + 1);
		n = rnd(&s) % (len - off + 1);
		want = naive_sum(model + off, n);
		got = in_cksum_fold(in_cksum_chain(0, m, off, n));
		got = KERN_BE(16, got);
		CHECK(got == want || (got % 0xffff == 0 && want % 0xffff == 0));
		got = in_cksum_fold(in_cksum_copy(0, scratch, model + off, n,
		    false));
		got = KERN_BE(16, got);
		CHECK(got == want || (got % 0xffff == 0 && want % 0xffff == 0));
		CHECK(memcmp(scratch, model + off, n) == 0);
		m_freem(m);
	}
	return 0;
}

/* RFC 1071's example in section 3, and a sum left to the driver. */
int
rumptest_mbuf_partial(void)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5,
	    0xf6, 0xf7 };
	struct mbuf *m;
	uint32_t sum;

	CHECK(KERN_BE(16, in_cksum_fold(in_cksum_add(0, example, 8, false))) ==
	    0xddf2);
	memset(model, 0x5a, 300);
	model[26] = 0x12;	/* the pseudo header's sum */
	model[27] = 0x34;
	m = m_devget(model, 201, 16);
	CHECK(m != NULL);
	m->m_ph.ph_csum = MCSUM_PARTIAL;
	m->m_ph.ph_csum_start = m_offset(m, m->m_data + 20);
	m->m_ph.ph_csum_off = 6;
	CHECK(m_cksum_complete(&m) == 0 && m->m_ph.ph_csum == MCSUM_NONE);
	m_copydata(m, 0, 201, scratch);
	/* With the pseudo header's sum again in place of itself: all ones. */
	sum = naive_sum(scratch + 20, 181) + 0x1234u;
	CHECK((sum & 0xffff) + (sum >> 16) == 0xffff);
	/* Beyond the packet: refused. */
	m->m_ph.ph_csum = MCSUM_PARTIAL;
	m->m_ph.ph_csum_off = 190;
	CHECK(m_cksum_complete(&m) == EINVAL);
	m_freem(m);
	return 0;
}

/* ---- Queues -------------------------------------------------------------- */

#define MAXTHREADS 4

static struct netqueue queue;
static uint32_t next_of[MAXTHREADS];
static _Atomic unsigned inside, misordered, together, seen;

/* Packets carry their thread's number and their own. */
static void
queue_input(struct netqueue *nq __maybe_unused, struct mbuf *batch)
{
	struct mbuf *next;
	uint32_t v[2];

	if (atomic_fetch_add(&inside, 1) != 0)
		atomic_fetch_add(&together, 1);
	for (; batch != NULL; batch = next) {
		next = batch->m_nextpkt;
		m_copydata(batch, 0, sizeof(v), v);
		if (v[1] != next_of[v[0]]++)
			atomic_fetch_add(&misordered, 1);
		atomic_fetch_add(&seen, 1);
		m_freem(batch);
	}
	atomic_fetch_sub(&inside, 1);
}

int
rumptest_netqueue_setup(void)
{
	return netqueue_init(&queue, UINT32_MAX, queue_input);
}

int
rumptest_netqueue_order(int thread, int packets)
{
	uint32_t v[2] = { (uint32_t)thread, 0 };
	struct mbuf *m;

	for (; v[1] < (uint32_t)packets; v[1]++) {
		m = m_devget(v, sizeof(v), 0);
		CHECK(m != NULL);
		netisr_enter();
		CHECK(netqueue_put(&queue, m) == 0);
		netisr_exit();
	}
	return 0;
}

int
rumptest_netqueue_done(int threads, int packets)
{
	int i;

	netqueue_fini(&queue);
	CHECK(atomic_load(&misordered) == 0 && atomic_load(&together) == 0);
	CHECK(atomic_load(&seen) == (unsigned)(threads * packets));
	for (i = 0; i < threads; i++)
		CHECK(next_of[i] == (uint32_t)packets);
	return 0;
}

int
rumptest_netqueue_full(void)
{
	static struct netqueue nq;
	uint32_t v[2] = { 3, 0 };
	struct mbuf *m;

	atomic_store(&seen, 0);
	next_of[3] = 0;
	CHECK(netqueue_init(&nq, 2, queue_input) == 0);
	netisr_enter();
	for (v[1] = 0; v[1] < 3; v[1]++) {
		m = m_devget(v, sizeof(v), 0);
		CHECK(m != NULL);
		CHECK(netqueue_put(&nq, m) == (v[1] < 2 ? 0 : ENOBUFS));
	}
	CHECK(atomic_load(&seen) == 0);
	netisr_exit();
	CHECK(atomic_load(&seen) == 2 && nq.nq_drops == 1);
	netqueue_fini(&nq);
	return 0;
}

/* ---- Instances ----------------------------------------------------------- */

static int lives, ups;

static int
part_init(struct vnet *vn __maybe_unused, void **datap)
{
	lives++;
	ups++;
	*datap = &lives;
	return 0;
}

static void
part_shutdown(struct vnet *vn __maybe_unused, void *data)
{
	if (data == &lives)
		ups--;
}

static void
part_fini(struct vnet *vn __maybe_unused, void *data)
{
	if (data == &lives)
		lives--;
}

static const struct vnet_ops part = {
	.vo_slot = VNET_OTHER3,
	.vo_init = part_init,
	.vo_shutdown = part_shutdown,
	.vo_fini = part_fini,
};

int
rumptest_vnet_life(void)
{
	struct vnet *vn, *found;
	nstime_t until = mono_now() + 10 * NS_PER_SEC;

	CHECK(vnet_register(&part) == 0 && lives == 1);
	CHECK(vnet_create(&vn) == 0 && lives == 2);
	CHECK(vnet_find(vn->vn_id, &found) == 0 && found == vn);
	vnet_leave(found);
	CHECK(ups == 2);
	vnet_hold(vn);
	vnet_leave(vn);
	CHECK(ups == 1 && lives == 2);
	CHECK(vnet_find(vn->vn_id, &found) == ENOENT);
	vnet_rele(vn);
	/* Freed by a kernel thread. */
	while (*(volatile int *)&lives != 1 && mono_now() < until)
		continue;
	CHECK(lives == 1);
	return 0;
}
