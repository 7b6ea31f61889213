/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block device nodes: read and written through the page cache.
 *
 * Link: rumpvfs rump-ext2fs
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/fs.h>

#include <rump/etfs.h>
#include <rump/fs/ext2fs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define DEV	"/dev/disk"
/* The last page has five sectors, and the file some bytes more. */
#define SIZE	((1u << 20) + 5 * 512u)
#define SLACK	200u

static char image[] = "/tmp/t_specfs.XXXXXX";
static int hfd;
static unsigned char back[SIZE], want[SIZE];

static void
fails(long result, int error)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, error);
}

static int
open_disk(int flags)
{
	int fd = rump_sys_open(DEV, flags);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t
statistic(const char *name)
{
	char buf[32];

	ok_errno(rump_pub_sysctl_get(name, buf, sizeof(buf)));
	return strtoull(buf, NULL, 10);
}

static void
image_is(const unsigned char *p, size_t n, off_t off)
{
	assert_int_equal(pread(hfd, back, n, off), n);
	assert_memory_equal(back, p, n);
}

static void
any_bytes_can_be_read_and_written(void **state)
{
	int fd = open_disk(O_RDWR);
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(pread(hfd, want, SIZE, 0), SIZE);
	for (int i = 0; i < 300; i++) {
		uint32_t r = seed = seed * 1103515245 + 12345;
		size_t off = (r >> 8) % SIZE, n = 1 + (r >> 4) % 20000;

		n = n < SIZE - off ? n : SIZE - off;
		if (i % 2 == 0) {
			memset(want + off, i, n);
			assert_int_equal(rump_sys_pwrite64(fd, want + off, n,
			    (off_t)off), n);
		} else {
			assert_int_equal(rump_sys_pread64(fd, back, n,
			    (off_t)off), n);
			assert_memory_equal(back, want + off, n);
		}
	}
	assert_int_equal(rump_sys_fsync(fd), 0);
	image_is(want, SIZE, 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
direct_reads_come_from_the_image(void **state)
{
	int fd = open_disk(O_RDWR), direct = open_disk(O_RDONLY | O_DIRECT);
	uint64_t cached;

	(void)state;
	memset(want, 1, 3 * 4096);
	assert_int_equal(pwrite(hfd, want, 3 * 4096, 4096), 3 * 4096);
	assert_int_equal(rump_sys_pread64(fd, back, 3 * 4096, 4096), 3 * 4096);
	/* What somebody else writes is not in the cache. */
	memset(want, 2, 3 * 4096);
	assert_int_equal(pwrite(hfd, want, 3 * 4096, 4096), 3 * 4096);
	assert_int_equal(rump_sys_pread64(direct, back, 10000, 4100), 10000);
	assert_memory_equal(back, want, 10000);
	/* What was written is newer than the image. */
	memset(want, 3, 4096);
	assert_int_equal(rump_sys_pwrite64(fd, want, 100, 40000), 100);
	assert_int_equal(rump_sys_pread64(direct, back, 100, 40000), 100);
	assert_memory_equal(back, want, 100);
	image_is(want, 100, 40000);
	/* The flag can be set later, and nothing is kept. */
	assert_int_equal(rump_sys_fcntl(fd, F_SETFL, O_DIRECT), 0);
	cached = statistic("vfs.pagecache.pages");
	assert_int_equal(rump_sys_pread64(fd, back, 100000, 200001), 100000);
	assert_int_equal(statistic("vfs.pagecache.pages"), cached);
	assert_int_equal(pread(hfd, want, 100000, 200001), 100000);
	assert_memory_equal(back, want, 100000);
	assert_int_equal(rump_sys_pread64(fd, back, 5000, SIZE - 300), 300);
	assert_int_equal(rump_sys_pread64(fd, back, 5000, SIZE), 0);
	assert_int_equal(rump_sys_close(direct), 0);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
direct_is_refused_where_nothing_is_cached(void **state)
{
	int fd;

	(void)state;
	fails(rump_sys_open("/", O_RDONLY | O_DIRECT), EINVAL);
	fails(rump_sys_open("/dev/null", O_RDWR | O_DIRECT), EINVAL);
	assert_int_equal(rump_sys_mkfifo("/direct", 0600), 0);
	fails(rump_sys_open("/direct", O_RDWR | O_DIRECT), EINVAL);
	fd = rump_sys_open("/direct", O_RDWR);
	assert_int_equal(rump_sys_fcntl(fd, F_SETFL, O_DIRECT), 0);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_unlink("/direct"), 0);
	fd = rump_sys_open("/", O_RDONLY);
	fails(rump_sys_fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
	assert_int_equal(rump_sys_close(fd), 0);
	fd = rump_sys_open("/dev/null", O_RDONLY);
	fails(rump_sys_fcntl(fd, F_SETFL, O_DIRECT), EINVAL);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
the_end_is_the_last_whole_sector(void **state)
{
	unsigned char tail[SLACK], buf[1000];
	struct stat st;
	int fd = open_disk(O_RDWR);

	(void)state;
	assert_int_equal(pread(hfd, tail, SLACK, SIZE), SLACK);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_END), SIZE);
	assert_int_equal(rump_sys_read(fd, buf, 1000), 0);
	fails(rump_sys_write(fd, buf, 1), ENOSPC);
	assert_int_equal(rump_sys_write(fd, buf, 0), 0);
	assert_int_equal(rump_sys_lseek(fd, -300, SEEK_END), SIZE - 300);
	memset(buf, 0x5a, sizeof(buf));
	assert_int_equal(rump_sys_write(fd, buf, 1000), 300);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_CUR), SIZE);
	assert_int_equal(rump_sys_pread64(fd, buf, 1000, SIZE - 301), 301);
	fails(rump_sys_lseek(fd, -1, SEEK_SET), EINVAL);
	assert_int_equal(rump_sys_fsync(fd), 0);
	memset(want, 0x5a, 300);
	image_is(want, 300, SIZE - 300);
	image_is(tail, SLACK, SIZE);
	assert_int_equal(rump_sys_fstat(fd, &st), 0);
	assert_true(S_ISBLK(st.st_mode));
	fails(rump_sys_ftruncate(fd, 0), EINVAL);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(fstat(hfd, &st), 0);
	assert_int_equal(st.st_size, SIZE + SLACK);
}

static void
ioctls_tell_the_geometry(void **state)
{
	unsigned long sectors = 0;
	unsigned u = 0;
	uint64_t size = 0;
	int v = 0, fd = open_disk(O_RDWR);

	(void)state;
	assert_int_equal(rump_sys_ioctl(fd, BLKGETSIZE64, &size), 0);
	assert_int_equal(size, SIZE);
	assert_int_equal(rump_sys_ioctl(fd, BLKGETSIZE, &sectors), 0);
	assert_int_equal(sectors, SIZE / 512);
	assert_int_equal(rump_sys_ioctl(fd, BLKSSZGET, &v), 0);
	assert_int_equal(v, 512);
	assert_int_equal(rump_sys_ioctl(fd, BLKPBSZGET, &u), 0);
	assert_int_equal(u, 512);
	assert_int_equal(rump_sys_ioctl(fd, BLKIOMIN, &u), 0);
	assert_int_equal(u, 512);
	assert_int_equal(rump_sys_ioctl(fd, BLKBSZGET, &v), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(rump_sys_ioctl(fd, BLKROGET, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(rump_sys_ioctl(fd, BLKFLSBUF, NULL), 0);
	fails(rump_sys_ioctl(fd, BLKGETSIZE64, NULL), EFAULT);
	fails(rump_sys_ioctl(fd, BLKRRPART, NULL), ENOTTY);
	assert_int_equal(rump_sys_close(fd), 0);
	fd = open_disk(O_RDONLY);
	assert_int_equal(rump_sys_ioctl(fd, BLKROGET, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
discarded_and_zeroed_parts_read_as_zero(void **state)
{
	static const unsigned char zero[32768];
	uint64_t part[2] = { 65536, 32768 };
	int fd = open_disk(O_RDWR);

	(void)state;
	memset(want, 0x77, 65536);
	for (int i = 0; i < 2; i++) {
		unsigned long cmd = i == 0 ? BLKDISCARD : BLKZEROOUT;

		/* Dirty, and half of it still in the cache only. */
		assert_int_equal(rump_sys_pwrite64(fd, want, 65536, 49152),
		    65536);
		if (i == 0)
			assert_int_equal(rump_sys_fsync(fd), 0);
		assert_int_equal(rump_sys_ioctl(fd, cmd, part), 0);
		assert_int_equal(rump_sys_pread64(fd, back, 65536, 49152),
		    65536);
		assert_memory_equal(back, want, 16384);
		assert_memory_equal(back + 16384, zero, 32768);
		assert_memory_equal(back + 49152, want, 16384);
		assert_int_equal(rump_sys_fsync(fd), 0);
		image_is(zero, 32768, 65536);
		image_is(want, 16384, 98304);
		part[0] = 100;
		fails(rump_sys_ioctl(fd, cmd, part), EINVAL);
		part[0] = SIZE;
		fails(rump_sys_ioctl(fd, cmd, part), EINVAL);
		part[0] = 65536;
	}
	assert_int_equal(rump_sys_close(fd), 0);
	fd = open_disk(O_RDONLY);
	fails(rump_sys_ioctl(fd, BLKDISCARD, part), EBADF);
	fails(rump_sys_ioctl(fd, BLKZEROOUT, part), EBADF);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
what_devices_do_not_do_is_refused(void **state)
{
	int fd;

	(void)state;
	fails(rump_sys_open(DEV, O_RDONLY | O_DIRECTORY), ENOTDIR);
	assert_int_equal(rump_sys_mknod("/nodev", S_IFBLK | 0600,
	    makedev(250, 9)), 0);
	fails(rump_sys_open("/nodev", O_RDONLY), ENXIO);
	assert_int_equal(rump_sys_unlink("/nodev"), 0);
	fd = open_disk(O_RDWR);
	fails(rump_sys_fallocate(fd, 0, 0, 4096), EOPNOTSUPP);
	assert_int_equal(rump_sys_close(fd), 0);
}

/* Every node of a number is the same device, with the same cache. */
static void
all_nodes_of_a_number_agree(void **state)
{
	struct stat st;
	unsigned char c = 0;
	int fd, other;

	(void)state;
	assert_int_equal(rump_sys_stat(DEV, &st), 0);
	assert_int_equal(rump_sys_mknod("/node", S_IFBLK | 0600, st.st_rdev),
	    0);
	fd = open_disk(O_RDWR);
	other = rump_sys_open("/node", O_RDONLY);
	assert_true(other >= 0);
	assert_int_equal(rump_sys_pwrite64(fd, "\x33", 1, 4242), 1);
	assert_int_equal(rump_sys_pread64(other, &c, 1, 4242), 1);
	assert_int_equal(c, 0x33);
	fails(rump_sys_open("/node", O_RDWR), EBUSY);
	assert_int_equal(rump_sys_close(other), 0);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_unlink("/node"), 0);
}

static void
close_writes_what_is_dirty(void **state)
{
	int fd = open_disk(O_RDWR);

	(void)state;
	memset(want, 0x18, 9000);
	assert_int_equal(rump_sys_pwrite64(fd, want, 9000, 3000), 9000);
	assert_int_equal(rump_sys_close(fd), 0);
	image_is(want, 9000, 3000);
}

static void
direct_writes_are_not_cached(void **state)
{
	int fd = open_disk(O_RDWR | O_DIRECT);

	(void)state;
	memset(want, 0x81, 9000);
	assert_int_equal(rump_sys_pwrite64(fd, want, 8192, 4096), 8192);
	image_is(want, 8192, 4096);
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
	assert_int_equal(rump_sys_pwrite64(fd, want, 9000, 5000), 9000);
	image_is(want, 9000, 5000);
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
	assert_int_equal(rump_sys_pread64(fd, back, 4096, 8192), 4096);
	assert_memory_equal(back, want, 4096);
	assert_int_equal(rump_sys_close(fd), 0);
}

/* Its lock of the image goes with the writer: so must its data. */
static void
a_writers_close_writes_while_a_reader_stays(void **state)
{
	int reader = open_disk(O_RDONLY), fd = open_disk(O_RDWR);

	(void)state;
	memset(want, 0x29, 9000);
	assert_int_equal(rump_sys_pwrite64(fd, want, 9000, 3000), 9000);
	assert_int_equal(rump_sys_close(fd), 0);
	image_is(want, 9000, 3000);
	assert_int_equal(statistic("vfs.pagecache.dirty"), 0);
	assert_int_equal(rump_sys_pread64(reader, back, 9000, 3000), 9000);
	assert_memory_equal(back, want, 9000);
	assert_int_equal(rump_sys_close(reader), 0);
}

static void
nothing_stays_cached_between_opens(void **state)
{
	unsigned char c = 0x61, d;
	int fd = open_disk(O_RDONLY);

	(void)state;
	assert_int_equal(rump_sys_pread64(fd, &d, 1, 7000), 1);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
	assert_int_equal(pwrite(hfd, &c, 1, 7000), 1);
	fd = open_disk(O_RDONLY);
	assert_int_equal(rump_sys_pread64(fd, &d, 1, 7000), 1);
	assert_int_equal(d, c);
	assert_int_equal(rump_sys_close(fd), 0);
}

static void
advice_is_followed(void **state)
{
	int fd = open_disk(O_RDWR);

	(void)state;
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
	assert_int_equal(rump_sys_posix_fadvise(fd, 0, 0,
	    POSIX_FADV_WILLNEED), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 257);
	assert_int_equal(rump_sys_pread64(fd, back, SIZE, 0), SIZE);
	image_is(back, SIZE, 0);
	assert_int_equal(rump_sys_posix_fadvise(fd, 0, 65536,
	    POSIX_FADV_DONTNEED), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 241);
	/* Dirty pages are written, and stay until they are. */
	assert_int_equal(rump_sys_pwrite64(fd, "x", 1, 65536), 1);
	assert_int_equal(rump_sys_fsync(fd), 0);
	assert_int_equal(rump_sys_posix_fadvise(fd, 0, 0,
	    POSIX_FADV_DONTNEED), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
	assert_int_equal(rump_sys_readahead(fd, 8192, 16384), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 4);
	assert_int_equal(rump_sys_readahead(fd, 2 * SIZE, 16384), 0);
	assert_int_equal(rump_sys_readahead(fd, 0, SIZE_MAX), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 257);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(statistic("vfs.pagecache.pages"), 0);
}

static void
errors_of_the_image_are_told(void **state)
{
	unsigned char buf[100];
	int fd;

	(void)state;
	/* It becomes shorter while it is open. */
	fd = open_disk(O_RDONLY);
	assert_int_equal(ftruncate(hfd, 8192), 0);
	fails(rump_sys_pread64(fd, buf, 100, 700000), EIO);
	assert_int_equal(rump_sys_pread64(fd, buf, 100, 0), 100);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(ftruncate(hfd, SIZE + SLACK), 0);
}

/* A mounted file system is the device's writer. */
static void
a_mounted_device_has_its_writer(void **state)
{
	struct ext2fs_args args = { .fspec = DEV };
	char cmd[200];
	int fd;

	(void)state;
	snprintf(cmd, sizeof(cmd), "PATH=$PATH:/usr/sbin:/sbin "
	    "mke2fs -q -F -t ext4 -E nodiscard %s 1m >/dev/null 2>&1", image);
	if (system(cmd) != 0)
		skip();
	assert_int_equal(rump_sys_mkdir("/mnt", 0755), 0);
	/* Somebody writes to it. */
	fd = open_disk(O_RDWR);
	fails(rump_sys_mount("ext4", "/mnt", 0, &args, sizeof(args)), EBUSY);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_mount("ext4", "/mnt", 0, &args,
	    sizeof(args)), 0);
	fails(rump_sys_open(DEV, O_RDWR), EBUSY);
	fails(rump_sys_open(DEV, O_WRONLY), EBUSY);
	fd = open_disk(O_RDONLY);
	assert_int_equal(rump_sys_pread64(fd, back, 2, 1024 + 56), 2);
	assert_memory_equal(back, "\x53\xef", 2);
	assert_int_equal(rump_pub_etfs_remove(DEV), EBUSY);
	assert_int_equal(rump_sys_umount2("/mnt", 0), 0);
	assert_int_equal(rump_pub_etfs_remove(DEV), EBUSY);
	assert_int_equal(rump_sys_close(fd), 0);
	/* Read-only it is nobody's, also for a writer. */
	assert_int_equal(rump_sys_mount("ext4", "/mnt", MS_RDONLY, &args,
	    sizeof(args)), 0);
	fd = open_disk(O_RDONLY);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_umount2("/mnt", 0), 0);
	fd = open_disk(O_RDWR);
	assert_int_equal(rump_sys_close(fd), 0);
	ok_errno(rump_pub_etfs_remove(DEV));
	fails(rump_sys_open(DEV, O_RDONLY), ENOENT);
}

static int
setup(void **state)
{
	(void)state;
	hfd = mkstemp(image);
	if (hfd < 0 || rump_init() != 0)
		return -1;
	for (unsigned i = 0; i < SIZE; i++)
		want[i] = (unsigned char)(i * 7 + i / 512);
	if (pwrite(hfd, want, SIZE, 0) != SIZE ||
	    pwrite(hfd, want, SLACK, SIZE) != SLACK)
		return -1;
	return rump_pub_etfs_register(DEV, image, RUMP_ETFS_BLK);
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(image);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_can_be_read_and_written),
		cmocka_unit_test(direct_reads_come_from_the_image),
		cmocka_unit_test(direct_is_refused_where_nothing_is_cached),
		cmocka_unit_test(the_end_is_the_last_whole_sector),
		cmocka_unit_test(ioctls_tell_the_geometry),
		cmocka_unit_test(discarded_and_zeroed_parts_read_as_zero),
		cmocka_unit_test(what_devices_do_not_do_is_refused),
		cmocka_unit_test(all_nodes_of_a_number_agree),
		cmocka_unit_test(close_writes_what_is_dirty),
		cmocka_unit_test(direct_writes_are_not_cached),
		cmocka_unit_test(a_writers_close_writes_while_a_reader_stays),
		cmocka_unit_test(nothing_stays_cached_between_opens),
		cmocka_unit_test(advice_is_followed),
		cmocka_unit_test(errors_of_the_image_are_told),
		cmocka_unit_test(a_mounted_device_has_its_writer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
