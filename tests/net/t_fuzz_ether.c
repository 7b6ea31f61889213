/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random and mutated frames into Ethernet, ARP, and the joining of segments.
 * FUZZ_SEED and FUZZ_FRAMES choose others, and more.
 *
 * Link: rump-net
 */
#include <stdlib.h>

#include <rump/rump.h>

#include "k_fuzz_ether.h"
#include "test.h"

static unsigned long
number(const char *name, unsigned long def)
{
	const char *s = getenv(name);

	return s != NULL ? strtoul(s, NULL, 0) : def;
}

static void
any_frame_is_survived(void **state)
{
	(void)state;
	assert_int_equal(rumptest_fuzz_ether(number("FUZZ_SEED", 1),
	    (unsigned)number("FUZZ_FRAMES", 200000)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_frame_is_survived),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
