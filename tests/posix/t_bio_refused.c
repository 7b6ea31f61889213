/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host that refuses io_uring: a filter on our own system calls plays it.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "posix_test.h"

static void
refuse_io_uring(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0 ||
	    syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != error)
		_exit(77);
}

struct req {
	struct rumpuser_bio r_bio;
	_Atomic uint32_t r_word;
	int r_error;
};

static void
req_done(struct rumpuser_bio *rb, size_t done, int error)
{
	struct req *r = (struct req *)rb;

	(void)done;
	r->r_error = error;
	atomic_store(&r->r_word, 1);
	rumpuser_unpark((const uint32_t *)&r->r_word, 1);
}

/* Boot in a child on such a host; the error of a request there. */
static int
error_of_a_request(int refusal, const char *backend, char *text, size_t size)
{
	struct req r = { .r_bio = { .rb_op = RUMPUSER_BIO_SYNC,
	    .rb_done = req_done } };
	struct rumpuser_bio *rb = &r.r_bio;
	const char *path = temp_path("f");
	int fds[2], fd, status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		refuse_io_uring(refusal);
		if (backend != NULL)
			setenv("RUMP_BIO", backend, 1);
		if (boot(NULL) != 0 || rumpuser_open(path,
		    RUMPUSER_OPEN_WRITE | RUMPUSER_OPEN_CREATE |
		    RUMPUSER_OPEN_BIO, &fd) != 0)
			_exit(78);
		rb->rb_fd = fd;
		rumpuser_bio_submit(&rb, 1);
		while (atomic_load(&r.r_word) == 0)
			rumpuser_bio_wait((const uint32_t *)&r.r_word, 0,
			    RUMPUSER_FOREVER);
		_exit(r.r_error);
	}
	close(fds[1]);
	n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	temp_remove(path);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 77);
	return WEXITSTATUS(status);
}

static void
threads_take_over_silently(void **state)
{
	static const int refusals[] = { ENOSYS, EPERM, ENOMEM };
	char text[200];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(error_of_a_request(refusals[i], NULL, text,
		    sizeof(text)), 0);
		assert_string_equal(text, "");
	}
}

static void
who_insists_gets_the_error(void **state)
{
	char text[200];

	(void)state;
	assert_int_equal(error_of_a_request(EPERM, "uring", text,
	    sizeof(text)), EPERM);
	assert_non_null(strstr(text, "io_uring"));
	assert_int_equal(error_of_a_request(EPERM, "threads", text,
	    sizeof(text)), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_take_over_silently),
		cmocka_unit_test(who_insists_gets_the_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
