/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file etfs.h
 * Host files in the rump kernel's root file system.
 *
 * A host file or directory appears under a path (the key) of the root file
 * system: an image to mount, a device to talk to, a file to read. Directories
 * on the way of the key are made. Nothing is opened on the host before it is
 * opened in the rump kernel.
 *
 * Files of the host can be read, written, truncated, and created in its
 * directories. Everything else leaves the host alone: changing modes, owners or
 * times, removing, renaming, linking, and making anything but regular files is
 * EPERM, extended attributes and O_TMPFILE are EOPNOTSUPP. Devices have a node
 * in the root file system, whose mode, owner and times can be changed. A key
 * keeps its name until rump_pub_etfs_remove().
 *
 * Link: rumpvfs
 */
#ifndef RUMP_ETFS_H
#define RUMP_ETFS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the key becomes. */
enum rump_etfs_type {
	/** A regular file; reads and writes go through to the host's. */
	RUMP_ETFS_REG,
	/**
	 * A block device over a regular file or a block device of the host.
	 * Opening it for writing takes an exclusive lock of the host file:
	 * EBUSY where somebody else has it, in this process (under another
	 * key too) or another. Open for reading, it is never written to.
	 */
	RUMP_ETFS_BLK,
	/** A character device: a stream from and to a host file or device. */
	RUMP_ETFS_CHR,
	/**
	 * A directory with the host directory's regular files, to read, write
	 * and create them. Symbolic links of the host are not shown and not
	 * followed.
	 */
	RUMP_ETFS_DIR,
	/** The same, with its subdirectories. */
	RUMP_ETFS_DIR_SUBDIRS
};

/** A size up to the end of the host file. */
#define RUMP_ETFS_SIZE_ENDOFF UINT64_MAX

/**
 * Enter a host file. May block.
 *
 * @param key       absolute path in the rump kernel's root file system.
 * @param hostpath  path on the host; kept, and looked up again at each open.
 * @return ENOENT, EACCES, ... from the host; EEXIST the key is there already;
 *         EINVAL the key is not absolute, the host's file does not have that
 *         type; ENOTDIR, ENAMETOOLONG, ENOMEM
 */
int rump_pub_etfs_register(const char *key, const char *hostpath,
    enum rump_etfs_type type);

/**
 * The same for a part of the host file; RUMP_ETFS_BLK only.
 *
 * @param begin  bytes, a multiple of 512.
 * @param size   bytes, a multiple of 512; RUMP_ETFS_SIZE_ENDOFF: to the end.
 * @return as above; EINVAL the part is not within the host file.
 */
int rump_pub_etfs_register_withsize(const char *key, const char *hostpath,
    enum rump_etfs_type type, uint64_t begin, uint64_t size);

/**
 * A host file to be entered when the kernel boots. The application fills in
 * eb_key to eb_size, which mean what the arguments of
 * rump_pub_etfs_register_withsize() mean, and keeps it, with its strings,
 * until rump_init() has returned.
 */
struct rump_boot_etfs {
	const char *eb_key;
	const char *eb_hostpath;
	enum rump_etfs_type eb_type;
	uint64_t eb_begin;
	uint64_t eb_size;		/**< RUMP_ETFS_SIZE_ENDOFF: all */

	struct rump_boot_etfs *_eb_next; /**< the rump kernel's */
	/**
	 * What became of it: 0, or what the function above would return; -1
	 * while the kernel has not booted. A failure here does not keep it
	 * from booting.
	 */
	int eb_status;
};

/** Before rump_init(), one thread at a time. Does not block. */
void rump_boot_etfs_register(struct rump_boot_etfs *eb);

/**
 * Take it away again. Files that are open stay usable, devices in use are
 * refused. May block.
 *
 * @return ENOENT no such key; EBUSY a block device that is open or mounted
 */
int rump_pub_etfs_remove(const char *key);

#ifdef __cplusplus
}
#endif

#endif /* RUMP_ETFS_H */
