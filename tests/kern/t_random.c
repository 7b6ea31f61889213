/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes that follow from a seed, and SipHash's published example.
 *
 * Link: rump
 */
#include <stdlib.h>
#include <string.h>

#include <rump/rump.h>

#include "test.h"

struct siphash_key {
	uint64_t sk[2];
};
uint64_t rumpns_siphash(const struct siphash_key *, const void *, size_t);
int rumpns_random_bytes(void *, size_t);

static void
siphash_is_the_papers(void **state)
{
	/* Appendix A: the key is 00 01 .. 0f, the input 00 01 .. 0e. */
	static const struct siphash_key key = {
		{ 0x0706050403020100u, 0x0f0e0d0c0b0a0908u }
	};
	uint8_t in[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		in[i] = (uint8_t)i;
	assert_true(rumpns_siphash(&key, in, 15) == 0xa129ca6149be45e5u);
	/* Its reference code's first vector. */
	assert_true(rumpns_siphash(&key, in, 0) == 0x726fdb47dd0e0e31u);
}

static void
a_seed_does_not_make_bytes_repeat(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	ok_errno(rumpns_random_bytes(a, sizeof(a)));
	ok_errno(rumpns_random_bytes(b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
}

static int
setup(void **state)
{
	(void)state;
	setenv("RUMP_SEED", "1", 1);
	return rump_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_is_the_papers),
		cmocka_unit_test(a_seed_does_not_make_bytes_repeat),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
