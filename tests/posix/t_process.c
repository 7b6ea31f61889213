/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters, console, signals, termination, daemons, dynamic loading,
 * randomness.
 *
 * What ends or remodels the process is done in a child.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <sys/wait.h>

#include <signal.h>

#include "posix_test.h"

/* Run fn in a child; its wait status, and its standard error in text. */
static int
in_child(void (*fn)(void), char *text, size_t size)
{
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		alarm(20);
		fn();
		_exit(99);
	}
	close(fds[1]);
	while (text != NULL && len < size - 1 &&
	    (n = read(fds[0], text + len, size - 1 - len)) > 0)
		len += n;
	if (text != NULL)
		text[len] = '\0';
	waitpid(pid, &status, 0);
	close(fds[0]);
	return status;
}

static void
parameters_come_from_the_environment(void **state)
{
	char buf[8];

	(void)state;
	setenv("RUMP_XYZ", "1234567", 1);
	assert_int_equal(rumpuser_getparam("RUMP_XYZ", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1234567");
	assert_int_equal(rumpuser_getparam("RUMP_XYZ", buf, 7), E2BIG);
	assert_string_equal(buf, "1234567");
	assert_int_equal(rumpuser_getparam("RUMP_NONE", buf, sizeof(buf)),
	    ENOENT);
	unsetenv("RUMP_XYZ");
}

static void
own_parameters_have_values(void **state)
{
	char buf[300], host[256];

	(void)state;
	assert_int_equal(rumpuser_getparam(RUMPUSER_PARAM_NCPU, buf,
	    sizeof(buf)), 0);
	assert_true(atoi(buf) >= 1);
	setenv("RUMP_NCPU", "3", 1);
	assert_int_equal(rumpuser_getparam(RUMPUSER_PARAM_NCPU, buf,
	    sizeof(buf)), 0);
	assert_string_equal(buf, "3");
	unsetenv("RUMP_NCPU");
	gethostname(host, sizeof(host));
	assert_int_equal(rumpuser_getparam(RUMPUSER_PARAM_HOSTNAME, buf,
	    sizeof(buf)), 0);
	assert_string_equal(buf, host);
}

static void
talk(void)
{

	rumpuser_console_write("one\ntwo", 7);
	rumpuser_console_write("\n", 1);
	_exit(0);
}

static void
console_writes_to_standard_error(void **state)
{
	char text[100];

	(void)state;
	assert_int_equal(in_child(talk, text, sizeof(text)), 0);
	assert_string_equal(text, "one\ntwo\n");
}

static void
console_can_be_a_file(void **state)
{
	const char *path = temp_path("log");
	char text[100] = "";
	FILE *f;

	(void)state;
	setenv("RUMP_CONSOLE", path, 1);
	assert_int_equal(in_child(talk, text, sizeof(text)), 0);
	assert_int_equal(in_child(talk, NULL, 0), 0);
	unsetenv("RUMP_CONSOLE");
	assert_string_equal(text, "");
	f = fopen(path, "r");
	assert_int_equal(fread(text, 1, sizeof(text), f), 16);
	assert_memory_equal(text, "one\ntwo\none\ntwo\n", 16);
	fclose(f);
	temp_remove(path);
}

static void
listen_to_input(void)
{
	char buf[10];
	size_t n;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) != 0 || write(fds[1], "abc", 3) != 3 ||
	    dup2(fds[0], 0) != 0 || close(fds[1]) != 0)
		_exit(1);
	if (rumpuser_console_read(buf, 2, &n) != 0 || n != 2 ||
	    rumpuser_console_read(buf, 2, &n) != 0 || n != 1 ||
	    rumpuser_console_read(buf, 2, &n) != 0 || n != 0)
		_exit(2);
	_exit(0);
}

static void
console_reads_to_the_end(void **state)
{

	(void)state;
	assert_int_equal(in_child(listen_to_input, NULL, 0), 0);
}

static void
exit_5(void)
{

	rumpuser_exit(5);
}

static void
panic(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	rumpuser_exit(RUMPUSER_PANIC);
}

static void
raise_term(void)
{

	rumpuser_raise(SIGTERM);
	nap(10 * SEC);
}

static void
exit_gives_the_status_and_panic_aborts(void **state)
{
	int status;

	(void)state;
	status = in_child(exit_5, NULL, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	status = in_child(panic, NULL, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	status = in_child(raise_term, NULL, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(rumpuser_raise(-1), EINVAL);
}

static void
errno_is_the_callers(void **state)
{

	(void)state;
	errno = 0;
	rumpuser_seterrno(EXDEV);
	assert_int_equal(errno, EXDEV);
}

/* ---- Daemons ----------------------------------------------------------- */

static void
daemon_that_starts(void)
{

	if (rumpuser_daemonize_begin() != 0)
		_exit(50);
	if (getsid(0) == getpid() || getppid() == 0)
		_exit(51);
	nap(30 * MS);
	if (rumpuser_daemonize_begin() != EINVAL)
		rumpuser_daemonize_done(EDOM);
	if (rumpuser_daemonize_done(0) != 0 ||
	    rumpuser_daemonize_done(0) != EINVAL)
		_exit(52);
	nap(200 * MS);
	_exit(0);
}

static void
daemon_that_fails(void)
{

	rumpuser_daemonize_begin();
	rumpuser_daemonize_done(EADDRINUSE);
	_exit(0);
}

static void
daemon_that_dies(void)
{

	rumpuser_daemonize_begin();
	_exit(0);
}

static void
parent_of_a_daemon_learns_how_it_went(void **state)
{
	char text[200];
	int status;
	int64_t t = rumpuser_clock(RUMPUSER_CLOCK_MONO);

	(void)state;
	/* Its output ends when it is up, not when it ends. */
	status = in_child(daemon_that_starts, text, sizeof(text));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(text, "");
	assert_true(rumpuser_clock(RUMPUSER_CLOCK_MONO) >= t + 30 * MS);
	status = in_child(daemon_that_fails, text, sizeof(text));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(text, "in use"));
	status = in_child(daemon_that_dies, text, sizeof(text));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(text, "died"));
	assert_int_equal(rumpuser_daemonize_done(0), EINVAL);
}

/* ---- Libraries ---------------------------------------------------------- */

static void
library_is_loaded_and_its_symbols_found(void **state)
{
	double (*cosine)(double);
	void *handle, *sym;

	(void)state;
	assert_int_equal(rumpuser_dl_load("libm.so.6", &handle), 0);
	assert_int_equal(rumpuser_dl_symbol(handle, "cos", &sym), 0);
	memcpy(&cosine, &sym, sizeof(cosine));
	assert_true(cosine(0) == 1);
	assert_int_equal(rumpuser_dl_symbol(handle, "no_such_name", &sym),
	    ESRCH);
	assert_int_equal(rumpuser_dl_unload(handle), 0);
	assert_int_equal(rumpuser_dl_symbol(NULL, "rumpuser_init", &sym), 0);
}

static void
load_bad(void)
{
	const char *path = temp_path("bad.so");
	int fd = open(path, O_RDWR | O_CREAT, 0600), error;
	void *handle;

	if (write(fd, "not an ELF file", 15) != 15)
		_exit(1);
	error = rumpuser_dl_load(path, &handle);
	temp_remove(path);
	_exit(error == ENOEXEC ? 0 : 2);
}

static void
bad_libraries_are_refused(void **state)
{
	char text[300];
	void *handle;

	(void)state;
	assert_int_equal(rumpuser_dl_load("/nonexistent/x.so", &handle),
	    ENOENT);
	assert_int_equal(in_child(load_bad, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "bad.so"));
}

/* ---- Parameters that are wrong ----------------------------------------- */

static const char *bad_name, *bad_value;

static void
boot_badly(void)
{

	setenv(bad_name, bad_value, 1);
	_exit(rumpuser_init(&upcalls));
}

static void
wrong_parameters_stop_the_boot(void **state)
{
	static const char *const bad[][2] = {
		{ "RUMP_CLOCK", "sundial" }, { "RUMP_BIO", "tape" },
		{ "RUMP_SEED", "12x" }, { "RUMP_SEED", "-1" },
		{ "RUMP_SEED", "" }, { "RUMP_FAULT", "read" },
		{ "RUMP_FAULT", "read:" }, { "RUMP_FAULT", "read:1:EWHAT" },
		{ "RUMP_FAULT", "alloc:1,foo:1" }, { "RUMP_FAULT", "read:1x" },
		{ "RUMP_FAULT", "read:-1" },
	};
	char text[200];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad_name = bad[i][0];
		bad_value = bad[i][1];
		status = in_child(boot_badly, text, sizeof(text));
		assert_int_equal(status, EINVAL << 8);
		assert_non_null(strstr(text, bad_name));
	}
}

static void
faulty_boot(void)
{
	void *p;
	int fd;

	setenv("RUMP_FAULT", "alloc:2,open:1:EACCES,alloc:3+:EPERM", 1);
	if (rumpuser_init(&upcalls) != 0 ||
	    rumpuser_malloc(1, 1, &p) != 0 ||
	    rumpuser_malloc(1, 1, &p) != 0 ||
	    rumpuser_malloc(1, 1, &p) != EPERM ||
	    rumpuser_malloc(1, 1, &p) != EPERM ||
	    rumpuser_open("/dev/null", RUMPUSER_OPEN_READ, &fd) != EACCES ||
	    rumpuser_open("/dev/null", RUMPUSER_OPEN_READ, &fd) != 0)
		_exit(1);
	_exit(0);
}

/* The last word on a kind counts. */
static void
faults_are_taken_from_the_environment(void **state)
{

	(void)state;
	assert_int_equal(in_child(faulty_boot, NULL, 0), 0);
}

static void
random_bytes(void)
{
	static unsigned char a[100000], b[100000];

	rumpuser_init(&upcalls);
	if (rumpuser_getrandom(a, sizeof(a)) != 0 ||
	    rumpuser_getrandom(b, sizeof(b)) != 0 ||
	    memcmp(a, b, sizeof(a)) == 0)
		_exit(1);
	_exit(0);
}

static void
host_randomness_differs(void **state)
{

	(void)state;
	assert_int_equal(in_child(random_bytes, NULL, 0), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_come_from_the_environment),
		cmocka_unit_test(own_parameters_have_values),
		cmocka_unit_test(console_writes_to_standard_error),
		cmocka_unit_test(console_can_be_a_file),
		cmocka_unit_test(console_reads_to_the_end),
		cmocka_unit_test(exit_gives_the_status_and_panic_aborts),
		cmocka_unit_test(errno_is_the_callers),
		cmocka_unit_test(parent_of_a_daemon_learns_how_it_went),
		cmocka_unit_test(library_is_loaded_and_its_symbols_found),
		cmocka_unit_test(bad_libraries_are_refused),
		cmocka_unit_test(wrong_parameters_stop_the_boot),
		cmocka_unit_test(faults_are_taken_from_the_environment),
		cmocka_unit_test(host_randomness_differs),
	};

	/* The children boot, we do not. */
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
