/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths: components, links, "..", limits. path_resolution(7), symlink(7).
 *
 * Link: rumpvfs
 */
#include "twin.h"

static void
plain_components(void **state)
{
	struct stat st;

	(void)state;
	twin_case("plain");
	TWIN(mkdir, "a", 0755);
	TWIN(mkdir, "a/b", 0755);
	twin_file("a/b/f");
	TWIN(stat, "a/b/f", &st);
	TWIN(stat, "a//b///f", &st);
	TWIN(stat, "./a/./b/../b/f", &st);
	TWIN(stat, "a/b/f/", &st);
	TWIN(stat, "a/b/f/x", &st);
	TWIN(stat, "a/b/f/..", &st);
	TWIN(stat, "a/b/", &st);
	TWIN(stat, "a/b/.", &st);
	TWIN(stat, "a/x", &st);
	TWIN(stat, "a/x/y", &st);
	TWIN(stat, "", &st);
	TWIN(stat, "/..", &st);
	TWIN(stat, "/../../.", &st);
	TWIN(stat, "/", &st);
	TWIN(stat, "//", &st);
	TWIN(mkdir, "a/b", 0755);
	TWIN(mkdir, ".", 0755);
	TWIN(mkdir, "..", 0755);
	TWIN(mkdir, "/", 0755);
	TWIN(mkdir, "a/c/", 0755);
	TWIN(mkdir, "a/d//", 0755);
	TWIN(mkdir, "x/y", 0755);
	TWIN(mkdir, "a/b/f/g", 0755);
	TWIN(mkdir, "", 0755);
}

/* What was once missing is found when it is there, and the other way. */
static void
negative_entries_go(void **state)
{
	struct stat st;

	(void)state;
	twin_case("negative");
	for (int i = 0; i < 3; i++) {
		TWIN(stat, "f", &st);
		twin_file("f");
		TWIN(stat, "f", &st);
		TWIN(unlink, "f");
		TWIN(stat, "f", &st);
		TWIN(mkdir, "f", 0755);
		TWIN(stat, "f/.", &st);
		TWIN(rmdir, "f");
		TWIN(stat, "f", &st);
		TWIN(symlink, "t", "f");
		TWIN(stat, "f", &st);
		twin_file("t");
		TWIN(stat, "f", &st);
		TWIN(rename, "t", "u");
		TWIN(stat, "f", &st);
		TWIN(stat, "t", &st);
		TWIN(stat, "u", &st);
		TWIN(unlink, "f");
		TWIN(unlink, "u");
	}
}

static void
symbolic_links(void **state)
{
	struct stat st;
	char buf[64];

	(void)state;
	twin_case("links");
	TWIN(mkdir, "d", 0755);
	twin_file("d/f");
	TWIN(symlink, "d", "ld");
	TWIN(symlink, "d/", "lds");
	TWIN(symlink, "d/f", "lf");
	TWIN(symlink, "d/f/", "lfs");
	TWIN(symlink, "nowhere", "dangling");
	TWIN(symlink, "loop", "loop");
	TWIN(symlink, "../links/d/../lf", "far");
	TWIN(symlink, ".", "dot");
	TWIN(symlink, "", "empty");
	TWIN(symlink, "x", "d");
	TWIN(symlink, "x", "new/");
	TWIN(symlink, "x", "d/");
	TWIN(stat, "ld/f", &st);
	TWIN(stat, "ld/", &st);
	TWIN(stat, "lds", &st);
	TWIN(stat, "lds/f", &st);
	TWIN(stat, "lf", &st);
	TWIN(stat, "lf/", &st);
	TWIN(stat, "lfs", &st);
	TWIN(lstat, "lf/", &st);
	TWIN(lstat, "ld/", &st);
	TWIN(stat, "dangling", &st);
	TWIN(lstat, "dangling", &st);
	TWIN(lstat, "dangling/", &st);
	TWIN(stat, "loop", &st);
	TWIN(stat, "loop/x", &st);
	TWIN(lstat, "loop", &st);
	TWIN(stat, "far", &st);
	TWIN(stat, "dot/dot/dot/d/f", &st);
	TWIN_STAT("ld");
	TWIN_STAT("ld/");
	TWIN_STAT("dot");
	TWIN(readlink, "ld", buf, sizeof(buf));
	TWIN(readlink, "ld/", buf, sizeof(buf));
	TWIN(readlink, "d", buf, sizeof(buf));
	TWIN(readlink, "ld", buf, 0);
	TWIN(readlink, "", buf, sizeof(buf));
	TWIN(readlink, "none", buf, sizeof(buf));
	TWIN(rmdir, "ld");
	TWIN(rmdir, "ld/");
	TWIN(unlink, "ld/");
	TWIN(mkdir, "dangling", 0755);
	TWIN(mkdir, "dangling/", 0755);
	assert_int_equal(rump_sys_readlink("far", buf, 3), 3);
	assert_memory_equal(buf, "../", 3);
}

static void
forty_links_and_no_more(void **state)
{
	char from[16], to[16];
	struct stat st;

	(void)state;
	twin_case("forty");
	twin_file("l0");
	for (int i = 1; i <= 42; i++) {
		snprintf(from, sizeof(from), "l%d", i - 1);
		snprintf(to, sizeof(to), "l%d", i);
		TWIN(symlink, from, to);
	}
	for (int i = 38; i <= 42; i++) {
		snprintf(to, sizeof(to), "l%d", i);
		TWIN(stat, to, &st);
	}
	TWIN(stat, "l40", &st);
	assert_int_equal(rump_sys_stat("l40", &st), 0);
	assert_int_equal(rump_sys_stat("l41", &st), -1);
}

static void
limits_of_names_and_paths(void **state)
{
	char name[300], path[5000];
	struct stat st;

	(void)state;
	twin_case("limits");
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	twin_file(name);
	TWIN(stat, name, &st);
	name[255] = 'n';
	name[256] = '\0';
	TWIN(stat, name, &st);
	TWIN_OPEN(name, O_CREAT | O_WRONLY, 0644);
	TWIN(mkdir, name, 0755);
	TWIN(symlink, "x", name);
	TWIN(rename, "x", name);
	for (size_t n = 4090; n <= 4100; n++) {
		memset(path, '/', sizeof(path));
		path[0] = '.';
		path[n] = '\0';
		TWIN(stat, path, &st);
	}
	/* A target as long as can be, and one that is longer. */
	memset(path, '/', sizeof(path));
	path[0] = '.';
	path[4095] = '\0';
	TWIN(symlink, path, "long");
	TWIN(stat, "long", &st);
	TWIN(stat, "long/limits/x", &st);
	path[4095] = '/';
	path[4096] = '\0';
	TWIN(symlink, path, "longer");
}

static void
removed_directory_is_a_dead_end(void **state)
{
	struct stat st;
	char buf[256];

	(void)state;
	twin_case("removed");
	TWIN(mkdir, "d", 0755);
	TWIN(chdir, "d");
	TWIN(rmdir, "../d");
	TWIN(stat, ".", &st);
	TWIN(stat, "..", &st);
	TWIN(stat, "x", &st);
	TWIN(mkdir, "x", 0755);
	TWIN_OPEN("x", O_CREAT | O_WRONLY, 0644);
	TWIN(symlink, "a", "x");
	TWIN_OPEN(".", O_RDONLY, 0);
	assert_int_equal(rump_sys_getcwd(buf, sizeof(buf)), -1);
	assert_int_equal(errno, ENOENT);
}

static void
bad_pointers_fault(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(rump_sys_chdir("/"), 0);
	assert_int_equal(rump_sys_stat(NULL, &st), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(rump_sys_stat("/", NULL), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(rump_sys_open(NULL, O_RDONLY), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(rump_sys_mkdir(NULL, 0), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(rump_sys_rename("/none/a", NULL), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(rump_sys_getcwd(NULL, 10), -1);
	assert_int_equal(errno, EFAULT);
}

static void
cwd_has_a_path(void **state)
{
	char buf[256];

	(void)state;
	twin_case("cwd");
	assert_int_equal(rump_sys_mkdir("a", 0755), 0);
	assert_int_equal(rump_sys_mkdir("a/b", 0755), 0);
	assert_int_equal(rump_sys_chdir("a/b"), 0);
	assert_int_equal(rump_sys_getcwd(buf, sizeof(buf)), 14);
	assert_string_equal(buf, "/twin/cwd/a/b");
	assert_int_equal(rump_sys_getcwd(buf, 13), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(rump_sys_rename("/twin/cwd/a", "/twin/cwd/z"), 0);
	assert_true(rump_sys_getcwd(buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "/twin/cwd/z/b");
	assert_int_equal(rump_sys_chdir("/"), 0);
	assert_int_equal(rump_sys_getcwd(buf, sizeof(buf)), 2);
	assert_string_equal(buf, "/");
}

static void
dirfd_starts_the_walk(void **state)
{
	struct pair d, f;
	struct stat st;

	(void)state;
	twin_case("dirfd");
	TWIN(mkdir, "d", 0755);
	twin_file("d/f");
	d = twin_open("d", O_RDONLY | O_DIRECTORY, 0);
	f = twin_open("d/f", O_RDONLY, 0);
	TWINFD(fstatat, d, "f", &st, 0);
	TWINFD(fstatat, d, "x", &st, 0);
	TWINFD(fstatat, d, "", &st, 0);
	TWINFD(fstatat, d, "", &st, AT_EMPTY_PATH);
	TWINFD(fstatat, f, "", &st, AT_EMPTY_PATH);
	TWINFD(fstatat, f, "x", &st, 0);
	TWINFD(fstatat, f, ".", &st, 0);
	TWINFD(fstatat, f, "/", &st, 0);
	TWINFD(fstatat, d, "f", &st, 0x40000);
	TWINFD(mkdirat, d, "e", 0755);
	TWINFD(unlinkat, d, "e", 0);
	TWINFD(unlinkat, d, "e", AT_REMOVEDIR);
	TWINFD(unlinkat, d, "f", 0x4000);
	TWIN(fstatat, 999, "x", &st, 0);
	TWIN(fstatat, 999, "/", &st, 0);
	TWIN(fstatat, -1, "", &st, AT_EMPTY_PATH);
	twin_close(d);
	twin_close(f);
}

static void
chroot_is_the_top(void **state)
{
	struct stat st, root;
	char buf[64];
	int pid;

	(void)state;
	twin_case("chroot");
	assert_int_equal(rump_sys_mkdir("jail", 0755), 0);
	assert_int_equal(rump_sys_mkdir("jail/in", 0755), 0);
	assert_int_equal(rump_sys_symlink("/in", "jail/abs"), 0);
	assert_int_equal(rump_sys_stat("jail", &root), 0);
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFFDG));
	pid = rump_sys_getpid();
	assert_true(pid > 1);
	assert_int_equal(rump_sys_chroot("jail"), 0);
	assert_int_equal(rump_sys_chdir("/"), 0);
	assert_int_equal(rump_sys_stat("/../..", &st), 0);
	assert_int_equal(st.st_ino, root.st_ino);
	assert_int_equal(rump_sys_stat("../abs", &st), 0);
	assert_int_equal(rump_sys_stat("/twin", &st), -1);
	assert_int_equal(rump_sys_chdir("in"), 0);
	assert_int_equal(rump_sys_getcwd(buf, sizeof(buf)), 4);
	assert_string_equal(buf, "/in");
	rump_pub_lwproc_releaselwp();
	assert_int_equal(rump_sys_stat("/twin", &st), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_components),
		cmocka_unit_test(negative_entries_go),
		cmocka_unit_test(symbolic_links),
		cmocka_unit_test(forty_links_and_no_more),
		cmocka_unit_test(limits_of_names_and_paths),
		cmocka_unit_test(removed_directory_is_a_dead_end),
		cmocka_unit_test(bad_pointers_fault),
		cmocka_unit_test(cwd_has_a_path),
		cmocka_unit_test(dirfd_starts_the_walk),
		cmocka_unit_test(chroot_is_the_top),
	};

	return cmocka_run_group_tests_name("namei", tests, twin_setup,
	    twin_teardown);
}
