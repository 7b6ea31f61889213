/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's kernel as judge: a scenario, a function that makes system calls
 * with DO(), runs in a child process on the host and in a process of the rump
 * kernel. Both must give the same results and errors, line by line.
 *
 * Both processes start with descriptors 0, 1 and 2 taken and no others, with
 * the same user, and may be changed at will.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

/* Scenarios pass what no program should. */
#pragma GCC diagnostic ignored "-Wnonnull"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#endif

/* Which of the two is running. */
extern bool on_rump;

/* A call, without a record of its result. */
#define CALL(name, ...) \
	(on_rump ? (long)rump_sys_##name(__VA_ARGS__) : (long)name(__VA_ARGS__))
/* A call whose result, and errno where that is -1, must be the same. */
#define DO(name, ...) \
	judge_record(__LINE__, #name "(" #__VA_ARGS__ ")", \
	    (errno = 0, CALL(name, __VA_ARGS__)))
/* Any other value that must be the same. */
#define SAME(value) \
	judge_record(__LINE__, #value, (errno = 0, (long)(value)))

long judge_record(int line, const char *what, long value);
/* Run it on both, and compare. */
void judge(void (*scenario)(void));

/* A test case that is a scenario: its claim. */
#define JUDGED(scenario, claim)			\
static void					\
claim(void **state)				\
{						\
	(void)state;				\
	judge(scenario);			\
}

#endif
