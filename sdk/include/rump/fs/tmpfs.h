/* SPDX-License-Identifier: BSD-2-Clause */
/** @file tmpfs.h
 * Mounting tmpfs, a file system in the rump kernel's memory:
 *
 *	struct tmpfs_args args = { .size = 64 << 20 };
 *
 *	rump_sys_mount("tmpfs", "/tmp", 0, &args, sizeof(args));
 *
 * No arguments (NULL, 0) mean the defaults. MS_REMOUNT with arguments changes
 * those of the two limits that are not 0; without, only the flags of mount(2).
 *
 * Errors of mount(2), besides those of the path:
 *  - EINVAL  arguments of another size, a mode beyond 07777, or a remount to
 *            limits below what is in use.
 */
#ifndef RUMP_FS_TMPFS_H
#define RUMP_FS_TMPFS_H

#include <stdint.h>

/** mount(2)'s data. */
struct tmpfs_args {
	/**
	 * Bytes of file data, counted in whole pages of 4096, and of extended
	 * attributes; rounded up to a page. 0: half of the rump kernel's
	 * memory limit (RUMP_MEMLIMIT), none when that has none.
	 * UINT64_MAX: no limit.
	 */
	uint64_t size;
	/** Files of any kind, the root too. 0, UINT64_MAX: no limit. */
	uint64_t nr_inodes;
	uint32_t uid;		/**< owner of the root directory */
	uint32_t gid;		/**< group of the root directory */
	/** Permission bits of the root directory. 0: 01777. */
	uint32_t mode;
	uint32_t reserved;	/**< 0 */
};

#endif
