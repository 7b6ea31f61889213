/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS 20000

struct record {
	int r_line;
	int r_errno;
	long r_value;
	char r_what[80];
};

struct trace {
	int t_count;
	struct record t_records[RECORDS];
};

bool on_rump;
static struct trace *trace;

long
judge_record(int line, const char *what, long value)
{
	struct record *r;
	int error = value == -1 ? errno : 0;

	if (trace->t_count < RECORDS) {
		r = &trace->t_records[trace->t_count++];
		r->r_line = line;
		r->r_value = value;
		r->r_errno = error;
		snprintf(r->r_what, sizeof(r->r_what), "%s", what);
	}
	return value;
}

static struct trace *
trace_alloc(void)
{
	void *p;

	p = mmap(NULL, sizeof(struct trace), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	return p;
}

static void
run_host(void (*scenario)(void))
{
	int status;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		close_range(3, ~0U, 0);
		on_rump = false;
		scenario();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
run_rump(void (*scenario)(void))
{
	int fds[2];

	ok_errno(rump_pub_lwproc_rfork(RUMP_RFCFDG));
	assert_int_equal(rump_sys_pipe2(fds, 0), 0);
	assert_int_equal(rump_sys_dup(1), 2);
	if (geteuid() != 0)
		assert_int_equal(rump_sys_setresuid(getuid(), geteuid(),
		    geteuid()), 0);
	on_rump = true;
	scenario();
	rump_pub_lwproc_releaselwp();
}

void
judge(void (*scenario)(void))
{
	struct trace *host, *rump;
	struct record *h, *r;
	int differ = 0;

	trace = host = trace_alloc();
	run_host(scenario);
	trace = rump = trace_alloc();
	run_rump(scenario);
	for (int i = 0; i < host->t_count && i < rump->t_count &&
	    differ < 5; i++) {
		h = &host->t_records[i];
		r = &rump->t_records[i];
		if (h->r_line != r->r_line) {
			print_error("after %d records: host at line %d, rump "
			    "at line %d\n", i, h->r_line, r->r_line);
			differ++;
			break;
		}
		if (h->r_value == r->r_value && h->r_errno == r->r_errno)
			continue;
		print_error("line %d: %s: host %ld (%s), rump %ld (%s)\n",
		    h->r_line, h->r_what, h->r_value, strerror(h->r_errno),
		    r->r_value, strerror(r->r_errno));
		differ++;
	}
	if (differ == 0 && host->t_count != rump->t_count) {
		print_error("host made %d records, rump %d\n", host->t_count,
		    rump->t_count);
		differ++;
	}
	munmap(host, sizeof(*host));
	munmap(rump, sizeof(*rump));
	assert_int_equal(differ, 0);
}
