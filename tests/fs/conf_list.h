/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole list, for a driver: it defines sys and fs and runs conf_run().
 */
#include "conf.h"

#include "conf_rename.c"
#include "conf_dir.c"
#include "conf_data.c"
#include "conf_open.c"
#include "conf_perm.c"
#include "conf_time.c"
#include "conf_space.c"
#include "conf_node.c"
#include "conf_race.c"

/* Returns how many cases failed. */
static int
conf_run(const struct conf_fs *which)
{
	static const struct CMUnitTest cases[] = {
		CONF_RENAME,
		CONF_DIR,
		CONF_DATA,
		CONF_OPEN,
		CONF_PERM,
		CONF_TIME,
		CONF_SPACE,
		CONF_NODE,
		CONF_RACE,
		C(is_in_order_after_all_of_that),
	};
	const char *filter = getenv("CONF_FILTER");

	fs = which;
	if (filter != NULL)
		cmocka_set_test_filter(filter);
	return cmocka_run_group_tests_name(fs->cf_name, cases, NULL, NULL);
}
