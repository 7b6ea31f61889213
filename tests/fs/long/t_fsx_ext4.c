/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file and trees under random operations, on ext4.
 *
 * Link: rump-ext2fs
 */
#include "../fsx_ext.h"

int
main(void)
{

	return fsx_ext_main("ext4", "", 40, 8000);
}
