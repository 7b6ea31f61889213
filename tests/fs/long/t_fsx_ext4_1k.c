/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file and trees under random operations, on ext4 with blocks of 1 KiB,
 * checksums and little inodes: several blocks in a page, deep extent trees.
 *
 * Link: rump-ext2fs
 */
#include "../fsx_ext.h"

int
main(void)
{

	return fsx_ext_main("ext4", "-b 1024 -I 128 -O metadata_csum", 40,
	    8000);
}
