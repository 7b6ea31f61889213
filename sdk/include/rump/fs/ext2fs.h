/* SPDX-License-Identifier: BSD-2-Clause */
/** @file ext2fs.h
 * Mounting ext2, ext3 and ext4 file systems:
 *
 *	struct ext2fs_args args = { .fspec = "/dev/image" };
 *
 *	rump_sys_mount("ext4", "/mnt", 0, &args, sizeof(args));
 *
 * The type may be "ext2", "ext3", "ext4" or "ext2fs": what the image is, its
 * super block says. MS_RDONLY in the flags mounts it read-only; then no byte
 * of the device is written, and a journal that needs recovery is replayed in
 * memory.
 *
 * Errors of mount(2), besides those of the path and the device:
 *  - EINVAL  no ext file system, a nonsensical super block, arguments of
 *            another size or with unknown flags, or an incompatible feature
 *            that is not supported: a line on the console names it;
 *  - EROFS   a writable mount of an image with a feature that is only
 *            supported read-only (the console names it), or of a device that
 *            cannot be written;
 *  - EUCLEAN the image is damaged; a line on the console names the place.
 *
 * Damage that is found later gives EUCLEAN to the caller and a line on the
 * console; a writable mount is marked as having errors (e2fsck will look at
 * it) and goes read-only.
 */
#ifndef RUMP_FS_EXT2FS_H
#define RUMP_FS_EXT2FS_H

#include <stdint.h>

/** mount(2)'s data. */
struct ext2fs_args {
	const char *fspec;	/**< path of the block device, in rump's names */
	uint32_t flags;		/**< EXT2FS_MNT_* */
};

/** Do not replay the journal: read-only mounts only. */
#define EXT2FS_MNT_NOLOAD	0x1u

#endif
