/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The faction vfs comes up.
 */
#include <kern/types.h>

#include "cache.h"

int rumpvfs_init(void);

int
rumpvfs_init(void)
{

	return cache_init();
}
