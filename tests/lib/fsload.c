/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workload of fsload.h.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/fs/tmpfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "fsload.h"
#include "test.h"

#define SIZE 5000

int
fsload_mount(const char *type)
{
	struct tmpfs_args tmpfs = { .size = 1 << 20 };
	struct ext2fs_args ext = { .fspec = FSLOAD_DEVICE };

	if (strcmp(type, "tmpfs") == 0)
		return rump_sys_mount(type, FSLOAD_DIR, 0, &tmpfs,
		    sizeof(tmpfs));
	return rump_sys_mount(type, FSLOAD_DIR, 0, &ext, sizeof(ext));
}

/* What depends on a call that failed may miss it. */
static bool
check(struct fsload *fl, const char *what, long ret)
{
	if (ret != -1)
		return true;
	if (errno == fl->fl_errno) {
		fl->fl_failed++;
	} else if (fl->fl_failed == 0) {
		print_error("%s: %s\n", what, strerror(errno));
		fail();
	}
	return false;
}
#define TRY(call) check(fl, #call, (long)(call))

static void
work_on_file(struct fsload *fl, int fd)
{
	char buf[10000];

	memset(buf, 'x', sizeof(buf));
	TRY(rump_sys_write(fd, buf, sizeof(buf)));
	TRY(rump_sys_pwrite(fd, buf, 100, 300000));
	TRY(rump_sys_pread(fd, buf, sizeof(buf), 0));
	TRY(rump_sys_ftruncate(fd, SIZE));
	TRY(rump_sys_fsetxattr(fd, "user.name", "value", 5, 0));
	TRY(rump_sys_fsync(fd));
	TRY(rump_sys_close(fd));
}

static void
work_on_dir(struct fsload *fl)
{
	char buf[1000];
	struct stat st;
	int fd;

	TRY(rump_sys_symlink("dir/file", FSLOAD_DIR "/link"));
	TRY(rump_sys_stat(FSLOAD_DIR "/link", &st));
	TRY(rump_sys_link(FSLOAD_DIR "/dir/file", FSLOAD_DIR "/second"));
	TRY(rump_sys_rename(FSLOAD_DIR "/second", FSLOAD_DIR "/dir/third"));
	TRY(rump_sys_unlink(FSLOAD_DIR "/dir/file"));
	fd = rump_sys_open(FSLOAD_DIR "/dir", O_RDONLY | O_DIRECTORY, 0);
	if (check(fl, "open", fd)) {
		TRY(rump_sys_getdents64(fd, buf, sizeof(buf)));
		TRY(rump_sys_close(fd));
	}
	TRY(rump_sys_rename(FSLOAD_DIR "/dir", FSLOAD_DIR "/other"));
}

void
fsload_run(struct fsload *fl)
{
	int fd;

	fl->fl_failed = 0;
	if (!check(fl, "mount", fsload_mount(fl->fl_type)))
		return;
	TRY(rump_sys_mkdir(FSLOAD_DIR "/dir", 0755));
	fd = rump_sys_open(FSLOAD_DIR "/dir/file", O_RDWR | O_CREAT, 0644);
	if (check(fl, "open", fd))
		work_on_file(fl, fd);
	work_on_dir(fl);
	TRY(rump_sys_umount2(FSLOAD_DIR, 0));
}

static bool
left(const char *what, bool ok)
{
	if (!ok)
		print_error("%s: not what was left (%s)\n", what,
		    strerror(errno));
	return ok;
}

bool
fsload_left(void)
{
	char want[SIZE], got[SIZE + 1];
	struct stat st;
	bool ok = true;
	int fd;

	memset(want, 'x', sizeof(want));
	errno = 0;
	fd = rump_sys_open(FSLOAD_DIR "/other/third", O_RDONLY, 0);
	ok &= left("file", rump_sys_read(fd, got, sizeof(got)) == SIZE &&
	    memcmp(got, want, SIZE) == 0);
	ok &= left("xattr", rump_sys_fgetxattr(fd, "user.name", got,
	    sizeof(got)) == 5 && memcmp(got, "value", 5) == 0);
	ok &= left("close", rump_sys_close(fd) == 0);
	ok &= left("symlink", rump_sys_readlink(FSLOAD_DIR "/link", got,
	    sizeof(got)) == 8 && memcmp(got, "dir/file", 8) == 0);
	ok &= left("first name", rump_sys_stat(FSLOAD_DIR "/other/file",
	    &st) == -1 && errno == ENOENT);
	ok &= left("first directory", rump_sys_stat(FSLOAD_DIR "/dir",
	    &st) == -1 && errno == ENOENT);
	return ok;
}

int
fsload_sh(const char *fmt, ...)
{
	char cmd[1000];
	va_list ap;

	setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

/* ---- The image ---------------------------------------------------------- */

char fsload_image[] = "/tmp/rump_image.XXXXXX";

int
fsload_image_create(const char *size)
{
	int fd = mkstemp(fsload_image);

	if (fd == -1)
		return -1;
	close(fd);
	return fsload_sh("truncate -s %s %s && mkfs.ext4 -q -F %s && "
	    "cp %s %s.new", size, fsload_image, fsload_image, fsload_image,
	    fsload_image);
}

int
fsload_image_restore(void)
{
	return fsload_sh("cp %s.new %s", fsload_image, fsload_image);
}

int
fsload_image_check(void)
{
	return fsload_sh("e2fsck -fn %s >%s.log 2>&1 || "
	    "{ cat %s.log; false; }", fsload_image, fsload_image,
	    fsload_image);
}

void
fsload_image_remove(void)
{
	(void)fsload_sh("rm -f %s %s.new %s.log", fsload_image, fsload_image,
	    fsload_image);
}

int
fsload_setup(void **state)
{
	(void)state;
	return fsload_image_create("4M") != 0 || rump_init() != 0 ||
	    rump_sys_mkdir(FSLOAD_DIR, 0755) != 0 ||
	    rump_pub_etfs_register(FSLOAD_DEVICE, fsload_image,
	    RUMP_ETFS_BLK) != 0 ? -1 : 0;
}

int
fsload_teardown(void **state)
{
	(void)state;
	fsload_image_remove();
	return 0;
}
