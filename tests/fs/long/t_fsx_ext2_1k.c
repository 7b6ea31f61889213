/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file and trees under random operations, on ext2 with blocks of 1 KiB:
 * block maps of three levels.
 *
 * Link: rump-ext2fs
 */
#include "../fsx_ext.h"

int
main(void)
{

	return fsx_ext_main("ext2", "-b 1024", 40, 8000);
}
