/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rename(2) and renameat2(2): every pair of kinds, and the corners.
 *
 * Link: rumpvfs
 */
#include "twin.h"

#include <pthread.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static const char *const kinds[] = { "file", "file2", "hard", "empty", "full",
	"empty2", "link", "dlink", "dangling", "none", "full/in", "full/sub",
	"full/sub/deep", "empty/new", "file/", "empty/", "link/", "dlink/",
	"none/", ".", "..", "full/.", "full/..", "", "none/x", "file/x",
	"full/sub/.." };

static void
populate(void)
{

	TWIN(mkdir, "empty", 0755);
	TWIN(mkdir, "empty2", 0755);
	TWIN(mkdir, "full", 0755);
	TWIN(mkdir, "full/sub", 0755);
	TWIN(mkdir, "full/sub/deep", 0755);
	twin_file("file");
	twin_file("file2");
	twin_file("full/in");
	TWIN(link, "file", "hard");
	TWIN(symlink, "file", "link");
	TWIN(symlink, "empty", "dlink");
	TWIN(symlink, "nowhere", "dangling");
}

static void
look(void)
{

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		TWIN_STAT(kinds[i]);
}

static void
all_pairs(unsigned flags)
{
	char name[32], what[96];
	size_t n = sizeof(kinds) / sizeof(kinds[0]);
	long h, r;
	int he, re;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			snprintf(name, sizeof(name), "c%u_%zu_%zu", flags, i,
			    j);
			TWIN(mkdir, name, 0755);
			TWIN(chdir, name);
			populate();
			snprintf(what, sizeof(what), "rename(%s, %s, %u)",
			    kinds[i], kinds[j], flags);
			h = renameat2(AT_FDCWD, kinds[i], AT_FDCWD, kinds[j],
			    flags);
			he = h < 0 ? errno : 0;
			r = rump_sys_renameat2(AT_FDCWD, kinds[i], AT_FDCWD,
			    kinds[j], flags);
			re = r < 0 ? errno : 0;
			twin_same(__FILE__, __LINE__, what, he, re);
			look();
			TWIN(chdir, "..");
		}
}

static void
every_pair(void **state)
{

	(void)state;
	twin_case("plain");
	all_pairs(0);
}

static void
every_pair_noreplace(void **state)
{

	(void)state;
	twin_case("noreplace");
	all_pairs(RENAME_NOREPLACE);
}

static void
every_pair_exchange(void **state)
{

	(void)state;
	twin_case("exchange");
	all_pairs(RENAME_EXCHANGE);
}

static void
flags_that_make_no_sense(void **state)
{

	(void)state;
	twin_case("flags");
	twin_file("a");
	twin_file("b");
	TWIN(renameat2, AT_FDCWD, "a", AT_FDCWD, "b",
	    RENAME_NOREPLACE | RENAME_EXCHANGE);
	TWIN(renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 0x80);
	TWIN(renameat2, AT_FDCWD, "a", 999, "b", 0);
	TWIN(renameat2, 999, "a", AT_FDCWD, "b", 0);
}

static void
dotdot_follows_a_moved_directory(void **state)
{
	struct stat a, b;

	(void)state;
	twin_case("dotdot");
	assert_int_equal(rump_sys_mkdir("p", 0755), 0);
	assert_int_equal(rump_sys_mkdir("q", 0755), 0);
	assert_int_equal(rump_sys_mkdir("p/d", 0755), 0);
	assert_int_equal(rump_sys_stat("p/d/..", &a), 0);
	assert_int_equal(rump_sys_stat("p", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(rump_sys_rename("p/d", "q/d"), 0);
	assert_int_equal(rump_sys_stat("q/d/..", &a), 0);
	assert_int_equal(rump_sys_stat("q", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(rump_sys_stat("p/d", &a), -1);
	assert_int_equal(rump_sys_rmdir("p"), 0);
}

static _Atomic int stop;

static void *
mover(void *arg)
{
	const char *const *names = arg;

	ok_errno(rump_pub_lwproc_newlwp(1));
	while (!stop) {
		rump_sys_rename(names[0], names[1]);
		rump_sys_rename(names[1], names[0]);
	}
	rump_pub_lwproc_releaselwp();
	return NULL;
}

/* Directories that move into each other's way; nobody stops for good. */
static void
concurrent_moves_do_not_lock_up(void **state)
{
	static const char *const names[][2] = {
		{ "/twin/moves/a/b/x", "/twin/moves/c/x" },
		{ "/twin/moves/a/b", "/twin/moves/c/d/b" },
		{ "/twin/moves/c/d", "/twin/moves/a/d" },
		{ "/twin/moves/a/f", "/twin/moves/c/d/f" },
	};
	pthread_t t[4];
	struct stat st;

	(void)state;
	twin_case("moves");
	rump_sys_mkdir("a", 0755);
	rump_sys_mkdir("a/b", 0755);
	rump_sys_mkdir("a/b/x", 0755);
	rump_sys_mkdir("c", 0755);
	rump_sys_mkdir("c/d", 0755);
	rump_sys_close(rump_sys_open("a/f", O_CREAT | O_WRONLY, 0644));
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, mover, (void *)names[i]);
	for (int i = 0; i < 20000; i++) {
		rump_sys_stat("a/b/x/../../f", &st);
		rump_sys_stat("c/d/b/x/..", &st);
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* A name that is replaced again and again is there all the time. */
static void *
replacer(void *arg)
{

	(void)arg;
	ok_errno(rump_pub_lwproc_newlwp(1));
	for (int i = 0; i < 20000; i++) {
		rump_sys_close(rump_sys_open("/twin/atomic/new",
		    O_CREAT | O_WRONLY, 0644));
		rump_sys_rename("/twin/atomic/new", "/twin/atomic/name");
	}
	stop = 1;
	rump_pub_lwproc_releaselwp();
	return NULL;
}

static void
replacement_is_atomic(void **state)
{
	struct stat st;
	pthread_t t;
	long missed = 0;
	int fd;

	(void)state;
	twin_case("atomic");
	stop = 0;
	rump_sys_close(rump_sys_open("name", O_CREAT | O_WRONLY, 0644));
	pthread_create(&t, NULL, replacer, NULL);
	while (!stop) {
		if (rump_sys_stat("name", &st) != 0)
			missed++;
		fd = rump_sys_open("name", O_RDONLY);
		if (fd < 0)
			missed++;
		else {
			if (rump_sys_fstat(fd, &st) != 0)
				missed++;
			rump_sys_close(fd);
		}
	}
	pthread_join(t, NULL);
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(every_pair_noreplace),
		cmocka_unit_test(every_pair_exchange),
		cmocka_unit_test(flags_that_make_no_sense),
		cmocka_unit_test(dotdot_follows_a_moved_directory),
		cmocka_unit_test(concurrent_moves_do_not_lock_up),
		cmocka_unit_test(replacement_is_atomic),
	};

	return cmocka_run_group_tests_name("rename", tests, twin_setup,
	    twin_teardown);
}
