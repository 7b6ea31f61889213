/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel half of t_impair.
 */
#include <kern/byteorder.h>
#include <kern/ifnet.h>
#include <kern/route.h>
#include <kern/string.h>

#include "k_impair.h"

#define CHECK(e) do { if (!(e)) return __LINE__; } while (0)
#define MAXGOT 4096

static struct lock_class got_lc = LOCK_CLASS("got", 0);
static struct kspin got_lock;
static int got[MAXGOT], ngot;		/* [got_lock] */

static int
number_of(const struct mbuf *m)
{
	uint8_t buf[IMPAIR_BYTES];
	int i;

	if (m->m_ph.ph_len != IMPAIR_BYTES)
		return -1;
	m_copydata(m, 0, sizeof(buf), buf);
	for (i = 4; i < IMPAIR_BYTES; i++)
		if (buf[i] != 5)
			return -1;
	return buf[0] == 0x60 && buf[1] == 0 ? be16dec(buf + 2) : -1;
}

static void
input(struct ifnet *ifp __maybe_unused, struct mbuf *batch)
{
	struct mbuf *m;

	spin_lock(&got_lock);
	for (m = batch; m != NULL; m = m->m_nextpkt)
		if (ngot < MAXGOT)
			got[ngot++] = number_of(m);
	spin_unlock(&got_lock);
	m_freelist(batch);
}

static struct netproto proto = {
	.np_ethertype = ETH_P_IPV6,
	.np_family = AF_INET6,
	.np_input = input,
};

int
rumptest_impair_send(int n)
{
	struct ifnet *lo = if_loopback(curvnet());
	uint8_t packet[IMPAIR_BYTES] = { 0x60 };
	union inaddr dst = { .a8[15] = 1 };
	static bool registered;
	struct mbuf *m;
	int i;

	if (!registered) {
		spin_init(&got_lock, &got_lc);
		netproto_register(&proto);
		registered = true;
	}
	memset(packet + 4, 5, sizeof(packet) - 4);
	for (i = 0; i < n; i++) {
		be16enc(packet + 2, (uint16_t)i);
		m = m_devget(packet, sizeof(packet), MAX_LINKHDR);
		CHECK(m != NULL);
		netisr_enter();
		epoch_enter();
		(void)if_output(lo, m, ETH_P_IPV6, NULL, &dst);
		epoch_exit();
		netisr_exit();
	}
	return 0;
}

int
rumptest_impair_got(int *numbers, int max)
{
	int n;

	spin_lock(&got_lock);
	n = MIN(ngot, max);
	memcpy(numbers, got, (size_t)n * sizeof(*got));
	ngot = 0;
	spin_unlock(&got_lock);
	return n;
}
