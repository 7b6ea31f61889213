/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file portif.h
 * An interface whose other end is the application: it gives the stack frames as
 * if they came from a wire (inject), and takes those that the stack sends
 * (collect). For VPNs, simulators, tests.
 *
 * An injected frame is processed by the calling thread: when the call returns,
 * what the stack answers at once can be collected. With RUMP_CLOCK=virtual all
 * of a stack's behaviour is determined by what is injected, and when.
 *
 * Any thread may call any of the functions; those that wait say so.
 */
#ifndef RUMP_NET_PORTIF_H
#define RUMP_NET_PORTIF_H

#include <sys/uio.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rump_portif;
struct rump_portif_packet;

/** What its frames are. */
enum rump_portif_mode {
	RUMP_PORTIF_ETHER,	/**< from the Ethernet header on, without FCS */
	RUMP_PORTIF_IP		/**< from the IP header on */
};

/** Frames collected may lack their checksum (NEEDS_CSUM). */
#define RUMP_PORTIF_CSUM	0x1u
/** Frames collected may stand for many (gso_type); implies CSUM. */
#define RUMP_PORTIF_GSO		0x2u

/** Each 0 or NULL: the default. */
struct rump_portif_params {
	enum rump_portif_mode pp_mode;
	unsigned pp_flags;	/**< RUMP_PORTIF_*: what the application can do */
	unsigned pp_queue;	/**< frames that wait to be collected, at most;
				     more are lost (1024) */
	unsigned pp_mtu;	/**< (1500) */
	const uint8_t *pp_hwaddr; /**< 6 bytes, Ethernet (random) */
	/**
	 * Frames are there, when there were none before: called on the thread that
	 * sent them, with no lock held; it may collect and inject.
	 */
	void (*pp_notify)(struct rump_portif *p, void *arg);
	void *pp_arg;
};

#define RUMP_PORTIF_NEEDS_CSUM	1	/**< from csum_start on, the sum is to
					     be stored at csum_offset behind it;
					     there stands the pseudo header's */
#define RUMP_PORTIF_DATA_VALID	2	/**< the checksum was checked */

#define RUMP_PORTIF_GSO_NONE	0
#define RUMP_PORTIF_GSO_TCPV4	1
#define RUMP_PORTIF_GSO_TCPV6	4
#define RUMP_PORTIF_GSO_UDP	5	/**< datagrams of gso_size bytes */

/** What is known of a frame; laid out as virtio's header (and tun's). */
struct rump_portif_meta {
	uint8_t pm_flags;
	uint8_t pm_gso_type;
	uint16_t pm_hdr_len;	/**< bytes of all headers; 0: not known */
	uint16_t pm_gso_size;	/**< payload of each segment, bytes */
	uint16_t pm_csum_start;
	uint16_t pm_csum_offset;
};

/** A frame of a batch. */
struct rump_portif_frame {
	const struct iovec *pf_iov;	/**< where its bytes are, or go */
	int pf_iovcnt;
	size_t pf_len;		/**< collect: bytes of the frame; where the
				     iovecs have less room, the rest is lost */
	struct rump_portif_meta pf_meta;
};

/** For timeouts, ns. */
#define RUMP_PORTIF_NOWAIT	0
#define RUMP_PORTIF_FOREVER	(-1)

/**
 * Make an interface in the calling process's network instance; it is down.
 *
 * @param name    at most 15 characters; "%d" becomes the lowest free number.
 * @param params  NULL: all defaults.
 * @return EEXIST, EINVAL, ENOMEM
 */
int rump_pub_portif_create(const char *name,
    const struct rump_portif_params *params, struct rump_portif **pp);
/**
 * Take it away. Nobody may be in another of these functions with it, nor call
 * one later. May block.
 */
void rump_pub_portif_destroy(struct rump_portif *p);
/** Its name, valid until it is destroyed. */
const char *rump_pub_portif_name(struct rump_portif *p);

/**
 * Give the stack a frame.
 * @return ENETDOWN it is not up; ENXIO it was taken away; EMSGSIZE shorter
 *         than a link header, or longer than 65600 bytes; ENOMEM
 */
int rump_pub_portif_inject(struct rump_portif *p, const void *frame,
    size_t len);
/**
 * Give it n frames, as one batch: those of a flow may be joined.
 * @param done  frames given; may be NULL.
 * @return the first error (EINVAL: what pf_meta says cannot be); the frames
 *         before it were given.
 */
int rump_pub_portif_injectv(struct rump_portif *p,
    const struct rump_portif_frame *frames, unsigned n, unsigned *done);
/**
 * Lend it a frame: the bytes stay where they are, and must not change until
 * done(arg) is called, on any thread, which calls nothing of the kernel. It
 * is called too when an error is returned.
 */
int rump_pub_portif_lend(struct rump_portif *p, const void *frame, size_t len,
    void (*done)(void *arg), void *arg);

/**
 * Take a frame that the stack sent. May block.
 * @param timeout  ns of the kernel's clock, or RUMP_PORTIF_*.
 * @param len      receives its length; bytes that buf has no room for are lost.
 * @return EAGAIN none came; ENXIO it was taken away
 */
int rump_pub_portif_collect(struct rump_portif *p, void *buf, size_t size,
    int64_t timeout, size_t *len);
/**
 * Take up to n frames: waits for the first.
 * @param done  receives how many; not NULL.
 */
int rump_pub_portif_collectv(struct rump_portif *p,
    struct rump_portif_frame *frames, unsigned n, int64_t timeout,
    unsigned *done);
/** Take one without copying; release it. */
int rump_pub_portif_take(struct rump_portif *p, int64_t timeout,
    struct rump_portif_packet **pktp);
/** Its bytes, not to be written. @return pieces, also those above max */
int rump_pub_portif_packet_iov(const struct rump_portif_packet *pkt,
    struct iovec *iov, int max);
void rump_pub_portif_packet_meta(const struct rump_portif_packet *pkt,
    struct rump_portif_meta *meta);
void rump_pub_portif_packet_release(struct rump_portif_packet *pkt);

/** Frames that wait to be collected. */
unsigned rump_pub_portif_pending(struct rump_portif *p);

#ifdef __cplusplus
}
#endif

#endif /* RUMP_NET_PORTIF_H */
