/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hand-written TCP peer: a script of segments, and the time.
 *
 * The stack under test is the rump kernel's; its link is a portif, and the other
 * end of that is the script. The clock is virtual and jumps to the next
 * deadline whenever nothing is left to do, so that times are exact.
 *
 * An event is a line:
 *
 *   [+SECONDS] < FLAGS SEQ[:LENGTH] [ack A] [win W] [options]   it arrives
 *   [+SECONDS] > FLAGS SEQ[:LENGTH] [ack A] [win W] [options]   it is sent
 *   [+SECONDS] -                                           nothing is sent
 *
 * FLAGS: letters of S F R P U E W (CWR), or "." for none; ACK is set where "ack" is
 * given. SEQ is relative to the sender's initial sequence number, A to the
 * other one's. SECONDS count from the event before, exactly: until then, nothing may
 * be sent. Without them the event is at once. Options: "mss N", "ws N",
 * "sackok", "ts VALUE/ECHO", "sack A-B,A-B", "urg N", "ecn N" (the IP header's two
 * bits), "tfo HEX" ("tfo -": a request), "bad" (a wrong checksum), "ws none", "ts
 * none", "tfo none", "nosackok" (it must not be there). Time stamps of the stack count from its first, in milliseconds; "*" is any.
 *
 * A line of what is sent names what is compared, but that flags (PSH aside), the
 * length, ack, and SACK blocks always are. Checksums are always verified. A
 * difference prints the script and the last segments, and fails the test.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define SEG_STACK "10.0.0.1"
#define SEG_PEER "10.0.0.2"
#define SEG_PEER_ISS 10000u	/* the peer's initial sequence number */

struct rump_portif;

/* A segment, absolute numbers. */
struct segment {
	uint8_t sg_flags;		/* as on the wire, of byte 13 */
	uint8_t sg_ecn;
	uint32_t sg_seq, sg_ack, sg_len;
	uint16_t sg_win, sg_urg;
	int sg_mss, sg_ws;		/* -1: none */
	bool sg_sackok, sg_ts, sg_tfo, sg_bad;
	uint32_t sg_tsval, sg_tsecr;
	unsigned sg_nsack;
	uint32_t sg_sack[4][2];
	unsigned sg_tfolen;
	uint8_t sg_cookie[16];
	const uint8_t *sg_data;		/* of sg_len; NULL: a pattern */
};

/* A connection under test, and its peer. */
struct peer {
	uint16_t p_port, p_sport;	/* the peer's, the stack's */
	int p_listen, p_fd;		/* -1: none */
	uint32_t p_iss;			/* the stack's, of its last SYN */
	uint32_t p_peeriss;
	uint32_t p_tsbase;		/* the stack's clock at its first */
	bool p_havets;
	int64_t p_time;			/* of the last event, ns */
	uint32_t p_written, p_read;	/* bytes of the stack's user */
	struct segment p_last;		/* the last that was sent */
};

/* Boot; once. mtu 0: 1500. */
void seg_boot(uint32_t mtu);
/* The kernel's monotonic clock, ns. */
int64_t seg_now(void);
/* A listening socket on a fresh port; non-blocking. */
void seg_listen(struct peer *p);
/* A non-blocking socket, to be connected by seg_connect(). */
void seg_socket(struct peer *p);
void seg_connect(struct peer *p);
/* Take the connection that has been made. */
void seg_accept(struct peer *p);
/* The script; ends with NULL. */
void seg_play(struct peer *p, const char *file, int line,
    const char *const *script);
#define PLAY(p, ...) seg_play(p, __FILE__, __LINE__, \
	(const char *const[]){ __VA_ARGS__, NULL })
/* One segment, and what is sent next (within timeout; false: nothing). */
void seg_put(struct peer *p, const struct segment *sg);
bool seg_get(struct peer *p, struct segment *sg, int64_t timeout);
/* Let ns pass; what was sent meanwhile is forgotten. */
void seg_pass(struct peer *p, int64_t ns);
/* An ICMP error about a segment that starts at seq (relative). */
void seg_icmp(struct peer *p, int type, int code, uint16_t mtu, uint32_t seq);
/* Raw bytes of a TCP segment, from its header on; the checksum is completed. */
void seg_raw(struct peer *p, uint8_t *th, size_t n);
/* Established, passively, with these options of the SYN and this window of the
 * acknowledgement; the option's script may be "". */
void seg_established(struct peer *p, const char *options, unsigned win);
/* The byte of a stream at an offset, both ways. */
uint8_t seg_pattern(uint32_t off);
/* The stack's user writes, reads n bytes of that. */
void seg_write(struct peer *p, size_t n);
void seg_read(struct peer *p, size_t n);
void seg_setopt(struct peer *p, int level, int name, int value);
/* The connection, and what is left of it, goes. */
void seg_end(struct peer *p);
/* A tunable of the network: "tcp_ecn". */
void seg_sysctl(const char *name, unsigned value);
uint64_t seg_stat(const char *name);

#endif
