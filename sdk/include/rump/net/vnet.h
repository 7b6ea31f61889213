/* SPDX-License-Identifier: BSD-2-Clause */
/** @file vnet.h
 * Network instances: many independent network stacks in one rump kernel.
 *
 * An instance has its own interfaces, addresses, routes, and sockets. Each
 * process of the rump kernel is in one; its children start in the same. The kernel
 * starts with instance 0, which everybody is in. A socket stays in the instance
 * that it was made in, wherever its process goes.
 *
 * An instance lives while a process is in it or the application keeps it (from
 * rump_pub_vnet_create() to rump_pub_vnet_destroy()). Then its interfaces go down and
 * its connections end.
 */
#ifndef RUMP_NET_VNET_H
#define RUMP_NET_VNET_H

#ifdef _KERNEL
#include <kern/types.h>
#else
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make an instance. Nobody enters it. May block.
 *
 * @param idp  receives its number, which no other ever has
 * @return ENOMEM
 */
int rump_pub_vnet_create(uint64_t *idp);

/**
 * Move the current process to an instance. No other thread of the process may be in a
 * network call meanwhile. May block.
 *
 * @return ENOENT
 */
int rump_pub_vnet_enter(uint64_t id);

/**
 * Keep an instance no longer that rump_pub_vnet_create() made. May block.
 *
 * @return ENOENT: there is none, or it was not made so, or is not kept any more
 */
int rump_pub_vnet_destroy(uint64_t id);

/** The instance of the current process. */
uint64_t rump_pub_vnet_current(void);

#ifdef __cplusplus
}
#endif

#endif
