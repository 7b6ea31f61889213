/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot: its parameters, what it says, and who may call it. Each case boots in
 * a child process, with the console in a file.
 *
 * Link: rump-tmpfs
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/etfs.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

static char console[] = "/tmp/t_boot.XXXXXX";

/* What fn returns in a child, with a parameter set. */
static int
in_child(const char *name, const char *value, int (*fn)(void))
{
	int status;
	pid_t pid;

	assert_int_equal(truncate(console, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("RUMP_CONSOLE", console, 1);
		if (name != NULL)
			setenv(name, value, 1);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
console_has(const char *text)
{
	char buf[8192];
	size_t n;
	FILE *f;

	f = fopen(console, "r");
	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = '\0';
	return strstr(buf, text) != NULL;
}

static bool
console_empty(void)
{
	return !console_has("\n");
}

static void
parameters_that_are_no_numbers_are_refused(void **state)
{
	static const char *const names[] = { "RUMP_MEMLIMIT", "RUMP_VERBOSE",
		"RUMP_NCPU" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(in_child(names[i], "many", rump_init), EINVAL);
		assert_true(console_has("is not a number"));
	}
	assert_int_equal(in_child("RUMP_CLOCK", "sundial", rump_init), EINVAL);
	assert_int_equal(in_child("RUMP_MEMLIMIT", "64m", rump_init), 0);
	assert_true(console_empty());
}

static void
hardly_any_memory_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(in_child("RUMP_MEMLIMIT", "4k", rump_init), ENOMEM);
}

static int
boot_verbose(void)
{
	rump_boot_sethowto(RUMP_AB_VERBOSE);
	return rump_boot_gethowto() != RUMP_AB_VERBOSE ? 99 : rump_init();
}

static int
boot_silent(void)
{
	rump_boot_sethowto(RUMP_AB_SILENT);
	return rump_init();
}

static void
howto_says_how_much_is_said(void **state)
{
	(void)state;
	assert_int_equal(in_child(NULL, NULL, rump_init), 0);
	assert_true(console_empty());
	assert_int_equal(in_child("RUMP_VERBOSE", "1", rump_init), 0);
	assert_true(console_has("tmpfs"));
	assert_int_equal(in_child(NULL, NULL, boot_verbose), 0);
	assert_true(console_has("tmpfs"));
	assert_int_equal(in_child("RUMP_VERBOSE", "1", boot_silent), 0);
	assert_true(console_empty());
}

static void *
init_thread(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)rump_init();
}

static int
boot_by_many(void)
{
	pthread_t t[8];
	intptr_t bad = 0;
	void *r;

	for (int i = 0; i < 8; i++)
		bad |= pthread_create(&t[i], NULL, init_thread, NULL);
	for (int i = 0; i < 8; i++) {
		bad |= pthread_join(t[i], &r);
		bad |= (intptr_t)r;
	}
	return bad != 0 || rump_init() != 0 ||
	    !rump_pub_component_ready("tmpfs") ||
	    rump_pub_component_ready("ufs");
}

static void
many_threads_boot_one_kernel(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(in_child(NULL, NULL, boot_by_many), 0);
}

/* The line of the case that is not as it should be. */
#define MUST(cond) do { if (!(cond)) return __LINE__ % 255 + 1; } while (0)

static int
use_console(void)
{
	struct stat st;
	char c;

	MUST(rump_init() == 0);
	MUST(rump_sys_write(1, "to one\n", 7) == 7);
	MUST(rump_sys_write(2, "to two\n", 7) == 7);
	MUST(rump_sys_fstat(0, &st) == 0 && S_ISCHR(st.st_mode));
	MUST(st.st_rdev == makedev(5, 1));
	MUST(rump_sys_fcntl(0, F_GETFL) == O_RDWR);
	MUST(rump_sys_lseek(1, 0, SEEK_CUR) == -1 && errno == ESPIPE);
	MUST(close(STDIN_FILENO) == 0 && open("/dev/null", O_RDONLY) == 0);
	MUST(rump_sys_read(0, &c, 1) == 0);
	MUST(rump_sys_open("/dev/null", O_RDONLY) == 3);
	/* A process with a table of its own starts without. */
	MUST(rump_pub_lwproc_rfork(RUMP_RFFDG) == 0);
	MUST(rump_sys_write(1, "of a copy\n", 10) == 10);
	MUST(rump_pub_lwproc_rfork(RUMP_RFCFDG) == 0);
	MUST(rump_sys_write(1, "none\n", 5) == -1 && errno == EBADF);
	MUST(rump_sys_open("/dev/null", O_RDONLY) == 0);
	return 0;
}

static void
first_three_descriptors_are_the_console(void **state)
{
	(void)state;
	assert_int_equal(in_child(NULL, NULL, use_console), 0);
	assert_true(console_has("to one\nto two\nof a copy\n"));
	assert_false(console_has("none"));
}

static int
use_boot_etfs(void)
{
	struct rump_boot_etfs all = { .eb_key = "/images/all",
	    .eb_hostpath = console, .eb_type = RUMP_ETFS_BLK,
	    .eb_size = RUMP_ETFS_SIZE_ENDOFF };
	struct rump_boot_etfs part = all, again = all, none = all;
	char buf[4];
	int fd;

	part.eb_key = "/images/part";
	part.eb_begin = part.eb_size = 512;
	none.eb_key = "/none";
	none.eb_hostpath = "/nowhere";
	MUST(truncate(console, 1024) == 0);
	fd = open(console, O_WRONLY);
	MUST(pwrite(fd, "here", 4, 512) == 4);
	rump_boot_etfs_register(&all);
	rump_boot_etfs_register(&part);
	rump_boot_etfs_register(&again);
	rump_boot_etfs_register(&none);
	MUST(all.eb_status == -1);
	MUST(rump_init() == 0);
	MUST(all.eb_status == 0 && part.eb_status == 0);
	MUST(again.eb_status == EEXIST && none.eb_status == ENOENT);
	fd = rump_sys_open("/images/all", O_RDONLY);
	MUST(rump_sys_pread(fd, buf, 4, 512) == 4);
	MUST(memcmp(buf, "here", 4) == 0);
	fd = rump_sys_open("/images/part", O_RDONLY);
	MUST(rump_sys_lseek(fd, 0, SEEK_END) == 512);
	MUST(rump_sys_pread(fd, buf, 4, 0) == 4);
	MUST(memcmp(buf, "here", 4) == 0);
	MUST(rump_pub_etfs_remove("/none") == ENOENT);
	return 0;
}

static void
host_files_registered_before_boot_are_there(void **state)
{
	(void)state;
	assert_int_equal(in_child(NULL, NULL, use_boot_etfs), 0);
}

static int
setup(void **state)
{
	int fd = mkstemp(console);

	(void)state;
	return fd == -1 || close(fd) != 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(console);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_that_are_no_numbers_are_refused),
		cmocka_unit_test(hardly_any_memory_is_an_error),
		cmocka_unit_test(howto_says_how_much_is_said),
		cmocka_unit_test(many_threads_boot_one_kernel),
		cmocka_unit_test(first_three_descriptors_are_the_console),
		cmocka_unit_test(host_files_registered_before_boot_are_there),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
