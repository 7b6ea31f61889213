/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the platform's tests share: a kernel that does nothing, temporary
 * files, and a watchdog.
 */
#ifndef POSIX_TEST_H
#define POSIX_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <rump/rumpuser.h>
#include <rump/rumpuser_fault.h>

#define MS	INT64_C(1000000)
#define SEC	INT64_C(1000000000)

static _Atomic int nexits __attribute__((unused));

static void
up_thread_exit(void)
{

	atomic_fetch_add(&nexits, 1);
}

static const struct rumpuser_upcalls upcalls = {
	.up_version = RUMPUSER_VERSION,
	.up_thread_exit = up_thread_exit,
};

static inline int
boot(void **state)
{

	(void)state;
	alarm(60);
	return rumpuser_init(&upcalls);
}

/* A path in a folder of its own, in static memory. */
static inline const char *
temp_path(const char *name)
{
	static char path[256];
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/rumpXXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(path) == NULL)
		abort();
	strcat(strcat(path, "/"), name);
	return path;
}

/* Remove both. */
static inline void
temp_remove(const char *path)
{
	char folder[256];

	unlink(path);
	strcpy(folder, path);
	*strrchr(folder, '/') = '\0';
	rmdir(folder);
}

static inline void
nap(int64_t ns)
{
	struct timespec ts = { ns / SEC, ns % SEC };

	while (nanosleep(&ts, &ts) != 0)
		continue;
}

static inline uint64_t
next_random(uint64_t *state)
{

	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
