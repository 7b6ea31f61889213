/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file and trees under random operations, on ext2.
 *
 * Link: rump-ext2fs
 */
#include "fsx_ext.h"

int
main(void)
{

	return fsx_ext_main("ext2", "", 3, 4000);
}
