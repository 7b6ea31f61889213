/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of if_ioctl(): each handles some of the requests. ENOTTY: not
 * one of its own. arg is the process's.
 */
#ifndef IF_IOCTL_H
#define IF_IOCTL_H

#include "net.h"

/* Addresses: ifnet_lock is held; ifr is a copy, its result is copied out. name
 * still has its label (":0"). */
int if_ioctl_addr(struct vnet *vn, unsigned long cmd, struct ifreq *ifr);
int if_ioctl_conf(struct vnet *vn, void *arg);
int if_ioctl_route(struct vnet *vn, unsigned long cmd, void *arg);
int if_ioctl_arp(struct vnet *vn, unsigned long cmd, void *arg);
/* ifr: a copy; no lock is held. */
int if_ioctl_ethtool(struct vnet *vn, struct ifreq *ifr);

static inline void
put_sin(struct sockaddr *sa, uint32_t addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = addr };

	memcpy(sa, &sin, sizeof(*sa));
}

static inline uint32_t
get_sin(const struct sockaddr *sa)
{
	struct sockaddr_in sin;

	memcpy(&sin, sa, sizeof(sin));
	return sin.sin_addr.s_addr;
}

static inline uint32_t
plen_mask(unsigned plen)
{
	return plen == 0 ? 0 : htobe32(~0u << (32 - plen));
}

/* -1: it is no mask. */
static inline int
mask_plen(uint32_t mask)
{
	uint32_t m = be32toh(mask);
	int n = m == 0 ? 0 : 32 - __builtin_ctz(m);

	return plen_mask((unsigned)n) == mask ? n : -1;
}

#endif
