/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Randomness: the host's, or, under RUMP_SEED, the output of a 64-bit
 * counter put through a mixing function (SplitMix64: Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", OOPSLA 2014).
 */
#include <sys/random.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

static bool seeded;
static uint64_t state;			/* under state_mtx */
static pthread_mutex_t state_mtx = PTHREAD_MUTEX_INITIALIZER;

int
ruser_random_init(void)
{

	seeded = getenv("RUMP_SEED") != NULL;
	return ruser_param_u64("RUMP_SEED", &state);
}

static uint64_t
splitmix64(void)
{
	uint64_t z;

	z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A call consumes whole words, so that its length does not shift bytes. */
static void
fill_seeded(unsigned char *p, size_t len)
{
	uint64_t word;
	size_t n;

	pthread_mutex_lock(&state_mtx);
	for (; len > 0; p += n, len -= n) {
		n = len < sizeof(word) ? len : sizeof(word);
		word = splitmix64();
		memcpy(p, &word, n);
	}
	pthread_mutex_unlock(&state_mtx);
}

int
rumpuser_getrandom(void *buf, size_t len)
{
	unsigned char *p = buf;
	ssize_t n;

	if (seeded) {
		fill_seeded(p, len);
		return 0;
	}
	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n >= 0) {
			p += n;
			len -= n;
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}
