/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host files in the rump kernel's root file system.
 *
 * Link: rumpvfs
 */
#define _GNU_SOURCE
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

#define IMAGE	(1u << 20)

static char dir[] = "/tmp/t_etfs.XXXXXX";
static char image[64], other[64];

static const char *
host(const char *name)
{
	static char path[4][128];
	static int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void
host_file(const char *path, size_t size)
{
	unsigned char buf[4096];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	for (size_t off = 0; off < size; off += sizeof(buf)) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (unsigned char)(off / 512 + i);
		assert_int_equal(write(fd, buf, sizeof(buf)), sizeof(buf));
	}
	close(fd);
}

static void
fails(int result, int error)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, error);
}

static void
block_device_reads_and_writes_the_image(void **state)
{
	unsigned char buf[3000], want[3000];
	uint64_t size = 0;
	struct stat st;
	int fd, hfd;

	(void)state;
	ok_errno(rump_pub_etfs_register("/dev/made/img", image,
	    RUMP_ETFS_BLK));
	assert_int_equal(rump_pub_etfs_register("/dev/made/img", other,
	    RUMP_ETFS_BLK), EEXIST);
	assert_int_equal(rump_sys_stat("/dev/made/img", &st), 0);
	assert_true(S_ISBLK(st.st_mode));
	fd = rump_sys_open("/dev/made/img", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_ioctl(fd, BLKGETSIZE64, &size), 0);
	assert_int_equal(size, IMAGE);
	hfd = open(image, O_RDONLY);
	assert_int_equal(rump_sys_pread64(fd, buf, 3000, 12345), 3000);
	assert_int_equal(pread(hfd, want, 3000, 12345), 3000);
	assert_memory_equal(buf, want, 3000);
	memset(buf, 0xab, sizeof(buf));
	assert_int_equal(rump_sys_pwrite64(fd, buf, 3000, 777), 3000);
	assert_int_equal(rump_sys_fsync(fd), 0);
	assert_int_equal(pread(hfd, want, 3000, 777), 3000);
	assert_memory_equal(buf, want, 3000);
	assert_int_equal(rump_sys_pread64(fd, buf, 100, IMAGE - 40), 40);
	assert_int_equal(rump_sys_pread64(fd, buf, 100, IMAGE), 0);
	fails((int)rump_sys_pwrite64(fd, buf, 1, IMAGE), ENOSPC);
	assert_int_equal(rump_pub_etfs_remove("/dev/made/img"), EBUSY);
	assert_int_equal(rump_sys_close(fd), 0);
	ok_errno(rump_pub_etfs_remove("/dev/made/img"));
	assert_int_equal(rump_pub_etfs_remove("/dev/made/img"), ENOENT);
	fails(rump_sys_stat("/dev/made/img", &st), ENOENT);
	close(hfd);
}

static void
a_part_of_the_image_is_a_device(void **state)
{
	unsigned char buf[512], want[512];
	uint64_t size;
	int fd, hfd;

	(void)state;
	assert_int_equal(rump_pub_etfs_register_withsize("/p", image,
	    RUMP_ETFS_BLK, 100, 512), EINVAL);
	assert_int_equal(rump_pub_etfs_register_withsize("/p", image,
	    RUMP_ETFS_BLK, IMAGE - 512, 1024), EINVAL);
	assert_int_equal(rump_pub_etfs_register_withsize("/p", image,
	    RUMP_ETFS_REG, 512, 512), EINVAL);
	ok_errno(rump_pub_etfs_register_withsize("/p", image, RUMP_ETFS_BLK,
	    65536 + 512, 8192));
	fd = rump_sys_open("/p", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_ioctl(fd, BLKGETSIZE64, &size), 0);
	assert_int_equal(size, 8192);
	hfd = open(image, O_RDONLY);
	assert_int_equal(rump_sys_pread64(fd, buf, 512, 1024), 512);
	assert_int_equal(pread(hfd, want, 512, 65536 + 1536), 512);
	assert_memory_equal(buf, want, 512);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(rump_sys_pwrite64(fd, buf, 512, 8192 - 512), 512);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(pread(hfd, want, 512, 65536 + 8192), 512);
	assert_memory_equal(buf, want, 512);
	close(hfd);
	ok_errno(rump_pub_etfs_remove("/p"));
}

static int
locked_elsewhere(const char *path)
{
	int fd = open(path, O_RDWR), result;

	assert_true(fd >= 0);
	result = flock(fd, LOCK_EX | LOCK_NB) != 0 ? errno : 0;
	close(fd);
	return result;
}

static void
an_image_has_one_writer(void **state)
{
	int fd, fd2, rfd, hfd;

	(void)state;
	ok_errno(rump_pub_etfs_register("/a", image, RUMP_ETFS_BLK));
	ok_errno(rump_pub_etfs_register("/b", image, RUMP_ETFS_BLK));
	rfd = rump_sys_open("/a", O_RDONLY);
	assert_true(rfd >= 0);
	assert_int_equal(locked_elsewhere(image), 0);
	fd = rump_sys_open("/a", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(locked_elsewhere(image), EWOULDBLOCK);
	/* Under the other key; readers come in. */
	fails(rump_sys_open("/b", O_RDWR), EBUSY);
	fd2 = rump_sys_open("/b", O_RDONLY);
	assert_true(fd2 >= 0);
	assert_int_equal(rump_sys_close(fd2), 0);
	/* The lock goes with the writer, while a reader stays. */
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(locked_elsewhere(image), 0);
	fd = rump_sys_open("/b", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(rump_sys_close(rfd), 0);
	/* Somebody else's. */
	hfd = open(image, O_RDWR);
	assert_int_equal(flock(hfd, LOCK_EX | LOCK_NB), 0);
	fails(rump_sys_open("/a", O_RDWR), EBUSY);
	rfd = rump_sys_open("/a", O_RDONLY);
	assert_true(rfd >= 0);
	assert_int_equal(rump_sys_close(rfd), 0);
	close(hfd);
	ok_errno(rump_pub_etfs_remove("/a"));
	ok_errno(rump_pub_etfs_remove("/b"));
}

static void
a_reader_never_writes(void **state)
{
	struct stat before, after;
	char c = 1;
	int fd;

	(void)state;
	assert_int_equal(chmod(other, 0444), 0);
	assert_int_equal(stat(other, &before), 0);
	ok_errno(rump_pub_etfs_register("/ro", other, RUMP_ETFS_BLK));
	fd = rump_sys_open("/ro", O_RDONLY);
	assert_true(fd >= 0);
	fails((int)rump_sys_write(fd, &c, 1), EBADF);
	assert_int_equal(rump_sys_read(fd, &c, 1), 1);
	assert_int_equal(rump_sys_fsync(fd), 0);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(stat(other, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim,
	    sizeof(before.st_mtim));
	ok_errno(rump_pub_etfs_remove("/ro"));
}

static void
types_are_checked(void **state)
{
	(void)state;
	assert_int_equal(rump_pub_etfs_register("/x", host("none"),
	    RUMP_ETFS_BLK), ENOENT);
	assert_int_equal(rump_pub_etfs_register("/x", dir, RUMP_ETFS_BLK),
	    EINVAL);
	assert_int_equal(rump_pub_etfs_register("/x", dir, RUMP_ETFS_REG),
	    EINVAL);
	assert_int_equal(rump_pub_etfs_register("/x", image, RUMP_ETFS_DIR),
	    EINVAL);
	assert_int_equal(rump_pub_etfs_register("x", image, RUMP_ETFS_BLK),
	    EINVAL);
	assert_int_equal(rump_pub_etfs_register("/", image, RUMP_ETFS_BLK),
	    EINVAL);
	assert_int_equal(rump_pub_etfs_register("/x", image,
	    (enum rump_etfs_type)99), EINVAL);
	assert_int_equal(rump_pub_etfs_register(NULL, image, RUMP_ETFS_BLK),
	    EFAULT);
	assert_int_equal(rump_pub_etfs_remove("/x"), ENOENT);
}

static void
a_regular_file_goes_through(void **state)
{
	char buf[64];
	struct stat st;
	int fd;

	(void)state;
	host_file(host("reg"), 4096);
	ok_errno(rump_pub_etfs_register("/reg", host("reg"), RUMP_ETFS_REG));
	assert_int_equal(rump_sys_stat("/reg", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 4096);
	fd = rump_sys_open("/reg", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_pwrite64(fd, "hello", 5, 10000), 5);
	assert_int_equal(rump_sys_fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 10005);
	assert_int_equal(rump_sys_pread64(fd, buf, 64, 9998), 7);
	assert_memory_equal(buf, "\0\0hello", 7);
	assert_int_equal(rump_sys_ftruncate(fd, 100), 0);
	assert_int_equal(stat(host("reg"), &st), 0);
	assert_int_equal(st.st_size, 100);
	/* Removed while it is open: it stays usable. */
	ok_errno(rump_pub_etfs_remove("/reg"));
	fails(rump_sys_stat("/reg", &st), ENOENT);
	assert_int_equal(rump_sys_pread64(fd, buf, 10, 0), 10);
	assert_int_equal(rump_sys_close(fd), 0);
}

static int
count_names(const char *path)
{
	unsigned char buf[256];
	unsigned short reclen;
	int fd, n = 0;
	long len;

	fd = rump_sys_open(path, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	while ((len = rump_sys_getdents64(fd, (void *)buf, sizeof(buf))) > 0)
		for (long off = 0; off < len; off += reclen, n++)
			memcpy(&reclen, buf + off +
			    offsetof(struct dirent64, d_reclen), 2);
	assert_int_equal(len, 0);
	assert_int_equal(rump_sys_close(fd), 0);
	return n;
}

static void
a_directory_shows_the_host_s(void **state)
{
	struct stat st;
	char buf[16], name[64];
	int fd;

	(void)state;
	assert_int_equal(mkdir(host("d"), 0755), 0);
	assert_int_equal(mkdir(host("d/sub"), 0755), 0);
	host_file(host("d/file"), 4096);
	host_file(host("d/sub/deep"), 4096);
	assert_int_equal(symlink("/etc/passwd", host("d/link")), 0);
	assert_int_equal(symlink("..", host("d/up")), 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d/n%d", i);
		host_file(host(name), 0);
	}
	ok_errno(rump_pub_etfs_register("/flat", host("d"), RUMP_ETFS_DIR));
	ok_errno(rump_pub_etfs_register("/deep", host("d"),
	    RUMP_ETFS_DIR_SUBDIRS));
	assert_int_equal(count_names("/flat"), 43);
	assert_int_equal(count_names("/deep"), 44);
	assert_int_equal(count_names("/deep/sub"), 3);
	assert_int_equal(rump_sys_stat("/flat/file", &st), 0);
	assert_int_equal(st.st_size, 4096);
	fails(rump_sys_stat("/flat/sub", &st), ENOENT);
	fails(rump_sys_stat("/flat/link", &st), ENOENT);
	fails(rump_sys_stat("/deep/up", &st), ENOENT);
	fails(rump_sys_stat("/deep/up/image", &st), ENOENT);
	assert_int_equal(rump_sys_stat("/deep/sub/deep", &st), 0);
	assert_int_equal(rump_sys_stat("/deep/sub/../file", &st), 0);
	fd = rump_sys_open("/deep/sub/new", O_RDWR | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_write(fd, "abc", 3), 3);
	assert_int_equal(rump_sys_pread64(fd, buf, 16, 0), 3);
	assert_int_equal(rump_sys_close(fd), 0);
	assert_int_equal(stat(host("d/sub/new"), &st), 0);
	assert_int_equal(st.st_size, 3);
	fails(rump_sys_mkdir("/deep/more", 0755), EPERM);
	assert_int_equal(rump_sys_open("/deep/file", O_RDWR | O_CREAT |
	    O_EXCL, 0644), -1);
	ok_errno(rump_pub_etfs_remove("/flat"));
	ok_errno(rump_pub_etfs_remove("/deep"));
	fails(rump_sys_stat("/deep", &st), ENOENT);
}

/* There is no hypercall for them, so nothing happens on the host. */
static void
what_a_host_file_cannot_do_is_refused(void **state)
{
	struct timespec ts[2] = { { 1, 0 }, { 1, 0 } };
	static const char *const paths[] = { "/fixed/file", "/key", "/fixed" };
	struct stat before, after;
	char value[8];

	(void)state;
	assert_int_equal(mkdir(host("fixed"), 0755), 0);
	assert_int_equal(mkdir(host("fixed/sub"), 0755), 0);
	host_file(host("fixed/file"), 10);
	host_file(host("key"), 10);
	assert_int_equal(stat(host("key"), &before), 0);
	ok_errno(rump_pub_etfs_register("/fixed", host("fixed"),
	    RUMP_ETFS_DIR_SUBDIRS));
	ok_errno(rump_pub_etfs_register("/key", host("key"), RUMP_ETFS_REG));
	for (size_t i = 0; i < 3; i++) {
		fails(rump_sys_chmod(paths[i], 0600), EPERM);
		fails(rump_sys_chown(paths[i], 1, 1), EPERM);
		fails(rump_sys_utimensat(AT_FDCWD, paths[i], ts, 0), EPERM);
		fails(rump_sys_setxattr(paths[i], "user.x", "y", 1, 0),
		    EOPNOTSUPP);
		fails((int)rump_sys_getxattr(paths[i], "user.x", value, 8),
		    EOPNOTSUPP);
		fails((int)rump_sys_listxattr(paths[i], value, 8), EOPNOTSUPP);
	}
	fails(rump_sys_unlink("/fixed/file"), EPERM);
	fails(rump_sys_rmdir("/fixed/sub"), EPERM);
	fails(rump_sys_rename("/fixed/file", "/fixed/other"), EPERM);
	fails(rump_sys_rename("/fixed/file", "/elsewhere"), EXDEV);
	assert_int_equal(rump_sys_mkdir("/own", 0755), 0);
	fails(rump_sys_rename("/own", "/fixed/own"), EXDEV);
	fails(rump_sys_rename("/own", "/fixed/sub"), EXDEV);
	fails(rump_sys_renameat2(AT_FDCWD, "/own", AT_FDCWD, "/fixed/sub",
	    RENAME_EXCHANGE), EXDEV);
	fails(rump_sys_rename("/fixed", "/own/fixed"), EPERM);
	fails(rump_sys_link("/fixed/file", "/own/file"), EPERM);
	assert_int_equal(rump_sys_rmdir("/own"), 0);
	fails(rump_sys_link("/fixed/file", "/fixed/other"), EPERM);
	fails(rump_sys_symlink("file", "/fixed/other"), EPERM);
	fails(rump_sys_mkdir("/fixed/other", 0755), EPERM);
	fails(rump_sys_mkfifo("/fixed/other", 0644), EPERM);
	fails(rump_sys_open("/fixed", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
	assert_int_equal(rump_sys_truncate("/key", 5), 0);
	assert_int_equal(stat(host("key"), &after), 0);
	assert_int_equal(after.st_size, 5);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(access(host("fixed/file"), F_OK), 0);
	assert_int_equal(access(host("fixed/other"), F_OK), -1);
	/* A key is taken away as it was entered. */
	fails(rump_sys_unlink("/key"), EPERM);
	fails(rump_sys_rename("/key", "/other"), EPERM);
	ok_errno(rump_pub_etfs_remove("/key"));
	ok_errno(rump_pub_etfs_remove("/fixed"));
}

static void
a_character_device_is_a_stream(void **state)
{
	char buf[16];
	int fd;

	(void)state;
	assert_int_equal(mkfifo(host("fifo"), 0600), 0);
	ok_errno(rump_pub_etfs_register("/dev/zzz", "/dev/zero",
	    RUMP_ETFS_CHR));
	fd = rump_sys_open("/dev/zzz", O_RDWR);
	assert_true(fd >= 0);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(rump_sys_read(fd, buf, 16), 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(buf[i], 0);
	assert_int_equal(rump_sys_write(fd, buf, 16), 16);
	fails((int)rump_sys_lseek(fd, 0, SEEK_SET), ESPIPE);
	ok_errno(rump_pub_etfs_remove("/dev/zzz"));
	assert_int_equal(rump_sys_read(fd, buf, 16), 16);
	assert_int_equal(rump_sys_close(fd), 0);
}

/* Every allocation of a registration fails in turn. */
static void
registration_survives_without_memory(void **state)
{
	static const enum rump_etfs_type types[] = {
		RUMP_ETFS_BLK, RUMP_ETFS_CHR, RUMP_ETFS_REG
	};
	int error;

	(void)state;
	for (unsigned t = 0; t < 3; t++)
		for (uint64_t n = 1;; n++) {
			rump_pub_kmem_fault(n);
			error = rump_pub_etfs_register("/q/w/e", image,
			    types[t]);
			rump_pub_kmem_fault(0);
			if (error == 0) {
				ok_errno(rump_pub_etfs_remove("/q/w/e"));
				if (rump_pub_kmem_fault_count() < n)
					break;
				if (n > 60)
					break;
			} else
				assert_int_equal(error, ENOMEM);
		}
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(image, sizeof(image), "%s/image", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	host_file(image, IMAGE);
	host_file(other, 8192);
	return rump_init();
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_device_reads_and_writes_the_image),
		cmocka_unit_test(a_part_of_the_image_is_a_device),
		cmocka_unit_test(an_image_has_one_writer),
		cmocka_unit_test(a_reader_never_writes),
		cmocka_unit_test(types_are_checked),
		cmocka_unit_test(a_regular_file_goes_through),
		cmocka_unit_test(a_directory_shows_the_host_s),
		cmocka_unit_test(what_a_host_file_cannot_do_is_refused),
		cmocka_unit_test(a_character_device_is_a_stream),
		cmocka_unit_test(registration_survives_without_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
