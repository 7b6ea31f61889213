/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache, over a device in memory: random work by several threads next
 * to a model, with blocks smaller than, as big as, and bigger than a page.
 *
 * Link: rumpvfs
 */
#include <sys/wait.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/rump.h>

#include "k_pagecache.h"
#include "test.h"

#define THREADS 4
#define SMALL	"4m"

static unsigned rounds = 400;

static void *
work(void *arg)
{
	return (void *)(intptr_t)rumptest_pagecache_random((uintptr_t)arg,
	    rounds);
}

static void
random_work(unsigned bs, unsigned files, int sync)
{
	pthread_t t[THREADS];
	void *line;

	ok_errno(rumptest_pagecache_setup(bs, files, sync));
	for (uintptr_t i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, work,
		    (void *)(i + 1 + bs)));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &line);
		assert_int_equal((intptr_t)line, 0);
	}
	assert_int_equal(rumptest_pagecache_verify(), 0);
}

static void
anonymous_files_match_the_model(void **state)
{
	(void)state;
	random_work(0, 3, 1);
}

static void
files_of_512_byte_blocks_match_the_model(void **state)
{
	(void)state;
	random_work(512, 3, 1);
}

static void
files_of_2_kib_blocks_match_the_model(void **state)
{
	(void)state;
	random_work(2048, 3, 0);
}

static void
files_of_4_kib_blocks_match_the_model(void **state)
{
	(void)state;
	random_work(4096, 3, 1);
	random_work(4096, 3, 0);
}

static void
files_of_16_kib_blocks_match_the_model(void **state)
{
	(void)state;
	random_work(16384, 3, 1);
}

/* The flusher never rests. */
static void
eager_write_behind_matches_the_model(void **state)
{
	char def[32];

	(void)state;
	ok_errno(rump_pub_sysctl_get("vfs.pagecache.dirty_background", def,
	    sizeof(def)));
	ok_errno(rump_pub_sysctl_set("vfs.pagecache.dirty_background", "4"));
	random_work(4096, 5, 0);
	random_work(1024, 5, 1);
	ok_errno(rump_pub_sysctl_set("vfs.pagecache.dirty_background", def));
}

/* There is never room for all pages. */
static void
reclaim_matches_the_model(void **state)
{
	char def[32];

	(void)state;
	ok_errno(rump_pub_sysctl_get("vfs.pagecache.max", def, sizeof(def)));
	ok_errno(rump_pub_sysctl_set("vfs.pagecache.max", "150"));
	random_work(4096, 5, 0);
	random_work(512, 3, 1);
	ok_errno(rump_pub_sysctl_set("vfs.pagecache.max", def));
}

/* The same in a kernel with hardly any memory: in a process of its own. */
static void
a_small_kernel_matches_the_model(void **state)
{
	char *args[] = { "t_pagecache", "small", NULL };
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		setenv("RUMP_MEMLIMIT", SMALL, 1);
		execv("/proc/self/exe", args);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
many_files_match_the_model(void **state)
{
	(void)state;
	random_work(4096, 8, 0);
	random_work(1024, 8, 1);
}

static int
small_kernel(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_files_match_the_model),
	};

	char reclaimed[32] = "";
	int failed;

	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	if (freopen("/dev/null", "w", stdout) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rump_pub_sysctl_get("vfs.pagecache.reclaimed", reclaimed,
	    sizeof(reclaimed));
	fprintf(stderr, "# a small kernel: %s pages reclaimed, %ld times no "
	    "memory\n", reclaimed, rumptest_pagecache_nomem());
	return failed;
}

static void
errors_are_reported_once(void **state)
{
	(void)state;
	for (int sync = 0; sync < 2; sync++) {
		ok_errno(rumptest_pagecache_setup(4096, 1, sync));
		assert_int_equal(rumptest_pagecache_errors(), 0);
	}
}

static void
io_is_sparing(void **state)
{
	(void)state;
	ok_errno(rumptest_pagecache_setup(4096, 1, 1));
	assert_int_equal(rumptest_pagecache_economy(), 0);
}

static void
seek_finds_data_and_holes(void **state)
{
	(void)state;
	ok_errno(rumptest_pagecache_setup(0, 1, 1));
	assert_int_equal(rumptest_pagecache_seek(), 0);
}

static void
full_leaves_are_read_as_they_change(void **state)
{
	(void)state;
	ok_errno(rumptest_pagecache_setup(0, 2, 1));
	assert_int_equal(rumptest_pagecache_full_leaves(), 0);
	ok_errno(rumptest_pagecache_setup(1024, 2, 1));
	assert_int_equal(rumptest_pagecache_full_leaves(), 0);
}

/* Not judged: printed for who looks. */
static void
speed(void **state)
{
	int64_t again = 0, first;

	(void)state;
	ok_errno(rumptest_pagecache_setup(0, 1, 1));
	first = rumptest_pagecache_write_ns(16384, &again);
	print_message("# first write of a page %lld ns, warm %lld ns; "
	    "cached read of a page of 64 MiB %lld ns, of 1 MiB %lld ns\n",
	    (long long)first, (long long)again,
	    (long long)rumptest_pagecache_read_ns(16384, 100000),
	    (long long)rumptest_pagecache_read_ns(256, 100000));
	assert_int_equal(rumptest_pagecache_verify(), 0);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_files_match_the_model),
		cmocka_unit_test(files_of_4_kib_blocks_match_the_model),
		cmocka_unit_test(files_of_2_kib_blocks_match_the_model),
		cmocka_unit_test(files_of_512_byte_blocks_match_the_model),
		cmocka_unit_test(files_of_16_kib_blocks_match_the_model),
		cmocka_unit_test(eager_write_behind_matches_the_model),
		cmocka_unit_test(reclaim_matches_the_model),
		cmocka_unit_test(a_small_kernel_matches_the_model),
		cmocka_unit_test(errors_are_reported_once),
		cmocka_unit_test(io_is_sparing),
		cmocka_unit_test(seek_finds_data_and_holes),
		cmocka_unit_test(full_leaves_are_read_as_they_change),
		cmocka_unit_test(speed),
	};
	const char *r = getenv("RUMP_TEST_ROUNDS");

	if (r != NULL)
		rounds = (unsigned)atoi(r);
	if (rump_init() != 0)
		return 1;
	if (argc > 1 && strcmp(argv[1], "small") == 0)
		return small_kernel();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
