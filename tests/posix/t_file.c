/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host files: synchronous calls, and the lock of a file.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/wait.h>

#include "posix_test.h"

#define RDWR	(RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE)

static const char *path;
static char folder[256];

static int
open_file(int flags)
{
	int fd, error;

	error = rumpuser_open(path, flags, &fd);
	return error != 0 ? -error : fd;
}

static size_t
put(int fd, const void *buf, size_t len, int64_t off)
{
	struct rumpuser_iovec iov = { (void *)(uintptr_t)buf, len };
	size_t done = 0;

	assert_int_equal(rumpuser_writev(fd, &iov, 1, off, &done), 0);
	return done;
}

static size_t
get(int fd, void *buf, size_t len, int64_t off)
{
	struct rumpuser_iovec iov = { buf, len };
	size_t done = 0;

	assert_int_equal(rumpuser_readv(fd, &iov, 1, off, &done), 0);
	return done;
}

static int
setup(void **state)
{

	path = temp_path("file");
	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	return boot(state);
}

static int
teardown(void **state)
{

	(void)state;
	temp_remove(path);
	return 0;
}

static void
open_obeys_its_flags(void **state)
{
	char c = 0;
	struct rumpuser_iovec iov = { &c, 1 };
	size_t done;
	int fd;

	(void)state;
	assert_int_equal(open_file(0), -EINVAL);
	assert_int_equal(open_file(RDWR), -ENOENT);
	fd = open_file(RDWR | RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_EXCL);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(rumpuser_close(fd), 0);
	assert_int_equal(open_file(RDWR | RUMPUSER_OPEN_CREATE |
	    RUMPUSER_OPEN_EXCL), -EEXIST);
	fd = open_file(RUMPUSER_OPEN_READ);
	assert_int_equal(rumpuser_writev(fd, &iov, 1, 0, &done), EBADF);
	assert_int_equal(rumpuser_close(fd), 0);
	fd = open_file(RUMPUSER_OPEN_WRITE);
	assert_int_equal(rumpuser_readv(fd, &iov, 1, 0, &done), EBADF);
	assert_int_equal(rumpuser_close(fd), 0);
	assert_int_equal(rumpuser_close(fd), EBADF);
}

static void
stat_tells_size_type_and_mode(void **state)
{
	struct rumpuser_fileinfo fi;
	struct stat st;
	int fd = open_file(RDWR);

	(void)state;
	assert_int_equal(rumpuser_ftruncate(fd, 123456), 0);
	assert_int_equal(rumpuser_fstat(fd, &fi), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fi.fi_type, RUMPUSER_FT_REG);
	assert_int_equal(fi.fi_size, 123456);
	assert_int_equal(fi.fi_ino, st.st_ino);
	assert_int_equal(fi.fi_mode, st.st_mode & 07777);
	assert_int_equal(fi.fi_mtime, st.st_mtim.tv_sec * SEC +
	    st.st_mtim.tv_nsec);
	rumpuser_close(fd);
	assert_int_equal(rumpuser_stat(folder, &fi), 0);
	assert_int_equal(fi.fi_type, RUMPUSER_FT_DIR);
	assert_int_equal(rumpuser_stat("/dev/null", &fi), 0);
	assert_int_equal(fi.fi_type, RUMPUSER_FT_CHR);
	assert_int_equal(rumpuser_stat("/nonexistent/x", &fi), ENOENT);
	assert_int_equal(rumpuser_fstat(fd, &fi), EBADF);
	assert_int_equal(rumpuser_ftruncate(0, UINT64_MAX), EFBIG);
}

static void
bio_files_are_regular_or_block_devices(void **state)
{
	char fifo[300];
	int fd;

	(void)state;
	assert_int_equal(rumpuser_open("/dev/null", RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_BIO, &fd), ENOTBLK);
	assert_int_equal(rumpuser_open("/", RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_BIO, &fd), ENOTBLK);
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(rumpuser_open(fifo, RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_BIO, &fd), ENOTBLK);
	unlink(fifo);
	fd = open_file(RUMPUSER_OPEN_READ | RUMPUSER_OPEN_BIO);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	rumpuser_close(fd);
}

static void
positions_and_streams_transfer(void **state)
{
	char buf[100];
	int fd = open_file(RDWR);

	(void)state;
	rumpuser_ftruncate(fd, 0);
	assert_int_equal(put(fd, "hello", 5, 10), 5);
	assert_int_equal(get(fd, buf, sizeof(buf), 0), 15);
	assert_memory_equal(buf, "\0\0\0\0\0\0\0\0\0\0hello", 15);
	assert_int_equal(get(fd, buf, 10, 15), 0);
	assert_int_equal(put(fd, "abc", 3, RUMPUSER_OFF_STREAM), 3);
	assert_int_equal(put(fd, "de", 2, RUMPUSER_OFF_STREAM), 2);
	assert_int_equal(get(fd, buf, 5, 0), 5);
	assert_memory_equal(buf, "abcde", 5);
	assert_int_equal(get(fd, buf, 100, RUMPUSER_OFF_STREAM), 10);
	assert_int_equal(get(fd, buf, 100, RUMPUSER_OFF_STREAM), 0);
	assert_int_equal(rumpuser_fdatasync(fd), 0);
	rumpuser_close(fd);
	assert_int_equal(rumpuser_fdatasync(fd), EBADF);
}

static void
vectors_longer_than_the_hosts_limit_are_split(void **state)
{
	enum { N = 3000 };
	static struct rumpuser_iovec iov[N];
	static char out[N * 3], in[N * 3];
	size_t done;
	int fd = open_file(RDWR), i;

	(void)state;
	for (i = 0; i < N; i++) {
		memset(out + i * 3, i, 3);
		iov[i] = (struct rumpuser_iovec){ out + i * 3, 3 };
	}
	assert_int_equal(rumpuser_writev(fd, iov, N, 7, &done), 0);
	assert_int_equal(done, N * 3);
	for (i = 0; i < N; i++)
		iov[i].iov_base = in + i * 3;
	assert_int_equal(rumpuser_readv(fd, iov, N, 7, &done), 0);
	assert_int_equal(done, N * 3);
	assert_memory_equal(in, out, sizeof(in));
	rumpuser_close(fd);
}

static void
bad_ranges_are_einval(void **state)
{
	char c;
	struct rumpuser_iovec iov = { &c, 1 };
	size_t done;
	int fd = open_file(RDWR);

	(void)state;
	assert_int_equal(rumpuser_readv(fd, &iov, 1, -2, &done), EINVAL);
	assert_int_equal(rumpuser_writev(fd, &iov, 1, INT64_MAX, &done),
	    EINVAL);
	assert_int_equal(rumpuser_readv(fd, &iov, -1, 0, &done), EINVAL);
	rumpuser_close(fd);
}

static void *
feed(void *arg)
{
	int fd = *(int *)arg;

	nap(20 * MS);
	if (write(fd, "xy", 2) != 2)
		abort();
	return NULL;
}

static void
stream_that_is_not_ready_is_waited_for(void **state)
{
	char buf[10];
	pthread_t id;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	pthread_create(&id, NULL, feed, &fds[1]);
	assert_int_equal(get(fds[0], buf, sizeof(buf), RUMPUSER_OFF_STREAM),
	    2);
	pthread_join(id, NULL);
	close(fds[0]);
	close(fds[1]);
}

struct names {
	int n_count, n_files;
	int n_stop;
};

static int
count_name(void *arg, const char *name, uint64_t ino, enum rumpuser_ftype type)
{
	struct names *n = arg;

	assert_string_not_equal(name, ".");
	assert_string_not_equal(name, "..");
	assert_int_not_equal(ino, 0);
	n->n_count++;
	n->n_files += type == RUMPUSER_FT_REG;
	return n->n_stop;
}

static void
readdir_visits_each_name_until_told_to_stop(void **state)
{
	struct names n = { 0 };
	char sub[300];

	(void)state;
	snprintf(sub, sizeof(sub), "%s/sub", folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(rumpuser_readdir(folder, count_name, &n), 0);
	assert_int_equal(n.n_count, 2);
	assert_int_equal(n.n_files, 1);
	n.n_stop = 77;
	assert_int_equal(rumpuser_readdir(folder, count_name, &n), 77);
	assert_int_equal(n.n_count, 3);
	rmdir(sub);
	assert_int_equal(rumpuser_readdir(sub, count_name, &n), ENOENT);
	assert_int_equal(rumpuser_readdir(path, count_name, &n), ENOTDIR);
}

static void
lock_refuses_a_second_writer_of_this_process(void **state)
{
	int a, b;

	(void)state;
	a = open_file(RDWR | RUMPUSER_OPEN_LOCK);
	assert_true(a >= 0);
	assert_int_equal(open_file(RDWR | RUMPUSER_OPEN_LOCK), -EBUSY);
	assert_int_equal(open_file(RUMPUSER_OPEN_READ | RUMPUSER_OPEN_LOCK),
	    -EBUSY);
	b = open_file(RDWR);
	assert_true(b >= 0);
	rumpuser_close(b);
	/* Closing another descriptor of the file does not lose the lock. */
	assert_int_equal(open_file(RDWR | RUMPUSER_OPEN_LOCK), -EBUSY);
	rumpuser_close(a);
	a = open_file(RDWR | RUMPUSER_OPEN_LOCK | RUMPUSER_OPEN_BIO);
	assert_true(a >= 0);
	rumpuser_close(a);
}

static int
lock_in_child(int flags)
{
	int fd, status;
	pid_t pid;

	if ((pid = fork()) == 0)
		_exit(rumpuser_open(path, flags, &fd));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void
lock_refuses_another_process(void **state)
{
	int fd = open_file(RDWR | RUMPUSER_OPEN_LOCK);

	(void)state;
	assert_int_equal(lock_in_child(RDWR | RUMPUSER_OPEN_LOCK), EBUSY);
	assert_int_equal(lock_in_child(RDWR), 0);
	assert_int_equal(lock_in_child(RUMPUSER_OPEN_READ |
	    RUMPUSER_OPEN_LOCK), EBUSY);
	rumpuser_close(fd);
	assert_int_equal(lock_in_child(RDWR | RUMPUSER_OPEN_LOCK), 0);
}

static void
record_lock_of_another_program_is_respected(void **state)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR);

	(void)state;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &fl), 0);
	assert_int_equal(open_file(RDWR | RUMPUSER_OPEN_LOCK), -EBUSY);
	close(fd);
}

static void
synchronous_calls_fail_on_demand(void **state)
{
	char c = 'x';
	struct rumpuser_iovec iov = { &c, 1 };
	size_t done = 99;
	int fd = open_file(RDWR);

	(void)state;
	rumpuser_fault_set(RUMPUSER_FAULT_OPEN, 1, EMFILE);
	rumpuser_fault_set(RUMPUSER_FAULT_READ, 2, 0);
	rumpuser_fault_set(RUMPUSER_FAULT_WRITE, 1, ENOSPC);
	rumpuser_fault_set(RUMPUSER_FAULT_SYNC, 1, 0);
	assert_int_equal(open_file(RDWR), -EMFILE);
	assert_int_equal(rumpuser_readv(fd, &iov, 1, 0, &done), 0);
	assert_int_equal(rumpuser_readv(fd, &iov, 1, 0, &done), EIO);
	assert_int_equal(done, 0);
	assert_int_equal(rumpuser_writev(fd, &iov, 1, 0, &done), ENOSPC);
	assert_int_equal(rumpuser_writev(fd, &iov, 1, 0, &done), 0);
	assert_int_equal(rumpuser_fdatasync(fd), EIO);
	assert_int_equal(rumpuser_fdatasync(fd), 0);
	assert_int_equal(rumpuser_fault_count(RUMPUSER_FAULT_READ), 2);
	rumpuser_fault_clear();
	rumpuser_close(fd);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_obeys_its_flags),
		cmocka_unit_test(stat_tells_size_type_and_mode),
		cmocka_unit_test(bio_files_are_regular_or_block_devices),
		cmocka_unit_test(positions_and_streams_transfer),
		cmocka_unit_test(vectors_longer_than_the_hosts_limit_are_split),
		cmocka_unit_test(bad_ranges_are_einval),
		cmocka_unit_test(stream_that_is_not_ready_is_waited_for),
		cmocka_unit_test(readdir_visits_each_name_until_told_to_stop),
		cmocka_unit_test(lock_refuses_a_second_writer_of_this_process),
		cmocka_unit_test(lock_refuses_another_process),
		cmocka_unit_test(record_lock_of_another_program_is_respected),
		cmocka_unit_test(synchronous_calls_fail_on_demand),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
