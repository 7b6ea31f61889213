/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of an Ethernet type of their own, sent and received below the network
 * protocols: for tests of drivers. Both halves include it; k_ether.h is the
 * kernel's.
 */
#ifndef ETHER_H
#define ETHER_H

#include <stdbool.h>
#include <stdint.h>

#define ETHER_TYPE_TEST	0x88b5	/* IEEE 802: local experimental */
#define ETHER_HEAD	14

/* rumptest_ether_stat's which: IFS_* */
enum { ETHER_RXPACKETS = 0, ETHER_RXERRORS = 2, ETHER_RXDROPS = 3,
	ETHER_TXPACKETS = 6, ETHER_TXDROPS = 9 };

/* A frame to send, or what is known of one received. */
struct ether_frame {
	uint32_t ef_len;		/* with its header */
	uint32_t ef_fill;		/* the payload's first word; the rest is a
					 * sequence that follows from it */
	uint8_t ef_dst[6];
	bool ef_bad;			/* received: not that sequence */
	bool ef_partial;		/* its checksum is not complete ... */
	uint16_t ef_csum_start, ef_csum_off;
	uint16_t ef_gso_size, ef_gso_segs;	/* TCP; 0: not */
	const void *ef_bytes;		/* where the last of its bytes lie */
	char ef_ifname[16];		/* received on */
};

/* 0, or an errno value, or a line of k_ether.h. */
int rumptest_vnet_create(uint64_t *idp);
int rumptest_vnet_leave(uint64_t id);
int rumptest_ether_listen(void);
int rumptest_ether_up(uint64_t vnet, const char *name, bool up);
int rumptest_ether_address(uint64_t vnet, const char *name, uint8_t addr[6]);
int rumptest_ether_promisc(uint64_t vnet, const char *name);
int rumptest_ether_destroy(uint64_t vnet, const char *name);
uint64_t rumptest_ether_stat(uint64_t vnet, const char *name, int which);
/* Send n frames as one batch, in one section. */
int rumptest_ether_send(uint64_t vnet, const char *name,
    const struct ether_frame *f, unsigned n);
/* The oldest received and not yet taken; waits ms for one. false: none. */
bool rumptest_ether_take(struct ether_frame *f, int ms);
/* Keep the packets' memory until told otherwise. */
void rumptest_ether_keep(bool keep);
/* How many have been received. */
unsigned rumptest_ether_count(void);

#endif
