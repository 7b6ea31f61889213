/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Permissions: mode bits, the sticky bit, set-id rules, chmod and chown, as
 * seen by users 0, 1000, 1001 and with groups 0, 100, 200.
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <grp.h>
#include <sys/sysmacros.h>

static void
become(uid_t uid, gid_t gid, gid_t extra)
{
	gid_t groups[1] = { extra };

	if (seteuid(0) != 0 || setegid(0) != 0 || setgroups(1, groups) != 0 ||
	    setegid(gid) != 0 || seteuid(uid) != 0)
		fail_msg("host: cannot become %u", uid);
	assert_int_equal(rump_sys_seteuid(0), 0);
	assert_int_equal(rump_sys_setegid(0), 0);
	assert_int_equal(rump_sys_setgroups(1, groups), 0);
	assert_int_equal(rump_sys_setegid(gid), 0);
	assert_int_equal(rump_sys_seteuid(uid), 0);
}

static void
root(void)
{

	become(0, 0, 0);
}

static const struct {
	uid_t uid;
	gid_t gid, extra;
} who[] = {
	{ 0, 0, 0 }, { 1000, 100, 100 }, { 1001, 100, 200 },
	{ 1001, 200, 100 }, { 1001, 200, 200 },
};
#define NWHO (sizeof(who) / sizeof(who[0]))

static void
mode_bits_decide(void **state)
{
	static const int how[] = { O_RDONLY, O_WRONLY, O_RDWR,
		O_WRONLY | O_TRUNC, O_RDONLY | O_TRUNC, O_RDONLY | O_NOATIME,
		O_PATH };
	static const mode_t modes[] = { 0, 0400, 0200, 0100, 0040, 0020, 0010,
		0004, 0002, 0001, 0700, 0070, 0007, 0644, 0755, 0777, 0077,
		0707 };
	struct stat st;

	(void)state;
	twin_case("bits");
	TWIN(chmod, ".", 0777);
	twin_file("f");
	TWIN(mkdir, "d", 0755);
	twin_file("d/f");
	TWIN(chown, "f", 1000, 100);
	TWIN(chown, "d", 1000, 100);
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		TWIN(chmod, "f", modes[m]);
		TWIN(chmod, "d", modes[m]);
		for (size_t w = 0; w < NWHO; w++) {
			become(who[w].uid, who[w].gid, who[w].extra);
			for (size_t i = 0; i < sizeof(how) / sizeof(how[0]);
			    i++) {
				TWIN_OPEN("f", how[i], 0);
				TWIN_OPEN("d", how[i], 0);
				TWIN_OPEN("d/f", how[i], 0);
			}
			for (int a = 0; a < 8; a++) {
				TWIN(access, "f", a);
				TWIN(access, "d", a);
				TWIN(faccessat, AT_FDCWD, "f", a, AT_EACCESS);
				TWIN(faccessat, AT_FDCWD, "d", a, AT_EACCESS);
				TWIN(faccessat, AT_FDCWD, "d/f", a,
				    AT_EACCESS);
			}
			TWIN(stat, "d/f", &st);
			TWIN(stat, "d/none", &st);
			TWIN(stat, "d/.", &st);
			TWIN(mkdir, "d/new", 0755);
			TWIN(rmdir, "d/new");
			TWIN_OPEN("d/new", O_CREAT | O_WRONLY, 0644);
			TWIN(unlink, "d/new");
			TWIN(symlink, "x", "d/new");
			TWIN(rename, "d/new", "d/newer");
			TWIN(unlink, "d/newer");
			TWIN(chdir, "d");
			TWIN(chdir, "../bits");
			root();
			if (chdir(twin_dir) != 0 ||
			    rump_sys_chdir("/twin") != 0)
				fail();
			TWIN(chdir, "bits");
			TWIN(utimensat, AT_FDCWD, "f", NULL, 0);
		}
	}
}

static void
sticky_directory(void **state)
{

	(void)state;
	twin_case("sticky");
	TWIN(chmod, ".", 01777);
	for (size_t w = 0; w < NWHO; w++) {
		root();
		TWIN_OPEN("a", O_CREAT | O_WRONLY, 0666);
		TWIN_OPEN("b", O_CREAT | O_WRONLY, 0666);
		TWIN(chown, "a", 1000, 100);
		TWIN(mkdir, "d", 0777);
		TWIN(chown, "d", 1000, 100);
		become(who[w].uid, who[w].gid, who[w].extra);
		TWIN(unlink, "b");
		TWIN(rename, "b", "c");
		TWIN(rename, "a", "c");
		TWIN(rename, "c", "a");
		TWIN(rename, "a", "b");
		TWIN(rmdir, "d");
		TWIN(mkdir, "e", 0755);
		TWIN(rmdir, "e");
		TWIN(unlink, "a");
		TWIN(unlink, "c");
		root();
		unlink("a"), rump_sys_unlink("a");
		unlink("b"), rump_sys_unlink("b");
		unlink("c"), rump_sys_unlink("c");
		rmdir("d"), rump_sys_rmdir("d");
	}
	/* The owner of the directory may. */
	TWIN(chown, ".", 1001, 0);
	TWIN_OPEN("a", O_CREAT | O_WRONLY, 0666);
	become(1001, 200, 200);
	TWIN(unlink, "a");
	root();
}

static void
chmod_and_chown(void **state)
{
	static const uid_t uids[] = { (uid_t)-1, 0, 1000, 1001 };
	static const gid_t gids[] = { (gid_t)-1, 0, 100, 200 };
	static const mode_t modes[] = { 0644, 06755, 02644, 02755, 01777,
		07777 };

	(void)state;
	twin_case("chown");
	TWIN(chmod, ".", 0777);
	for (size_t w = 0; w < NWHO; w++)
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
			for (size_t u = 0; u < 4; u++)
				for (size_t g = 0; g < 4; g++) {
					root();
					TWIN_OPEN("f", O_CREAT | O_WRONLY,
					    0666);
					TWIN(mkdir, "d", 0777);
					TWIN(symlink, "f", "l");
					TWIN(chown, "f", 1000, 100);
					TWIN(chown, "d", 1000, 100);
					become(who[w].uid, who[w].gid,
					    who[w].extra);
					TWIN(chmod, "f", modes[m]);
					TWIN(chmod, "d", modes[m]);
					TWIN_STAT("f");
					TWIN_STAT("d");
					TWIN(chown, "f", uids[u], gids[g]);
					TWIN(chown, "d", uids[u], gids[g]);
					TWIN(lchown, "l", uids[u], gids[g]);
					TWIN_STAT("f");
					TWIN_STAT("d");
					TWIN_STAT("l");
					root();
					TWIN(unlink, "f");
					TWIN(rmdir, "d");
					TWIN(unlink, "l");
				}
}

static void
setgid_directory_gives_its_group(void **state)
{

	(void)state;
	twin_case("setgid");
	TWIN(chown, ".", 0, 200);
	TWIN(chmod, ".", 02777);
	for (size_t w = 0; w < NWHO; w++) {
		become(who[w].uid, who[w].gid, who[w].extra);
		TWIN_OPEN("f", O_CREAT | O_WRONLY, 0666);
		TWIN_OPEN("g", O_CREAT | O_WRONLY, 02755);
		TWIN(mkdir, "d", 0777);
		TWIN(symlink, "x", "l");
		TWIN(mknod, "p", S_IFIFO | 0644, 0);
		TWIN_STAT("f");
		TWIN_STAT("g");
		TWIN_STAT("d");
		TWIN_STAT("l");
		TWIN_STAT("p");
		TWIN(unlink, "f");
		TWIN(unlink, "g");
		TWIN(rmdir, "d");
		TWIN(unlink, "l");
		TWIN(unlink, "p");
	}
	root();
}

static void
writing_drops_set_id(void **state)
{
	static const mode_t modes[] = { 06777, 04777, 02777, 02767 };
	struct pair p;

	(void)state;
	twin_case("suid");
	TWIN(chmod, ".", 0777);
	for (size_t w = 0; w < NWHO; w++)
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
			for (int how = 0; how < 3; how++) {
				TWIN_OPEN("f", O_CREAT | O_WRONLY, 0666);
				TWIN(chmod, "f", modes[m]);
				become(who[w].uid, who[w].gid, who[w].extra);
				p = twin_open("f", O_RDWR, 0);
				switch (how) {
				case 0:
					TWINFD(write, p, "x", 1);
					break;
				case 1:
					TWINFD(ftruncate, p, 0);
					break;
				case 2:
					TWIN(truncate, "f", 100);
					break;
				}
				twin_close(p);
				TWIN_STAT("f");
				root();
				TWIN(unlink, "f");
			}
}

static void
times_belong_to_the_owner(void **state)
{
	static const struct timespec when[][2] = {
		{ { 1, 2 }, { 3, 4 } },
		{ { 0, UTIME_NOW }, { 0, UTIME_NOW } },
		{ { 0, UTIME_OMIT }, { 0, UTIME_OMIT } },
		{ { 0, UTIME_NOW }, { 0, UTIME_OMIT } },
		{ { 1, 1000000000 }, { 0, 0 } },
		{ { 1, -1 }, { 0, 0 } },
	};
	static const mode_t modes[] = { 0644, 0666, 0444 };

	(void)state;
	twin_case("times");
	TWIN(chmod, ".", 0777);
	twin_file("f");
	TWIN(symlink, "none", "l");
	TWIN(chown, "f", 1000, 100);
	for (size_t w = 0; w < NWHO; w++)
		for (size_t m = 0; m < 3; m++) {
			root();
			TWIN(chmod, "f", modes[m]);
			become(who[w].uid, who[w].gid, who[w].extra);
			TWIN(utimensat, AT_FDCWD, "f", NULL, 0);
			for (size_t t = 0; t < 6; t++) {
				TWIN(utimensat, AT_FDCWD, "f", when[t], 0);
				TWIN(utimensat, AT_FDCWD, "none", when[t], 0);
				TWIN(utimensat, AT_FDCWD, "l", when[t],
				    AT_SYMLINK_NOFOLLOW);
			}
			TWIN(utimensat, AT_FDCWD, "f", NULL, 0x10000);
		}
	root();
}

static void
privileged_nodes(void **state)
{
	static const mode_t types[] = { S_IFREG, 0, S_IFDIR, S_IFIFO, S_IFSOCK,
		S_IFCHR, S_IFBLK, S_IFLNK, 0150000 };

	(void)state;
	twin_case("nodes");
	TWIN(chmod, ".", 0777);
	for (size_t w = 0; w < 2; w++)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			become(who[w].uid, who[w].gid, who[w].extra);
			TWIN(mknod, "n", types[i] | 0644, makedev(1, 3));
			TWIN_STAT("n");
			TWIN(mknod, "n", types[i] | 0644, makedev(1, 3));
			TWIN(mknod, "m/", types[i] | 0644, 0);
			root();
			unlink("n"), rump_sys_unlink("n");
		}
	become(1000, 100, 100);
	TWIN(chroot, ".");
	assert_int_equal(rump_sys_mount("rumpfs", ".", 0, NULL, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rump_sys_unmount(".", 0), -1);
	assert_int_equal(errno, EPERM);
	root();
}

static int
setup(void **state)
{

	return geteuid() != 0 ? -1 : twin_setup(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_bits_decide),
		cmocka_unit_test(sticky_directory),
		cmocka_unit_test(chmod_and_chown),
		cmocka_unit_test(setgid_directory_gives_its_group),
		cmocka_unit_test(writing_drops_set_id),
		cmocka_unit_test(times_belong_to_the_owner),
		cmocka_unit_test(privileged_nodes),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP the host compares as root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("perm", tests, setup,
	    twin_teardown);
}
