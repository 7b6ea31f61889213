/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters from the environment.  docs/parameters.md lists them.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

static unsigned
ncpu_allowed(void)
{
	cpu_set_t set;
	long n;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? n : 1;
}

/* Half of the machine's: the application and the host need some as well. */
static unsigned long long
memory_share(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ?
	    (unsigned long long)pages * (unsigned long long)size / 2 :
	    1ull << 30;
}

int
rumpuser_getparam(const char *name, void *buf, size_t buflen)
{
	char own[256];
	const char *val;

	if (strcmp(name, RUMPUSER_PARAM_NCPU) == 0) {
		if ((val = getenv("RUMP_NCPU")) == NULL) {
			snprintf(own, sizeof(own), "%u", ncpu_allowed());
			val = own;
		}
	} else if (strcmp(name, RUMPUSER_PARAM_MEMSIZE) == 0) {
		if ((val = getenv("RUMP_MEMLIMIT")) == NULL) {
			snprintf(own, sizeof(own), "%llu", memory_share());
			val = own;
		}
	} else if (strcmp(name, RUMPUSER_PARAM_HOSTNAME) == 0) {
		if ((val = getenv("RUMP_HOSTNAME")) == NULL) {
			if (gethostname(own, sizeof(own)) != 0)
				return errno;
			own[sizeof(own) - 1] = '\0';
			val = own;
		}
	} else if ((val = getenv(name)) == NULL) {
		return ENOENT;
	}

	if (strlen(val) >= buflen)
		return E2BIG;
	strcpy(buf, val);
	return 0;
}

int
ruser_param_u64(const char *name, uint64_t *valp)
{
	const char *s = getenv(name);
	unsigned long long v;
	char *end;

	if (s == NULL)
		return 0;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno != 0 || end == s || *end != '\0' || *s == '-') {
		ruser_warn("%s=%s is not a number", name, s);
		return EINVAL;
	}
	*valp = v;
	return 0;
}
