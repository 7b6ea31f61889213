/* SPDX-License-Identifier: BSD-2-Clause */
/** @file zerocopy.h
 * Sending and receiving on sockets without a copy between the application and the
 * kernel, which are one process: for local clients.
 *
 * All functions return 0 or an errno value. Sockets of families with
 * buffers of their own (AF_UNIX) are refused with EOPNOTSUPP.
 */
#ifndef RUMP_NET_ZEROCOPY_H
#define RUMP_NET_ZEROCOPY_H

#ifdef _KERNEL
#include <kern/types.h>
#include <linux/uio.h>
#else
#include <stddef.h>
#include <sys/uio.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Received bytes where the network left them: read them, then release them. */
struct rump_zcbuf {
	const struct iovec *zb_iov;
	int zb_iovcnt;
	size_t zb_len;			/**< of all pieces */
};

/**
 * Receive: what there is of a stream, or a datagram. May block.
 *
 * @param max    bytes of a stream that are wanted; at least 1
 * @param flags  MSG_DONTWAIT, or 0
 * @param zbp    receives the bytes, the caller's until rump_pub_sock_release();
 *               NULL at a stream's end. What is kept counts against nothing:
 *               the peer may send as much again.
 * @return as recv(2)
 */
int rump_pub_sock_recv_zc(int fd, size_t max, int flags,
    struct rump_zcbuf **zbp);

/** Give received bytes back, on any thread. NULL is ignored. */
void rump_pub_sock_release(struct rump_zcbuf *zb);

/**
 * Send memory by reference. It must stay as it is until done(arg) is called: once,
 * if any byte was sent, on any thread, with no lock held, perhaps before this
 * returns; it must not block. May block.
 *
 * @param flags  as those of send(2); MSG_ZEROCOPY is implied
 * @param sentp  receives how many bytes were sent, which are fewer than all
 *               on a non-blocking socket, or after a signal
 * @return as send(2); done is not called then
 */
int rump_pub_sock_send_zc(int fd, const struct iovec *iov, int iovcnt,
    int flags, void (*done)(void *arg), void *arg, size_t *sentp);

#ifdef __cplusplus
}
#endif

#endif
