/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls on files that have no test of their own: statx, links, directories,
 * fallocate, copy_file_range, sendfile, extended attributes, limits, devices.
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <dirent.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define fails(call, error) do {						\
	assert_int_equal((call), -1);					\
	assert_int_equal(errno, (error));				\
} while (0)
#define works(call)	assert_int_equal((call), 0)

static void
names_come_and_go(void **state)
{

	(void)state;
	twin_case("names");
	twin_file("f");
	TWIN(mkdir, "d", 0755);
	twin_file("d/f");
	TWIN(link, "f", "g");
	TWIN(link, "f", "g");
	TWIN(link, "f", "d/");
	TWIN(link, "f", "new/");
	TWIN(link, "d", "e");
	TWIN(link, "none", "e");
	TWIN(link, "f/", "e");
	TWIN(link, "f", "none/e");
	TWIN(link, "f", "f/e");
	TWIN(symlink, "f", "l");
	TWIN(link, "l", "l2");
	TWIN_STAT("l2");
	TWIN(linkat, AT_FDCWD, "l", AT_FDCWD, "l3", AT_SYMLINK_FOLLOW);
	TWIN_STAT("l3");
	TWIN(linkat, AT_FDCWD, "l", AT_FDCWD, "l4", 0x8000);
	TWIN_STAT("f");
	TWIN(unlink, "g");
	TWIN_STAT("f");
	TWIN(unlink, "d");
	TWIN(unlink, "d/");
	TWIN(unlink, "f/");
	TWIN(unlink, "none");
	TWIN(unlink, "none/");
	TWIN(unlink, ".");
	TWIN(unlink, "..");
	TWIN(unlink, "/");
	TWIN(unlink, "d/.");
	TWIN(rmdir, "d");
	TWIN(rmdir, "f");
	TWIN(rmdir, "f/");
	TWIN(rmdir, "none");
	TWIN(rmdir, ".");
	TWIN(rmdir, "..");
	TWIN(rmdir, "/");
	TWIN(rmdir, "d/.");
	TWIN(rmdir, "d/..");
	TWIN(rmdir, "l");
	TWIN(unlink, "d/f");
	TWIN(rmdir, "d/");
	TWIN(chdir, "f");
	TWIN(chdir, "none");
	TWIN(chroot, "f");
	TWIN(truncate, "f", 10);
	TWIN(truncate, "f", -1);
	TWIN(truncate, ".", 0);
	TWIN(truncate, "none", 0);
	TWIN_STAT("f");
}

static void
statx_tells_more(void **state)
{
	struct statx h, r;

	(void)state;
	twin_case("statx");
	twin_file("f");
	works(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &h));
	works(rump_sys_statx(AT_FDCWD, "f", 0,
	    STATX_BASIC_STATS | STATX_BTIME, &r));
	assert_int_equal(h.stx_mode, r.stx_mode);
	assert_int_equal(h.stx_nlink, r.stx_nlink);
	assert_true((r.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	TWIN(statx, AT_FDCWD, "f", 0, 0x80000000u, &r);
	TWIN(statx, AT_FDCWD, "f", 0x6000, 0, &r);
	TWIN(statx, AT_FDCWD, "f", 1, 0, &r);
	TWIN(statx, AT_FDCWD, "none", 0, 0, &r);
	TWIN(statx, AT_FDCWD, "", 0, 0, &r);
	TWIN(statx, AT_FDCWD, "", AT_EMPTY_PATH, 0, &r);
	works(rump_sys_statx(AT_FDCWD, "/", 0, 0, &r));
	assert_true((r.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
}

static unsigned
list(int fd, size_t size, unsigned *sum)
{
	char buf[4096];
	struct dirent64 *d;
	unsigned n = 0;
	long got, off;

	*sum = 0;
	while ((got = rump_sys_getdents64(fd, buf, size)) > 0)
		for (off = 0; off < got; off += d->d_reclen) {
			d = (void *)(buf + off);
			n++;
			*sum += (unsigned)strlen(d->d_name) * 31 +
			    (unsigned char)d->d_name[0];
		}
	assert_int_equal(got, 0);
	return n;
}

static void
directories_are_read(void **state)
{
	unsigned sum, sum2, n;
	char name[64], buf[64];
	int fd;

	(void)state;
	twin_case("readdir");
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "name%0*d", i % 30 + 1, i);
		works(rump_sys_close(rump_sys_open(name, O_CREAT | O_WRONLY,
		    0644)));
	}
	fd = rump_sys_open(".", O_RDONLY | O_DIRECTORY);
	n = list(fd, 4096, &sum);
	assert_int_equal(n, 302);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(list(fd, 64, &sum2), n);
	assert_int_equal(sum, sum2);
	assert_int_equal(rump_sys_lseek(fd, 0, SEEK_SET), 0);
	fails(rump_sys_getdents64(fd, buf, 8), EINVAL);
	fails(rump_sys_getdents64(fd, NULL, 4096), EFAULT);
	assert_int_equal(list(fd, 4096, &sum2), n);
	works(rump_sys_mkdir("d", 0755));
	works(rump_sys_close(fd));
	fd = rump_sys_open("d", O_RDONLY);
	works(rump_sys_rmdir("d"));
	fails(rump_sys_getdents64(fd, buf, 64), ENOENT);
	works(rump_sys_close(fd));
}

static void
space_is_allocated_and_punched(void **state)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE |
		FALLOC_FL_KEEP_SIZE, 0x4000, FALLOC_FL_PUNCH_HOLE |
		FALLOC_FL_ZERO_RANGE };
	struct pair p, r, d;

	(void)state;
	twin_case("fallocate");
	p = twin_open("f", O_CREAT | O_RDWR, 0644);
	r = twin_open("f", O_RDONLY, 0);
	d = twin_open(".", O_RDONLY, 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		TWINFD(fallocate, p, modes[i], 0, 8192);
		TWIN_STAT("f");
		TWINFD(fallocate, p, modes[i], 4096, 8192);
		TWIN_STAT("f");
		TWINFD(fallocate, p, modes[i], -1, 8192);
		TWINFD(fallocate, p, modes[i], 0, 0);
		TWINFD(fallocate, p, modes[i], 0, -5);
		TWINFD(fallocate, p, modes[i], INT64_MAX, 100);
		TWINFD(fallocate, r, modes[i], 0, 100);
		TWINFD(fallocate, d, modes[i], 0, 100);
	}
	TWINFD(sync_file_range, p, 0, 0, 7);
	TWINFD(sync_file_range, p, 0, 0, 8);
	TWINFD(sync_file_range, p, -1, 0, 7);
	TWINFD(fdatasync, p);
	twin_close(p);
	twin_close(r);
	twin_close(d);
}

static void
data_and_holes(void **state)
{
	static const off_t where[] = { 0, 1, 4095, 4096, 65535, 65536, 65537,
		69631, 69632, 131072, 1 << 20, -1 };
	struct pair p;

	(void)state;
	twin_case("sparse");
	p = twin_open("f", O_CREAT | O_RDWR, 0644);
	TWINFD(pwrite, p, "x", 1, 65536);
	TWINFD(ftruncate, p, 131072);
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		TWINFD(lseek, p, where[i], SEEK_DATA);
		TWINFD(lseek, p, where[i], SEEK_HOLE);
	}
	twin_close(p);
}

static void
files_are_copied(void **state)
{
	struct pair a, b, d, pipes[2];
	char buf[8];
	off_t ho, ro, hi, ri;
	int hp[2], rp[2];

	(void)state;
	twin_case("copy");
	a = twin_open("a", O_CREAT | O_RDWR, 0644);
	b = twin_open("b", O_CREAT | O_RDWR, 0644);
	d = twin_open(".", O_RDONLY, 0);
	TWINFD(write, a, "0123456789", 10);
#define CFR(in, out, len, flags) do {					\
	long h_, r_;							\
	int he_, re_;							\
	h_ = copy_file_range((in).h, &hi, (out).h, &ho, (len), (flags)); \
	he_ = h_ < 0 ? errno : 0;					\
	r_ = rump_sys_copy_file_range((in).r, &ri, (out).r, &ro, (len), \
	    (flags));							\
	re_ = r_ < 0 ? errno : 0;					\
	twin_same(__FILE__, __LINE__, "copy_file_range", he_, re_);	\
	twin_value(__FILE__, __LINE__, "copied", h_, r_);		\
	twin_value(__FILE__, __LINE__, "in", hi, ri);			\
	twin_value(__FILE__, __LINE__, "out", ho, ro);			\
} while (0)
	ho = ro = hi = ri = 0;
	CFR(a, b, 4, 0);
	CFR(a, b, 100, 0);
	CFR(a, b, 100, 0);
	CFR(a, b, 1, 1);
	CFR(a, d, 1, 0);
	CFR(d, b, 1, 0);
	hi = ri = 0;
	ho = ro = 5;
	CFR(a, a, 6, 0);
	CFR(a, a, 5, 0);
	hi = ri = -1;
	CFR(a, b, 1, 0);
	TWIN_STAT("a");
	TWIN_STAT("b");
	assert_int_equal(rump_sys_pread(b.r, buf, 8, 2), 8);
	assert_memory_equal(buf, "23456789", 8);
	/* At the files' own offsets. */
	TWINFD(lseek, a, 2, SEEK_SET);
	TWINFD(lseek, b, 0, SEEK_SET);
	assert_int_equal(rump_sys_copy_file_range(a.r, NULL, b.r, NULL, 3, 0),
	    3);
	assert_int_equal(rump_sys_lseek(a.r, 0, SEEK_CUR), 5);
	assert_int_equal(rump_sys_lseek(b.r, 0, SEEK_CUR), 3);
	/* sendfile() into a pipe. */
	works(pipe(hp));
	works(rump_sys_pipe(rp));
	pipes[0] = (struct pair){ hp[0], rp[0] };
	pipes[1] = (struct pair){ hp[1], rp[1] };
	ri = 1;
	assert_int_equal(rump_sys_sendfile(pipes[1].r, a.r, &ri, 4), 4);
	assert_int_equal(ri, 5);
	assert_int_equal(rump_sys_read(pipes[0].r, buf, 8), 4);
	assert_memory_equal(buf, "1234", 4);
	fails(rump_sys_sendfile(pipes[1].r, pipes[0].r, NULL, 1), EINVAL);
	fails(rump_sys_sendfile(a.r, 99, NULL, 1), EBADF);
	twin_close(pipes[0]);
	twin_close(pipes[1]);
	twin_close(a);
	twin_close(b);
	twin_close(d);
}

static void
extended_attributes(void **state)
{
	char buf[512], big[300];
	long n;
	int fd;

	(void)state;
	twin_case("xattr");
	works(rump_sys_close(rump_sys_open("f", O_CREAT | O_WRONLY, 0644)));
	works(rump_sys_symlink("f", "l"));
	fails(rump_sys_getxattr("f", "user.a", buf, 8), ENODATA);
	works(rump_sys_setxattr("f", "user.a", "value", 5, 0));
	fails(rump_sys_setxattr("f", "user.a", "v", 1, XATTR_CREATE), EEXIST);
	fails(rump_sys_setxattr("f", "user.b", "v", 1, XATTR_REPLACE),
	    ENODATA);
	works(rump_sys_setxattr("f", "user.empty", NULL, 0, 0));
	works(rump_sys_setxattr("f", "trusted.t", "t", 1, 0));
	assert_int_equal(rump_sys_getxattr("f", "user.a", NULL, 0), 5);
	assert_int_equal(rump_sys_getxattr("f", "user.a", buf, 8), 5);
	assert_memory_equal(buf, "value", 5);
	assert_int_equal(rump_sys_getxattr("l", "user.a", buf, 8), 5);
	assert_int_equal(rump_sys_getxattr("f", "user.empty", buf, 8), 0);
	fails(rump_sys_getxattr("f", "user.a", buf, 4), ERANGE);
	fails(rump_sys_lgetxattr("l", "user.a", buf, 4), ENODATA);
	fails(rump_sys_lsetxattr("l", "user.a", buf, 4, 0), EPERM);
	n = rump_sys_listxattr("f", NULL, 0);
	assert_int_equal(n, sizeof("user.a") + sizeof("user.empty") +
	    sizeof("trusted.t"));
	assert_int_equal(rump_sys_listxattr("f", buf, sizeof(buf)), n);
	fails(rump_sys_listxattr("f", buf, 3), ERANGE);
	fails(rump_sys_setxattr("f", "nonsense.a", "v", 1, 0), EOPNOTSUPP);
	fails(rump_sys_setxattr("f", "noprefix", "v", 1, 0), EOPNOTSUPP);
	fails(rump_sys_setxattr("f", "", "v", 1, 0), ERANGE);
	memset(big, 'x', sizeof(big));
	memcpy(big, "user.", 5);
	big[256] = '\0';
	fails(rump_sys_setxattr("f", big, "v", 1, 0), ERANGE);
	fails(rump_sys_setxattr("f", "user.a", "v", 65537, 0), E2BIG);
	fails(rump_sys_setxattr("f", "user.a", NULL, 1, 0), EFAULT);
	fails(rump_sys_setxattr("f", NULL, "v", 1, 0), EFAULT);
	works(rump_sys_removexattr("f", "user.a"));
	fails(rump_sys_removexattr("f", "user.a"), ENODATA);
	fd = rump_sys_open("f", O_RDONLY);
	works(rump_sys_fsetxattr(fd, "user.fd", "1", 1, 0));
	assert_int_equal(rump_sys_fgetxattr(fd, "user.fd", buf, 8), 1);
	works(rump_sys_fremovexattr(fd, "user.fd"));
	works(rump_sys_close(fd));
}

static void
size_limit_is_kept(void **state)
{
	struct rlimit rl = { 1000, RLIM_INFINITY };
	char buf[600] = { 0 };
	int fd;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	twin_case("limit");
	works(rump_sys_setrlimit(RLIMIT_FSIZE, &rl));
	fd = rump_sys_open("f", O_CREAT | O_RDWR, 0644);
	assert_int_equal(rump_sys_write(fd, buf, 600), 600);
	assert_int_equal(rump_sys_write(fd, buf, 600), 400);
	fails(rump_sys_write(fd, buf, 1), EFBIG);
	fails(rump_sys_pwrite(fd, buf, 1, 5000), EFBIG);
	fails(rump_sys_ftruncate(fd, 1001), EFBIG);
	works(rump_sys_ftruncate(fd, 1000));
	works(rump_sys_ftruncate(fd, 10));
	fails(rump_sys_fallocate(fd, 0, 0, 2000), EFBIG);
	works(rump_sys_close(fd));
	rump_pub_lwproc_releaselwp();
}

static void
flags_of_chattr(void **state)
{
	int fd, flags = 0, set = FS_IMMUTABLE_FL;

	(void)state;
	twin_case("chattr");
	works(rump_sys_close(rump_sys_open("f", O_CREAT | O_WRONLY, 0644)));
	fd = rump_sys_open("f", O_RDONLY);
	if (rump_sys_ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) {
		assert_int_equal(errno, ENOTTY);
		works(rump_sys_close(fd));
		skip();
	}
	works(rump_sys_ioctl(fd, FS_IOC_SETFLAGS, &set));
	fails(rump_sys_open("f", O_WRONLY), EPERM);
	fails(rump_sys_unlink("f"), EPERM);
	fails(rump_sys_rename("f", "g"), EPERM);
	fails(rump_sys_link("f", "g"), EPERM);
	fails(rump_sys_chmod("f", 0600), EPERM);
	fails(rump_sys_truncate("f", 0), EPERM);
	set = FS_APPEND_FL;
	works(rump_sys_ioctl(fd, FS_IOC_SETFLAGS, &set));
	fails(rump_sys_open("f", O_WRONLY), EPERM);
	fails(rump_sys_open("f", O_WRONLY | O_APPEND | O_TRUNC), EPERM);
	works(rump_sys_close(rump_sys_open("f", O_WRONLY | O_APPEND)));
	fails(rump_sys_unlink("f"), EPERM);
	set = 0;
	works(rump_sys_ioctl(fd, FS_IOC_SETFLAGS, &set));
	works(rump_sys_unlink("f"));
	fails(rump_sys_ioctl(fd, 0x12345, NULL), ENOTTY);
	works(rump_sys_close(fd));
}

static void
devices_answer(void **state)
{
	struct stat st;
	char buf[16];
	int fd;

	(void)state;
	fd = rump_sys_open("/dev/null", O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(rump_sys_write(fd, "abc", 3), 3);
	assert_int_equal(rump_sys_read(fd, buf, 3), 0);
	works(rump_sys_fstat(fd, &st));
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(st.st_rdev, makedev(1, 3));
	works(rump_sys_close(fd));
	fd = rump_sys_open("/dev/zero", O_RDWR);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(rump_sys_read(fd, buf, 16), 16);
	assert_int_equal(buf[0] | buf[15], 0);
	works(rump_sys_close(fd));
	fd = rump_sys_open("/dev/full", O_RDWR);
	fails(rump_sys_write(fd, "abc", 3), ENOSPC);
	works(rump_sys_close(fd));
	works(rump_sys_mknod("/twin/nodev", S_IFCHR | 0666, makedev(77, 7)));
	fails(rump_sys_open("/twin/nodev", O_RDONLY), ENXIO);
	works(rump_sys_mknod("/twin/noblk", S_IFBLK | 0666, makedev(77, 7)));
	fails(rump_sys_open("/twin/noblk", O_RDONLY), ENXIO);
	works(rump_sys_mknod("/twin/sock", S_IFSOCK | 0666, 0));
	fails(rump_sys_open("/twin/sock", O_RDONLY), ENXIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_and_go),
		cmocka_unit_test(statx_tells_more),
		cmocka_unit_test(directories_are_read),
		cmocka_unit_test(space_is_allocated_and_punched),
		cmocka_unit_test(data_and_holes),
		cmocka_unit_test(files_are_copied),
		cmocka_unit_test(extended_attributes),
		cmocka_unit_test(size_limit_is_kept),
		cmocka_unit_test(flags_of_chattr),
		cmocka_unit_test(devices_answer),
	};

	return cmocka_run_group_tests_name("syscalls", tests, twin_setup,
	    twin_teardown);
}
