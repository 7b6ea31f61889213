/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file impair.h
 * Make an interface worse, for testers: delay, rate, loss, duplication, reordering,
 * corruption. What happens to which packet follows from a seed.
 *
 * Each direction of an interface has settings of its own. Packets that stand for many
 * (segmentation offload) are taken apart first; a packet that is to be damaged gets
 * its checksum before. All functions return 0 or an errno value and may block.
 *
 * Link: rump-net
 */
#ifndef RUMP_NET_IMPAIR_H
#define RUMP_NET_IMPAIR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Directions, seen from the rump kernel. */
#define RUMP_IMPAIR_OUT	0
#define RUMP_IMPAIR_IN	1

/** ri_dist: how jitter is distributed around the delay. */
#define RUMP_IMPAIR_UNIFORM	0	/**< evenly between -jitter and +jitter */
#define RUMP_IMPAIR_NORMAL	1	/**< jitter is the standard deviation */

/** ri_flags: packets leave in the order they came, whatever the jitter. */
#define RUMP_IMPAIR_INORDER	0x1

/** Probabilities are in millionths: 1000000 is always. */
#define RUMP_IMPAIR_ALWAYS	1000000

struct rump_impair {
	uint64_t ri_seed;	/**< 0: from the platform's randomness */
	uint64_t ri_delay;	/**< nanoseconds, at most an hour */
	uint64_t ri_jitter;	/**< nanoseconds, at most an hour */
	uint64_t ri_rate;	/**< bytes a second; 0: no limit */
	uint32_t ri_burst;	/**< bytes that go at once, before the rate counts */
	uint32_t ri_limit;	/**< packets that may wait; 0: 1000 */
	uint32_t ri_loss;	/**< of each packet by itself */
	/**
	 * Gilbert and Elliott: from the good state to the bad one, back, and the
	 * loss in each. ri_ge_bad 0: there is only the good one.
	 */
	uint32_t ri_ge_bad, ri_ge_good, ri_ge_loss_good, ri_ge_loss_bad;
	uint32_t ri_dup;	/**< a packet comes twice */
	uint32_t ri_reorder;	/**< a packet is not delayed: it overtakes */
	uint32_t ri_corrupt;	/**< one bit behind the link header changes */
	uint32_t ri_dist;	/**< RUMP_IMPAIR_UNIFORM, ... */
	uint32_t ri_flags;	/**< RUMP_IMPAIR_INORDER */
};

/** What happened so far. */
struct rump_impair_stats {
	uint64_t rs_packets;	/**< that came */
	uint64_t rs_lost, rs_overflowed, rs_duplicated, rs_reordered,
	    rs_corrupted;
};

/**
 * Set a direction; packets that wait already go out as they would have.
 * @return ENXIO: no such interface; EINVAL, ENOMEM
 */
int rump_pub_impair_set(const char *ifname, int direction,
    const struct rump_impair *ri);
/** @param rs  or NULL. @return ENXIO, EINVAL; ENOENT: it is not impaired */
int rump_pub_impair_get(const char *ifname, int direction,
    struct rump_impair *ri, struct rump_impair_stats *rs);
/** Both directions; what waits is thrown away. @return ENXIO, ENOENT */
int rump_pub_impair_clear(const char *ifname);

#ifdef __cplusplus
}
#endif

#endif
