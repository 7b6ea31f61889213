/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file capture.h
 * Capture the packets of an interface as pcapng, to a file of the host or to a
 * descriptor (a pipe to a live reader). Packets are written as the stack has them:
 * those that stand for many, or lack their checksum, are not taken apart.
 *
 * A slow consumer loses packets, not the network: they are counted in the
 * capture's Interface Statistics Block. All functions return 0 or an errno value
 * and may block.
 *
 * Link: rump-net
 */
#ifndef RUMP_NET_CAPTURE_H
#define RUMP_NET_CAPTURE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Begin.
 *
 * @param path     where to, made or cut; or NULL:
 * @param fd       a descriptor of the host, which stays the caller's
 * @param snaplen  bytes of a packet that are kept; 0: all, up to 262144
 * @param idp      for rump_pub_capture_stop()
 * @return ENXIO: no such interface; ENOMEM; what the host said of the file
 */
int rump_pub_capture_start(const char *ifname, const char *path, int fd,
    uint32_t snaplen, uint64_t *idp);
/**
 * End, when all that was captured is written. It ends by itself, but for the
 * call, where the interface goes.
 *
 * @param dropped  packets that were lost, or NULL
 * @return ENOENT; what the host said to a write that failed
 */
int rump_pub_capture_stop(uint64_t id, uint64_t *dropped);

#ifdef __cplusplus
}
#endif

#endif
