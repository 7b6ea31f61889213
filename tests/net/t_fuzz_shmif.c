/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile member: it writes what it wants into a bus while two others use
 * it. They may lose frames and receive nonsense; they must not crash, hang, or
 * be kept from leaving. FUZZ_SEED, FUZZ_RUNS (thousands of writes) choose.
 *
 * Link: rump-shmif
 */
#define _GNU_SOURCE
#include "test.h"

#include <sys/mman.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/net/shmif.h>
#include <rump/rump.h>

#include "../../components/net/shmif/shmif_bus.h"
#include "ether.h"

#define FILESIZE	shmif_filesize(3)

static char dir[64], bus[80], ifname[2][16];
static uint64_t seed = 1;
static unsigned runs = 40;
static _Atomic bool done;

static int
boot(void **state)
{
	(void)state;
	if (getenv("FUZZ_SEED") != NULL)
		seed = strtoull(getenv("FUZZ_SEED"), NULL, 0);
	if (getenv("FUZZ_RUNS") != NULL)
		runs = (unsigned)strtoul(getenv("FUZZ_RUNS"), NULL, 0);
	strcpy(dir, "/tmp/t_fuzz_shmif.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	return rump_init() != 0 || rumptest_ether_listen() != 0;
}

static int
cleanup(void **state)
{
	(void)state;
	rmdir(dir);
	return 0;
}

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void
join(char name[16])
{
	int n;

	ok_errno(rump_pub_shmif_create(bus, &n));
	snprintf(name, 16, "shmif%d", n);
	ok_errno(rumptest_ether_up(0, name, true));
}

/* Numbers that code stumbles over. */
static uint64_t
nasty(uint64_t *s, uint64_t old)
{
	switch (rnd(s) % 10) {
	case 0: return 0;
	case 1: return ~UINT64_C(0);
	case 2: return old + 1;
	case 3: return old - 64;
	case 4: return old + 64;
	case 5: return old + SHMIF_RINGSIZE;
	case 6: return UINT64_C(1) << (rnd(s) % 64);
	case 7: return old ^ UINT64_C(1) << (rnd(s) % 64);
	case 8: return rnd(s) % 70000;
	default: return rnd(s);
	}
}

/* A place worth writing to. */
static uint8_t *
target(uint64_t *s, uint8_t *mem, size_t *widthp)
{
	struct shmif_head *h = (void *)mem;
	unsigned pair = (unsigned)(rnd(s) % 9), from, to;
	struct shmif_ctl *ctl = &h->sh_ctl[pair];
	uint64_t pos;

	*widthp = 8;
	switch (rnd(s) % 12) {
	case 0:
		return mem + rnd(s) % 16 * 8;
	case 1:
		*widthp = 4;
		return (uint8_t *)&h->sh_member[rnd(s) % 3] +
		    rnd(s) % 64 * 4;
	case 2:
		return (uint8_t *)ctl + rnd(s) % 16 * 8;
	case 3:
		return (uint8_t *)&ctl->sc_head;
	case 4:
		return (uint8_t *)&ctl->sc_tail;
	case 5:
		return (uint8_t *)&ctl->sc_held;
	case 6:		/* wake somebody to look at it */
		return (uint8_t *)&h->sh_member[rnd(s) % 3].sm_pending;
	default:	/* a header of an entry near the head */
		for (from = 0; from < 3; from++)
			for (to = 0; to < 3; to++)
				if (shmif_pair(from, to) == pair)
					goto found;
found:
		pos = ctl->sc_head - rnd(s) % 20 * 64;
		*widthp = rnd(s) % 2 != 0 ? 2 : 4;
		return mem + shmif_region(from, to) + pos % SHMIF_RINGSIZE /
		    64 * 64 + rnd(s) % 16 * 4;
	}
}

static void *
hostile(void *arg)
{
	uint8_t *mem, *p;
	uint64_t v, s = seed * 0x9e3779b97f4a7c15;
	size_t width;
	int fd;

	(void)arg;
	fd = open(bus, O_RDWR);
	if (fd == -1 || ftruncate(fd, (off_t)FILESIZE) == -1)
		return (void *)1;
	mem = mmap(NULL, FILESIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return (void *)1;
	for (unsigned i = 0; i < runs * 1000; i++) {
		p = target(&s, mem, &width);
		memcpy(&v, p, 8);
		v = nasty(&s, v);
		memcpy(p, &v, width);
		if (i % 64 == 0)
			usleep(10);
	}
	munmap(mem, FILESIZE);
	close(fd);
	done = true;
	return NULL;
}

static void
use(uint64_t *s, bool offloads)
{
	struct ether_frame f = { .ef_len = 18 + (uint32_t)(rnd(s) %
	    (rnd(s) % 2 != 0 ? 65000 : 300)) }, got;
	unsigned from = (unsigned)(rnd(s) % 2);

	if (rnd(s) % 4 == 0)
		memset(f.ef_dst, 0xff, 6);
	else
		(void)rumptest_ether_address(0, ifname[1 - from], f.ef_dst);
	if (offloads && f.ef_len > 100) {
		f.ef_partial = true;
		f.ef_csum_start = 34;
		f.ef_csum_off = 16;
	}
	(void)rumptest_ether_send(0, ifname[from], &f, 1);
	while (rumptest_ether_take(&got, 0))
		continue;
}

static void
a_hostile_member_does_not_crash_others(void **state)
{
	uint64_t s = seed;
	pthread_t t;
	void *rv;

	(void)state;
	for (unsigned round = 0; round < 4; round++, seed++) {
		snprintf(bus, sizeof(bus), "%s/bus%u", dir, round);
		for (int i = 0; i < 2; i++)
			join(ifname[i]);
		done = false;
		assert_int_equal(pthread_create(&t, NULL, hostile, NULL), 0);
		while (!done) {
			rumptest_ether_keep(rnd(&s) % 8 == 0);
			use(&s, round % 2 != 0);
			if (rnd(&s) % 500 == 0) {
				ok_errno(rumptest_ether_destroy(0,
				    ifname[1]));
				if (rump_pub_shmif_create(bus,
				    &(int){ 0 }) != 0)
					break;
			}
		}
		pthread_join(t, &rv);
		assert_null(rv);
		rumptest_ether_keep(false);
		for (int i = 0; i < 10; i++) {
			char name[16];

			snprintf(name, sizeof(name), "shmif%d", i);
			(void)rumptest_ether_destroy(0, name);
		}
		unlink(bus);
	}
	/* All is well on another. */
	snprintf(bus, sizeof(bus), "%s/well", dir);
	for (int i = 0; i < 2; i++)
		join(ifname[i]);
	for (int i = 0; i < 100; i++) {
		struct ether_frame f = { .ef_len = 5000, .ef_fill = 1 }, got;

		ok_errno(rumptest_ether_address(0, ifname[1], f.ef_dst));
		ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
		assert_true(rumptest_ether_take(&got, 20000));
		assert_false(got.ef_bad);
	}
	unlink(bus);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hostile_member_does_not_crash_others),
	};

	return cmocka_run_group_tests(tests, boot, cleanup);
}
