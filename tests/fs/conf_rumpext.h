/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3 and ext4 of the rump kernel, for whichever list of cases; e2fsck
 * looks at every image that was written.
 */
#ifndef CONF_RUMPEXT_H
#define CONF_RUMPEXT_H

#include "conf_rump.h"
#include "conf_ext.h"

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>

#define DEVICE		"/dev/conf"
#define DEVICE_SMALL	"/dev/conf-small"

static bool
rumpext_mount(const char *device, const char *on, int flags)
{
	struct ext2fs_args args = { .fspec = device };

	if (rump_sys_mount(ext_name, on, flags, &args, sizeof(args)) == 0)
		return true;
	print_error("mount %s: %s\n", device, strerror(errno));
	return false;
}

static bool
rumpext_unmount(const char *on)
{

	if (rump_sys_umount2(on, 0) == 0)
		return true;
	print_error("unmount %s: %s\n", on, strerror(errno));
	return false;
}

static const char *
rumpext_small(uint64_t bytes, uint64_t nodes)
{

	if (!ext_make_small(bytes, nodes) ||
	    rump_pub_etfs_register(DEVICE_SMALL, ext_small,
	    RUMP_ETFS_BLK) != 0 || !rumpext_mount(DEVICE_SMALL, SMALL, 0))
		return NULL;
	return SMALL;
}

static void
rumpext_small_done(void)
{

	if (rumpext_unmount(SMALL)) {
		errno = rump_pub_etfs_remove(DEVICE_SMALL);
		if (errno != 0)
			print_error("remove: %s\n", strerror(errno));
	}
	if (!ext_clean(ext_small))
		_fail(__FILE__, __LINE__);
}

static int
rumpext_readonly(bool ro)
{

	return rump_sys_mount(ext_name, ROOT, MS_REMOUNT |
	    (ro ? MS_RDONLY : 0), NULL, 0);
}

static bool
rumpext_check(void)
{
	bool clean;

	if (!rumpext_unmount(ROOT))
		return false;
	clean = ext_clean(ext_image);
	return rumpext_mount(DEVICE, ROOT, 0) && clean;
}

/* Boot, make an image, mount it. options: mkfs's. */
static struct conf_fs
rumpext_setup(const char *kind, const char *size, const char *options)
{
	struct conf_fs f = ext_fs(kind);

	f.cf_root = ROOT;
	f.cf_other = "/";
	f.cf_small = rumpext_small;
	f.cf_small_done = rumpext_small_done;
	f.cf_readonly = rumpext_readonly;
	f.cf_check = rumpext_check;
	if (!ext_make(size, options))
		bail_out("mkfs");
	rump_setup();
	errno = rump_pub_etfs_register(DEVICE, ext_image, RUMP_ETFS_BLK);
	if (errno != 0 || !rumpext_mount(DEVICE, ROOT, 0))
		bail_out("mount");
	return f;
}

static void
rumpext_done(void)
{

	if (rump_sys_chdir("/") != 0 || !rumpext_unmount(ROOT))
		bail_out("unmount");
}

#endif
