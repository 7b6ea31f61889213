/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault injection: rump/rumpuser_fault.h and the parameter RUMP_FAULT.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

_Atomic uint32_t ruser_fault_armed;

struct fault {
	_Atomic uint64_t f_count;
	_Atomic uint64_t f_nth;
	_Atomic int f_error;
};
static struct fault faults[RUMPUSER_FAULT_NKINDS];

static const struct {
	const char *name;
	int error;
} kinds[RUMPUSER_FAULT_NKINDS] = {
	[RUMPUSER_FAULT_ALLOC] = { "alloc", ENOMEM },
	[RUMPUSER_FAULT_THREAD] = { "thread", EAGAIN },
	[RUMPUSER_FAULT_OPEN] = { "open", ENOENT },
	[RUMPUSER_FAULT_READ] = { "read", EIO },
	[RUMPUSER_FAULT_WRITE] = { "write", EIO },
	[RUMPUSER_FAULT_SYNC] = { "sync", EIO },
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EIO", EIO }, { "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC },
	{ "EAGAIN", EAGAIN }, { "EACCES", EACCES }, { "EPERM", EPERM },
	{ "EROFS", EROFS }, { "ENOENT", ENOENT }, { "EBUSY", EBUSY },
	{ "EDQUOT", EDQUOT }, { "EMFILE", EMFILE }, { "ENODEV", ENODEV },
	{ "EINVAL", EINVAL }, { "EFBIG", EFBIG },
};

int
ruser_fault_check(enum rumpuser_fault kind)
{
	struct fault *f = &faults[kind];
	uint64_t n, nth;
	int error;

	if ((atomic_load(&ruser_fault_armed) & 1U << kind) == 0)
		return 0;
	n = atomic_fetch_add(&f->f_count, 1) + 1;
	nth = atomic_load(&f->f_nth);
	error = atomic_load(&f->f_error);
	if (nth != 0 && (n == nth ||
	    (n > nth && (error & RUMPUSER_FAULT_STAYS) != 0)))
		return error & ~RUMPUSER_FAULT_STAYS;
	return 0;
}

void
rumpuser_fault_set(enum rumpuser_fault kind, uint64_t nth, int error)
{
	struct fault *f = &faults[kind];

	if ((error & ~RUMPUSER_FAULT_STAYS) == 0)
		error |= kinds[kind].error;
	atomic_fetch_and(&ruser_fault_armed, ~(1U << kind));
	atomic_store(&f->f_count, 0);
	atomic_store(&f->f_nth, nth);
	atomic_store(&f->f_error, error);
	atomic_fetch_or(&ruser_fault_armed, 1U << kind);
}

uint64_t
rumpuser_fault_count(enum rumpuser_fault kind)
{

	return atomic_load(&faults[kind].f_count);
}

void
rumpuser_fault_clear(void)
{

	atomic_store(&ruser_fault_armed, 0);
}

static int
parse_error(const char *s, int *errorp)
{
	unsigned long v;
	char *end;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(s, errors[i].name) == 0) {
			*errorp = errors[i].error;
			return 0;
		}
	v = strtoul(s, &end, 10);
	if (v == 0 || v > 4095 || *end != '\0')
		return EINVAL;
	*errorp = v;
	return 0;
}

/* kind:n, kind:n+, kind:n:error, kind:n+:error */
static int
parse_fault(char *s)
{
	unsigned long long nth;
	char *num, *end;
	int error = 0, stays = 0;
	unsigned k;

	if ((num = strchr(s, ':')) == NULL)
		return EINVAL;
	*num++ = '\0';
	for (k = 0; strcmp(s, kinds[k].name) != 0;)
		if (++k == RUMPUSER_FAULT_NKINDS)
			return EINVAL;
	if (*num < '0' || *num > '9')
		return EINVAL;
	nth = strtoull(num, &end, 10);
	if (*end == '+') {
		stays = RUMPUSER_FAULT_STAYS;
		end++;
	}
	if (*end == ':') {
		if (parse_error(end + 1, &error) != 0)
			return EINVAL;
	} else if (*end != '\0') {
		return EINVAL;
	}
	rumpuser_fault_set(k, nth, error | stays);
	return 0;
}

int
ruser_fault_init(void)
{
	const char *s = getenv("RUMP_FAULT");
	char *copy, *next, *one;
	int error = 0;

	if (s == NULL)
		return 0;
	if ((copy = next = strdup(s)) == NULL)
		return ENOMEM;
	while (error == 0 && (one = strsep(&next, ",")) != NULL)
		error = parse_fault(one);
	free(copy);
	if (error != 0)
		ruser_warn("RUMP_FAULT=%s is not understood", s);
	return error;
}
