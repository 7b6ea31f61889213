/* SPDX-License-Identifier: BSD-2-Clause */
/** @file random.h
 * Randomness, and a hash that who does not know its key cannot foretell.
 */
#ifndef KERN_RANDOM_H
#define KERN_RANDOM_H

#include <kern/types.h>

/**
 * Fill with random bytes of the platform's source; all of them follow from
 * RUMP_SEED, if given. Does not sleep.
 * @return what the platform's source failed with; buf is zeroed then
 */
int random_bytes(void *buf, size_t n);

struct siphash_key {
	uint64_t sk[2];
};

/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) of n bytes: for sequence numbers,
 * port numbers, cookies, and tables that a peer must not be able to overload.
 */
uint64_t siphash(const struct siphash_key *key, const void *p, size_t n);

#endif
