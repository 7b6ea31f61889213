/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables, judged by the host's; and under fire from many threads.
 *
 * Link: rump
 */
#define _GNU_SOURCE
#include "judge.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NOWHERE 900

static void
lowest_number(void)
{
	int fds[2];

	DO(pipe2, fds, 0);
	SAME(fds[0]);
	SAME(fds[1]);
	DO(dup, 3);
	DO(dup, 3);
	DO(close, 4);
	DO(close, 5);
	DO(dup, 3);
	DO(dup, 3);
	DO(dup, 3);
	DO(close, 5);
	DO(close, 5);
	DO(close, NOWHERE);
	DO(close, -1);
	DO(dup, NOWHERE);
	DO(dup, -1);
	DO(fcntl, 3, F_DUPFD, 100);
	DO(fcntl, 3, F_DUPFD, 100);
	DO(fcntl, 3, F_DUPFD, 63);
	DO(fcntl, 3, F_DUPFD, 64);
	DO(fcntl, 3, F_DUPFD, 64);
	DO(fcntl, 3, F_DUPFD, 200);
	DO(fcntl, 3, F_DUPFD, -1);
	DO(fcntl, NOWHERE, F_DUPFD, -1);
	DO(fcntl, 3, F_DUPFD, 1 << 30);
	for (int i = 0; i < 200; i++)
		DO(dup, 3);
	for (int i = 10; i < 200; i += 7)
		DO(close, i);
	for (int i = 0; i < 40; i++)
		DO(dup, 3);
}

static void
dup_to(void)
{
	int fds[2];

	DO(pipe2, fds, 0);
	DO(dup2, 3, 3);
	DO(dup2, NOWHERE, NOWHERE);
	DO(dup2, NOWHERE, 7);
	DO(dup2, 3, 7);
	DO(dup2, 4, 7);
	DO(write, 7, "x", 1);
	DO(read, 7, fds, 1);
	DO(dup2, 3, -1);
	DO(dup2, 3, 1 << 30);
	DO(dup3, 3, 3, 0);
	DO(dup3, 3, 8, 1);
	DO(dup3, 3, 8, O_CLOEXEC);
	DO(fcntl, 8, F_GETFD);
	DO(dup2, 3, 8);
	DO(fcntl, 8, F_GETFD);
	DO(dup3, NOWHERE, 8, 0);
	DO(dup2, 3, 500);
	DO(dup, 3);
	DO(close, 500);
	DO(dup2, 3, 501);
}

static void
flags(void)
{
	int fds[2], on = 1, off = 0;

	DO(pipe2, fds, O_NONBLOCK | O_CLOEXEC);
	DO(fcntl, 3, F_GETFD);
	DO(fcntl, 3, F_SETFD, 0);
	DO(fcntl, 3, F_GETFD);
	DO(fcntl, 3, F_SETFD, FD_CLOEXEC);
	DO(fcntl, 3, F_GETFD);
	DO(fcntl, 3, F_DUPFD, 0);
	DO(fcntl, 5, F_GETFD);
	DO(fcntl, 3, F_DUPFD_CLOEXEC, 0);
	DO(fcntl, 6, F_GETFD);
	DO(fcntl, 3, F_GETFL);
	DO(fcntl, 4, F_GETFL);
	DO(fcntl, 3, F_SETFL, 0);
	DO(fcntl, 3, F_GETFL);
	DO(fcntl, 5, F_GETFL);
	DO(fcntl, 3, F_SETFL, O_NONBLOCK | O_RDWR | O_CREAT);
	DO(fcntl, 5, F_GETFL);
	DO(ioctl, 3, FIONBIO, &off);
	DO(fcntl, 3, F_GETFL);
	DO(ioctl, 3, FIONBIO, &on);
	DO(fcntl, 3, F_GETFL);
	DO(ioctl, 3, FIONBIO, NULL);
	DO(ioctl, 3, FIONCLEX);
	DO(fcntl, 3, F_GETFD);
	DO(ioctl, 3, FIOCLEX);
	DO(fcntl, 3, F_GETFD);
	DO(fcntl, NOWHERE, F_GETFD);
	DO(fcntl, NOWHERE, F_SETFD, 0);
	DO(fcntl, NOWHERE, F_GETFL);
	DO(fcntl, 3, 4711, 0);
	DO(ioctl, 3, 0x4711, 0);
	DO(ioctl, NOWHERE, FIOCLEX);
	DO(pipe2, fds, 0x10);
	DO(pipe2, NULL, 0);
	DO(pipe, fds);
	SAME(fds[0]);
}

static void
limit(void)
{
	struct rlimit rl;

	rl = (struct rlimit){ 20, 1000 };
	DO(setrlimit, RLIMIT_NOFILE, &rl);
	DO(getrlimit, RLIMIT_NOFILE, &rl);
	SAME(rl.rlim_cur);
	SAME(rl.rlim_max);
	for (int i = 0; i < 20; i++)
		DO(dup, 0);
	DO(dup2, 0, 19);
	DO(dup2, 0, 20);
	DO(fcntl, 0, F_DUPFD, 19);
	DO(fcntl, 0, F_DUPFD, 20);
	DO(close, 7);
	DO(dup, 0);
	rl = (struct rlimit){ 30, 20 };
	DO(setrlimit, RLIMIT_NOFILE, &rl);
	DO(setrlimit, 99, &rl);
	DO(getrlimit, 99, &rl);
	rl = (struct rlimit){ 10, 1000 };
	DO(prlimit, 0, RLIMIT_NOFILE, &rl, NULL);
	DO(dup, 15);
	DO(fcntl, 15, F_GETFD);
	DO(prlimit, 0, RLIMIT_NOFILE, NULL, &rl);
	SAME(rl.rlim_cur);
	DO(prlimit, 99999999, RLIMIT_NOFILE, NULL, &rl);
	DO(prlimit, 0, -1, NULL, &rl);
}

static void
ranges(void)
{
	for (int i = 0; i < 20; i++)
		DO(dup, 0);
	DO(close_range, 10, 5, 0);
	DO(close_range, 5, 10, 0x80);
	DO(close_range, 5, 10, 0);
	for (int i = 3; i < 25; i++)
		DO(fcntl, i, F_GETFD);
	DO(close_range, 12, 14, CLOSE_RANGE_CLOEXEC);
	for (int i = 3; i < 25; i++)
		DO(fcntl, i, F_GETFD);
	DO(close_range, 15, ~0U, CLOSE_RANGE_UNSHARE);
	for (int i = 3; i < 25; i++)
		DO(fcntl, i, F_GETFD);
	DO(dup, 0);
}

static void
vectors(void)
{
	char a[8], b[8], big[16];
	struct iovec iov[3] = { { a, 3 }, { NULL, 0 }, { b, 4 } };
	struct iovec many[12], bad[2] = { { a, 2 }, { a, (size_t)-1 } };
	int fds[2];

	DO(pipe2, fds, O_NONBLOCK);
	memcpy(a, "abcdefg", 8);
	memcpy(b, "hijklmn", 8);
	DO(writev, 4, iov, 3);
	memset(big, 0, sizeof(big));
	DO(read, 3, big, sizeof(big));
	SAME(strcmp(big, "abchijk"));
	DO(write, 4, "0123456789", 10);
	DO(readv, 3, iov, 3);
	SAME(memcmp(a, "012", 3));
	SAME(memcmp(b, "3456", 4));
	DO(readv, 3, iov, -1);
	DO(readv, 3, iov, 1025);
	DO(readv, 3, iov, 0);
	DO(readv, 3, NULL, 1);
	DO(readv, 3, bad, 2);
	DO(writev, 4, bad, 2);
	for (int i = 0; i < 12; i++)
		many[i] = (struct iovec){ &big[i], 1 };
	DO(writev, 4, many, 12);
	DO(readv, 3, many, 12);
	DO(read, 3, big, 1);
	DO(read, 3, NULL, 0);
	DO(read, 4, big, 1);
	DO(write, 3, big, 1);
	DO(write, 4, NULL, 1);
	DO(read, NOWHERE, big, 1);
	DO(write, NOWHERE, big, 1);
	DO(pread, 3, big, 1, 0);
	DO(pwrite, 4, big, 1, 0);
	DO(pread, 3, big, 1, -1);
	DO(preadv, 3, iov, 1, 0);
	DO(pwritev, 4, iov, 1, 0);
	DO(preadv2, 3, iov, 1, -1, 0);
	DO(preadv2, 3, iov, 1, -1, 0x1000);
	DO(pwritev2, 4, iov, 1, -1, 0);
	DO(preadv2, 3, iov, 1, -1, 0);
	DO(lseek, 3, 0, SEEK_SET);
	DO(lseek, NOWHERE, 0, SEEK_SET);
	DO(lseek, 3, 0, 77);
}

static void
stats(void)
{
	struct stat st;
	int fds[2];

	DO(pipe2, fds, 0);
	DO(fstat, 3, &st);
	SAME(st.st_mode);
	SAME(st.st_nlink);
	SAME(st.st_size);
	SAME(st.st_blksize);
	SAME(st.st_uid);
	DO(eventfd, 0, 0);
	DO(fstat, 5, &st);
	SAME(st.st_mode);
	SAME(st.st_size);
	DO(fstat, NOWHERE, &st);
	DO(fcntl, 5, F_GETFL);
}

JUDGED(lowest_number, lowest_free_number_first)
JUDGED(dup_to, dup2_and_dup3_replace)
JUDGED(flags, flags_of_descriptor_and_of_file)
JUDGED(limit, limit_on_descriptors)
JUDGED(ranges, close_range_closes_and_marks)
JUDGED(vectors, transfers_in_pieces_and_their_errors)
JUDGED(stats, fstat_of_pipes_and_events)

/* ---- Tables of processes ---------------------------------------------- */

static void
table_is_shared_copied_or_empty(void **state)
{
	int fds[2];

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	struct lwp *l = rump_pub_lwproc_curlwp();

	ok_errno(rump_pub_lwproc_rfork(RUMP_RFFDG));
	assert_int_equal(rump_sys_fcntl(0, F_GETFD), 0);
	assert_int_equal(rump_sys_close(0), 0);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_fcntl(0, F_GETFD), 0);

	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_fcntl(0, F_GETFD), -1);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));

	ok_errno(rump_pub_lwproc_rfork(0));
	assert_int_equal(rump_sys_close(0), 0);
	assert_int_equal(rump_sys_close_range(50, 60, CLOSE_RANGE_UNSHARE),
	    0);
	assert_int_equal(rump_sys_close(1), 0);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_fcntl(0, F_GETFD), -1);
	assert_int_equal(rump_sys_fcntl(1, F_GETFD), 0);
	rump_pub_lwproc_releaselwp();
}

/* A pipe's end that only a dead process had is closed. */
static void
end_of_process_closes(void **state)
{
	int fds[2];
	char c;

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_pipe2(fds, O_NONBLOCK), 0);
	struct lwp *l = rump_pub_lwproc_curlwp();

	ok_errno(rump_pub_lwproc_rfork(RUMP_RFFDG));
	struct lwp *child = rump_pub_lwproc_curlwp();

	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_close(fds[1]), 0);
	assert_int_equal(rump_sys_read(fds[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	ok_errno(rump_pub_lwproc_switch(child));
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(l));
	assert_int_equal(rump_sys_read(fds[0], &c, 1), 0);
	rump_pub_lwproc_releaselwp();
}

/* ---- Threads ---------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 30000
#define SLOTS 16

static _Atomic int failures;

static void
went_wrong(const char *what)
{
	if (atomic_fetch_add(&failures, 1) == 0)
		fprintf(stderr, "# %s: %s\n", what, strerror(errno));
}

static unsigned
rnd(unsigned *seed)
{
	return (*seed = *seed * 1103515245 + 12345) >> 16;
}

/*
 * Everybody opens, uses, duplicates and closes the same few numbers. Whatever
 * a call finds there is an eventfd, or nothing.
 */
static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg * 7919 + 1;
	uint64_t one = 1, v;
	struct pollfd pfd;
	int fd, fd2;
	ssize_t n;

	for (int i = 0; i < ROUNDS; i++) {
		fd = 10 + (int)(rnd(&seed) % SLOTS);
		switch (rnd(&seed) % 8) {
		case 0:
			fd2 = rump_sys_eventfd(1, EFD_NONBLOCK);
			if (fd2 < 0 || rump_sys_dup2(fd2, fd) != fd ||
			    rump_sys_close(fd2) != 0)
				went_wrong("open");
			break;
		case 1:
			if (rump_sys_close(fd) != 0 && errno != EBADF)
				went_wrong("close");
			break;
		case 2:
			fd2 = 10 + (int)(rnd(&seed) % SLOTS);
			if (rump_sys_dup2(fd, fd2) < 0 && errno != EBADF)
				went_wrong("dup2");
			break;
		case 3:
			pfd = (struct pollfd){ fd, POLLIN, 0 };
			if (rump_sys_poll(&pfd, 1, 0) < 0)
				went_wrong("poll");
			break;
		case 4:
			n = rump_sys_read(fd, &v, sizeof(v));
			if (n != 8 && errno != EAGAIN && errno != EBADF)
				went_wrong("read");
			break;
		default:
			n = rump_sys_write(fd, &one, sizeof(one));
			if (n != 8 && errno != EBADF)
				went_wrong("write");
		}
	}
	return NULL;
}

static void
run_threads(void *(*fn)(void *), int n)
{
	pthread_t td[8];

	for (int i = 0; i < n; i++)
		assert_int_equal(pthread_create(&td[i], NULL, fn,
		    (void *)(uintptr_t)i), 0);
	for (int i = 0; i < n; i++)
		pthread_join(td[i], NULL);
}

static void
threads_share_a_table(void **state)
{
	(void)state;
	atomic_store(&failures, 0);
	run_threads(churn, THREADS);
	assert_int_equal(atomic_load(&failures), 0);
	rump_sys_close_range(0, ~0U, 0);
	/* Nothing is left behind, in no slot and in no bitmap. */
	assert_int_equal(rump_sys_eventfd(0, 0), 0);
	assert_int_equal(rump_sys_close(0), 0);
}

static int ends[2];

static void *
blocked_reader(void *arg)
{
	char c;

	(void)arg;
	return (void *)(intptr_t)rump_sys_read(ends[0], &c, 1);
}

/* The file is the reader's until its call ends; the number is free at once. */
static void
close_under_a_reader(void **state)
{
	pthread_t td;
	void *rv;
	int w;

	(void)state;
	assert_int_equal(rump_sys_pipe2(ends, 0), 0);
	w = rump_sys_dup(ends[1]);
	pthread_create(&td, NULL, blocked_reader, NULL);
	usleep(50000);
	assert_int_equal(rump_sys_close(ends[0]), 0);
	assert_int_equal(rump_sys_eventfd(0, 0), ends[0]);
	assert_int_equal(rump_sys_write(w, "x", 1), 1);
	pthread_join(td, &rv);
	assert_int_equal((intptr_t)rv, 1);
	/* Now the reading end is gone. */
	rump_sys_sigaction(SIGPIPE,
	    &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	assert_int_equal(rump_sys_write(w, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	rump_sys_close_range(0, ~0U, 0);
}

static _Atomic bool stop;

static void *
writer_and_closer(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		if (rump_sys_pipe2(ends, 0) != 0)
			went_wrong("pipe");
		if (rump_sys_write(ends[1], "y", 1) != 1)
			went_wrong("write");
		rump_sys_close(ends[1]);
		rump_sys_close(ends[0]);
	}
	return NULL;
}

/* Reads of a number that comes and goes: a byte, the end, or EBADF. */
static void
numbers_that_come_and_go(void **state)
{
	pthread_t td;
	ssize_t n;
	char c;

	(void)state;
	atomic_store(&failures, 0);
	pthread_create(&td, NULL, writer_and_closer, NULL);
	for (int i = 0; i < 200000; i++) {
		n = rump_sys_read(0, &c, 1);
		if (n == 1 && c != 'y')
			went_wrong("data");
		if (n == -1 && errno != EBADF)
			went_wrong("read");
	}
	atomic_store(&stop, true);
	pthread_join(td, NULL);
	assert_int_equal(atomic_load(&failures), 0);
	rump_sys_close_range(0, ~0U, 0);
}

/* One file for all: nobody waits for another, and no reference is lost. */
static void *
same_file(void *arg)
{
	uint64_t one = 1;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (rump_sys_write(ends[0], &one, sizeof(one)) != 8)
			went_wrong("write");
	}
	return NULL;
}

static void
threads_share_a_file(void **state)
{
	uint64_t v;

	(void)state;
	atomic_store(&failures, 0);
	ends[0] = rump_sys_eventfd(0, 0);
	run_threads(same_file, THREADS);
	assert_int_equal(atomic_load(&failures), 0);
	assert_int_equal(rump_sys_read(ends[0], &v, sizeof(v)), 8);
	assert_int_equal(v, THREADS * ROUNDS);
	assert_int_equal(rump_sys_close(ends[0]), 0);
}

static void
many_descriptors(void **state)
{
	struct rlimit rl = { 100000, 100000 };

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_int_equal(rump_sys_eventfd(0, 0), 0);
	for (int i = 1; i < 100000; i++)
		assert_int_equal(rump_sys_dup(0), i);
	assert_int_equal(rump_sys_dup(0), -1);
	assert_int_equal(errno, EMFILE);
	assert_int_equal(rump_sys_close(77777), 0);
	assert_int_equal(rump_sys_dup(0), 77777);
	rump_pub_lwproc_releaselwp();
}

static unsigned long
files(void)
{
	char value[32];

	ok_errno(rump_pub_sysctl_get("kern.files.count", value,
	    sizeof(value)));
	return strtoul(value, NULL, 10);
}

static void
files_max(unsigned long n)
{
	char value[32];

	snprintf(value, sizeof(value), "%lu", n);
	ok_errno(rump_pub_sysctl_set("kern.files.max", value));
}

static void
files_have_a_limit_but_for_root(void **state)
{
	unsigned long before = files();
	struct lwp *user, *root;
	int fds[2];

	(void)state;
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	root = rump_pub_lwproc_curlwp();
	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	user = rump_pub_lwproc_curlwp();
	assert_int_equal(rump_sys_setresuid(1000, 1000, 1000), 0);
	files_max(before + 200);
	for (int i = 0; i < 199; i++)
		assert_int_equal(rump_sys_eventfd(0, 0), i);
	assert_int_equal(files(), before + 199);
	/* A pipe has two ends; what fails leaves nothing. */
	assert_int_equal(rump_sys_pipe2(fds, 0), -1);
	assert_int_equal(errno, ENFILE);
	assert_int_equal(rump_sys_eventfd(0, 0), 199);
	assert_int_equal(rump_sys_eventfd(0, 0), -1);
	assert_int_equal(errno, ENFILE);
	/* Another descriptor is not another file. */
	assert_int_equal(rump_sys_dup(7), 200);
	ok_errno(rump_pub_lwproc_switch(root));
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	rump_pub_lwproc_releaselwp();
	ok_errno(rump_pub_lwproc_switch(user));
	assert_int_equal(rump_sys_close(0), 0);
	assert_int_equal(rump_sys_eventfd(0, 0), 0);
	assert_int_equal(rump_sys_eventfd(0, 0), -1);
	files_max(1000000);
	assert_int_equal(rump_sys_eventfd(0, 0), 201);
	rump_pub_lwproc_releaselwp();
	assert_int_equal(files(), before);
}

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowest_free_number_first),
		cmocka_unit_test(dup2_and_dup3_replace),
		cmocka_unit_test(flags_of_descriptor_and_of_file),
		cmocka_unit_test(limit_on_descriptors),
		cmocka_unit_test(close_range_closes_and_marks),
		cmocka_unit_test(transfers_in_pieces_and_their_errors),
		cmocka_unit_test(fstat_of_pipes_and_events),
		cmocka_unit_test(table_is_shared_copied_or_empty),
		cmocka_unit_test(end_of_process_closes),
		cmocka_unit_test(threads_share_a_table),
		cmocka_unit_test(close_under_a_reader),
		cmocka_unit_test(numbers_that_come_and_go),
		cmocka_unit_test(threads_share_a_file),
		cmocka_unit_test(many_descriptors),
		cmocka_unit_test(files_have_a_limit_but_for_root),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
