/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open(2) and openat2(2): flags, and what they refuse.
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

#define RW	O_RDWR
#define RO	O_RDONLY
#define WO	O_WRONLY

static void
existing_files(void **state)
{
	static const int flags[] = { RO, WO, RW, RO | O_TRUNC, WO | O_TRUNC,
		RO | O_DIRECTORY, RO | O_NOFOLLOW, WO | O_APPEND,
		RO | O_CREAT, WO | O_CREAT, WO | O_CREAT | O_EXCL,
		RO | O_DIRECTORY | O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW,
		O_PATH | O_DIRECTORY, O_PATH | O_CREAT, O_PATH | O_DIRECTORY |
		O_NOFOLLOW, RO | O_CREAT | O_DIRECTORY, WO | O_CREAT |
		O_NOFOLLOW, RO | O_NOATIME, WO | O_SYNC, RW | O_TMPFILE,
		RO | O_TMPFILE, WO | O_TMPFILE | O_CREAT, RW | O_TMPFILE |
		O_EXCL, 3, WO | O_CREAT | O_EXCL | O_NOFOLLOW,
		WO | O_CREAT | O_TRUNC };
	static const char *const names[] = { "f", "d", "lf", "ld", "dangling",
		"loop", "none", "f/", "d/", "lf/", "ld/", "dangling/", "none/",
		".", "..", "/", "d/.", "d/..", "f/x", "none/x", "" , "d/none",
		"lnone/x", "lup/f" };

	(void)state;
	twin_case("existing");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			char what[64];
			struct pair p;

			/* The same start for each. */
			unlink("none");
			rump_sys_unlink("none");
			unlink("target");
			rump_sys_unlink("target");
			unlink("d/none");
			rump_sys_unlink("d/none");
			mkdir("d", 0755);
			rump_sys_mkdir("d", 0755);
			(void)!symlink("f", "lf");
			rump_sys_symlink("f", "lf");
			(void)!symlink("d", "ld");
			rump_sys_symlink("d", "ld");
			(void)!symlink("target", "dangling");
			rump_sys_symlink("target", "dangling");
			(void)!symlink("loop", "loop");
			rump_sys_symlink("loop", "loop");
			(void)!symlink("..", "lup");
			rump_sys_symlink("..", "lup");
			close(open("f", O_CREAT | O_WRONLY, 0644));
			rump_sys_close(rump_sys_open("f", O_CREAT | O_WRONLY,
			    0644));
			/* Writing to "/" of the host is not the point. */
			if (names[n][0] == '/' && (flags[i] & (O_TMPFILE &
			    ~O_DIRECTORY)) != 0)
				continue;
			snprintf(what, sizeof(what), "open(\"%s\", 0%o)",
			    names[n], flags[i]);
			p.h = open(names[n], flags[i], 0644);
			int he = p.h < 0 ? errno : 0;
			p.r = rump_sys_open(names[n], flags[i], 0644);
			int re = p.r < 0 ? errno : 0;
			twin_same(__FILE__, __LINE__, what, he, re);
			twin_close(p);
			TWIN_STAT("none");
			TWIN_STAT("target");
		}
}

static void
created_file_has_its_mode(void **state)
{
	struct pair p;
	char c;

	(void)state;
	twin_case("mode");
	for (mode_t mask = 0; mask <= 0777; mask += 0111) {
		umask(mask);
		rump_sys_umask(mask);
		TWIN_OPEN("a", O_CREAT | WO | O_EXCL, 0666);
		TWIN_STAT("a");
		TWIN_OPEN("b", O_CREAT | WO | O_EXCL, 07777);
		TWIN_STAT("b");
		TWIN(mkdir, "c", 07777);
		TWIN_STAT("c");
		TWIN(mkfifo, "d", 0666);
		TWIN_STAT("d");
		TWIN(unlink, "a");
		TWIN(unlink, "b");
		TWIN(rmdir, "c");
		TWIN(unlink, "d");
	}
	umask(022);
	rump_sys_umask(022);
	/* Mode 0 is no obstacle for who makes the file. */
	p = twin_open("z", O_CREAT | RW | O_EXCL, 0);
	TWINFD(write, p, "x", 1);
	TWINFD(pread, p, &c, 1, 0);
	twin_close(p);
}

static void
access_modes_are_kept(void **state)
{
	struct pair r, w, q;
	char buf[4] = "abc";

	(void)state;
	twin_case("accmode");
	w = twin_open("f", O_CREAT | WO, 0644);
	r = twin_open("f", RO, 0);
	q = twin_open("f", O_PATH, 0);
	TWINFD(write, w, buf, 3);
	TWINFD(read, w, buf, 3);
	TWINFD(write, r, buf, 3);
	TWINFD(read, r, buf, 3);
	TWINFD(read, q, buf, 3);
	TWINFD(write, q, buf, 3);
	TWINFD(lseek, q, 0, SEEK_SET);
	TWINFD(ftruncate, r, 0);
	TWINFD(ftruncate, q, 0);
	TWINFD(ftruncate, w, -1);
	TWINFD(ftruncate, w, 10);
	TWINFD(fchmod, q, 0600);
	TWINFD(fchmod, r, 0600);
	TWINFD(fsync, q);
	TWINFD(fsync, r);
	TWINFD(fcntl, r, F_GETFL);
	TWINFD(fcntl, w, F_GETFL);
	TWINFD(fcntl, q, F_GETFL);
	TWINFD(lseek, w, -1, SEEK_SET);
	TWINFD(lseek, w, 5, SEEK_END);
	TWINFD(lseek, w, -6, SEEK_CUR);
	TWINFD(lseek, w, 0, 99);
	TWINFD(lseek, w, 3, SEEK_DATA);
	TWINFD(lseek, w, 100, SEEK_DATA);
	TWINFD(lseek, w, 3, SEEK_HOLE);
	TWINFD(pread, r, buf, 3, -1);
	TWINFD(pwrite, w, buf, 3, -1);
	TWINFD(flock, q, LOCK_SH);
	twin_close(r);
	twin_close(w);
	twin_close(q);
}

static void
directories_are_not_files(void **state)
{
	struct pair d;
	char buf[64];

	(void)state;
	twin_case("dirs");
	d = twin_open(".", RO, 0);
	TWINFD(read, d, buf, 3);
	TWINFD(write, d, buf, 3);
	TWINFD(pread, d, buf, 3, 0);
	TWINFD(ftruncate, d, 0);
	TWINFD(lseek, d, 0, SEEK_SET);
	TWINFD(fsync, d);
	TWINFD(fchdir, d);
	twin_close(d);
	d = twin_open("f", O_CREAT | RW, 0644);
	TWINFD(fchdir, d);
	assert_int_equal(rump_sys_getdents64(d.r, buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOTDIR);
	twin_close(d);
}

static void
append_goes_to_the_end(void **state)
{
	struct pair a, b;

	(void)state;
	twin_case("append");
	a = twin_open("f", O_CREAT | WO | O_APPEND, 0644);
	b = twin_open("f", WO, 0);
	TWINFD(write, a, "12345", 5);
	TWINFD(write, b, "abc", 3);
	TWINFD(lseek, a, 0, SEEK_SET);
	TWINFD(write, a, "67", 2);
	TWINFD(lseek, a, 0, SEEK_CUR);
	TWINFD(pwrite, a, "89", 2, 0);
	TWIN_STAT("f");
	twin_close(a);
	twin_close(b);
}

static void
unlinked_file_lives_on(void **state)
{
	struct pair p;
	char buf[8];

	(void)state;
	twin_case("unlinked");
	p = twin_open("f", O_CREAT | RW, 0644);
	TWINFD(write, p, "hello", 5);
	TWIN(unlink, "f");
	TWIN_STAT("f");
	TWINFD(pread, p, buf, 5, 0);
	TWINFD(write, p, "more", 4);
	TWINFD(lseek, p, 0, SEEK_END);
	TWIN_OPEN("f", RO, 0);
	TWIN_OPEN("f", O_CREAT | O_EXCL | RW, 0644);
	TWINFD(pread, p, buf, 5, 0);
	twin_close(p);
}

static void
tmpfile_can_be_named(void **state)
{
	struct pair p;
	int fd;

	(void)state;
	twin_case("tmpfile");
	p = twin_open(".", O_TMPFILE | RW, 0640);
	TWINFD(write, p, "x", 1);
	fd = p.r;
	assert_int_equal(linkat(p.h, "", AT_FDCWD, "named", AT_EMPTY_PATH), 0);
	assert_int_equal(rump_sys_linkat(fd, "", AT_FDCWD, "named",
	    AT_EMPTY_PATH), 0);
	TWIN_STAT("named");
	twin_close(p);
	TWIN_STAT("named");
	p = twin_open(".", O_TMPFILE | RW | O_EXCL, 0640);
	assert_int_equal(linkat(p.h, "", AT_FDCWD, "n2", AT_EMPTY_PATH), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(rump_sys_linkat(p.r, "", AT_FDCWD, "n2",
	    AT_EMPTY_PATH), -1);
	assert_int_equal(errno, ENOENT);
	twin_close(p);
	/* An unlinked file cannot come back. */
	p = twin_open("gone", O_CREAT | RW, 0640);
	TWIN(unlink, "gone");
	TWINFD(linkat, p, "", AT_FDCWD, "back", AT_EMPTY_PATH);
	twin_close(p);
}

static int
host_openat2(int dirfd, const char *path, struct open_how *how, size_t size)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, size);
}

static void
openat2_resolves_as_told(void **state)
{
	static const char *const names[] = { "f", "d/f", "../scope/f", "d/..",
		"d/../f", "..", "lf", "labs", "lup/f", "d/lup/f", "/", "/f",
		"d/lup2/f", "none", ".", "d/." };
	static const uint64_t resolve[] = { 0, RESOLVE_BENEATH,
		RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV,
		RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH | RESOLVE_IN_ROOT,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, 0x1000 };
	struct open_how how = { 0 };
	char big[64];

	(void)state;
	twin_case("scope");
	TWIN(mkdir, "d", 0755);
	twin_file("f");
	twin_file("d/f");
	TWIN(symlink, "f", "lf");
	TWIN(symlink, "/f", "labs");
	TWIN(symlink, "..", "lup");
	TWIN(symlink, "..", "d/lup");
	TWIN(symlink, "../..", "d/lup2");
	for (size_t i = 0; i < sizeof(resolve) / sizeof(resolve[0]); i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			char what[80];
			struct pair p;
			int he, re;

			how.resolve = resolve[i];
			/* The host's root is another mount. */
			if (how.resolve == RESOLVE_NO_XDEV &&
			    strcmp(names[n], "labs") == 0)
				continue;
			snprintf(what, sizeof(what), "openat2(\"%s\", %#llx)",
			    names[n], (unsigned long long)how.resolve);
			p.h = host_openat2(AT_FDCWD, names[n], &how,
			    sizeof(how));
			he = p.h < 0 ? errno : 0;
			p.r = rump_sys_openat2(AT_FDCWD, names[n], &how,
			    sizeof(how));
			re = p.r < 0 ? errno : 0;
			twin_same(__FILE__, __LINE__, what, he, re);
			twin_close(p);
		}
	how.resolve = 0;
	how.mode = 0644;
	assert_int_equal(rump_sys_openat2(AT_FDCWD, "f", &how, sizeof(how)),
	    -1);
	assert_int_equal(errno, EINVAL);
	how.mode = 0;
	how.flags = 1ULL << 40;
	assert_int_equal(rump_sys_openat2(AT_FDCWD, "f", &how, sizeof(how)),
	    -1);
	assert_int_equal(errno, EINVAL);
	memset(big, 0, sizeof(big));
	assert_int_equal(rump_sys_close(rump_sys_openat2(AT_FDCWD, "f",
	    (void *)big, sizeof(big))), 0);
	big[60] = 1;
	assert_int_equal(rump_sys_openat2(AT_FDCWD, "f", (void *)big,
	    sizeof(big)), -1);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(rump_sys_openat2(AT_FDCWD, "f", (void *)big, 8), -1);
	assert_int_equal(errno, EINVAL);
	how.flags = 0;
	how.resolve = RESOLVE_CACHED;
	assert_int_equal(rump_sys_close(rump_sys_openat2(AT_FDCWD, "f", &how,
	    sizeof(how))), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(existing_files),
		cmocka_unit_test(created_file_has_its_mode),
		cmocka_unit_test(access_modes_are_kept),
		cmocka_unit_test(directories_are_not_files),
		cmocka_unit_test(append_goes_to_the_end),
		cmocka_unit_test(unlinked_file_lives_on),
		cmocka_unit_test(tmpfile_can_be_named),
		cmocka_unit_test(openat2_resolves_as_told),
	};

	return cmocka_run_group_tests_name("open", tests, twin_setup,
	    twin_teardown);
}
