/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A million prefixes: every look-up against sorted lists, one a length.
 *
 * Link: rump-net
 */
#include <rump/rump.h>

#include "k_route_million.h"
#include "test.h"

static void
a_million_prefixes_match(void **state)
{
	unsigned hot, cold;

	(void)state;
	assert_int_equal(rumptest_trie_big(1, 1000000, &hot, &cold), 0);
	print_message("# hot %u ns, cold %u ns\n", hot, cold);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_prefixes_match),
	};

	if (rump_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
