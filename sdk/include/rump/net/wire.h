/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file wire.h
 * Ethernet cables inside of a process: two interfaces, of one network
 * instance or of two; what is sent on one is received on the other.
 *
 * Packets pass by reference, large ones (TCP segmentation) whole and with
 * their checksums left out: nothing between the two could damage them. A
 * thread that sends does the other side's input before its call returns.
 */
#ifndef RUMP_NET_WIRE_H
#define RUMP_NET_WIRE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a cable and its two interfaces, which are down and have random
 * addresses.
 *
 * @param vnet_a, vnet_b  the network instances; 0 is the first one. They may
 *        be the same.
 * @param name_a, name_b  names, at most 15 characters; "%d" in a name is
 *        replaced by the lowest number that makes it a new one.
 * @return ENOENT no such instance; EEXIST a name is taken; EINVAL a name is
 *         none; ENOMEM
 */
int rump_pub_wire_create(uint64_t vnet_a, const char *name_a,
    uint64_t vnet_b, const char *name_b);

/**
 * Take away a cable and both of its interfaces; named by either. May block.
 * @return ENOENT no such instance; ENODEV no such interface, or it is of
 *         another kind
 */
int rump_pub_wire_destroy(uint64_t vnet, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* RUMP_NET_WIRE_H */
