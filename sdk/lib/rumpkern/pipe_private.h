/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a pipe, for pipe.c and splice.c. What has no lock in its
 * comment wants pi_lock held.
 *
 * The ring holds pi_used bytes: for each packet, in order, the plain bytes
 * before it and the packet; then pi_plain plain bytes.
 */
#ifndef PIPE_PRIVATE_H
#define PIPE_PRIVATE_H

#include <kern/pipe.h>

/* All of it under pi_lock, but pi_ino and pi_time, which do not change. */
struct pipe {
	struct kmutex pi_lock;
	struct kcondvar pi_rcv, pi_wcv;
	struct pollhead pi_rhead, pi_whead;
	char *pi_buf;			/* pi_cap bytes; NULL: 0 */
	unsigned pi_cap;		/* a power of two */
	unsigned pi_size;		/* the most that pi_cap may be */
	unsigned pi_out, pi_used;	/* where the first byte is; how many */
	unsigned pi_promised;		/* room that a splice will fill */
	unsigned pi_plain;		/* bytes behind the last packet */
	unsigned pi_npackets;
	struct list pi_packets;
	bool pi_taken;			/* a splice has the first bytes */
	bool pi_reader, pi_writer;	/* the ends that there are */
	unsigned pi_writers;		/* waiting for room */
	ino_t pi_ino;
	struct timespec pi_time;
};

struct packet {
	struct list pk_link;
	unsigned pk_before;		/* plain bytes before it */
	unsigned pk_len;
};

/* Bytes that can be written; as Linux, a packet takes a page at least. */
static inline unsigned
pipe_room(const struct pipe *pi, bool packet)
{
	return packet && pi->pi_npackets >= pi->pi_size / PAGE_SIZE ? 0 :
	    pi->pi_size - pi->pi_used - pi->pi_promised;
}

/* Memory for n more bytes, or what the size allows. @return ENOMEM */
int pipe_grow(struct pipe *pi, size_t n);
/* Add what the pipe has room for. */
int pipe_append(struct pipe *pi, struct uio *uio);
/* Copy the first n bytes, which there are. */
void pipe_peek(struct pipe *pi, char *buf, size_t n);
/* Copy them to another pipe, which has room. @return ENOMEM */
int pipe_transfer(struct pipe *from, struct pipe *to, size_t n,
    size_t *donep);
/* Remove the first n bytes. */
void pipe_consume(struct pipe *pi, size_t n);

/* Until there is something to read, or never will be. @return EAGAIN, EINTR */
int pipe_wait_data(struct pipe *pi, bool nonblock);
/* Until there is room for n bytes. @return EPIPE, EAGAIN, EINTR */
int pipe_wait_room(struct pipe *pi, size_t n, bool packet, bool nonblock);

/*
 * Afterwards, without pi_lock: tell who waits. was_full: there was no room for
 * PIPE_BUF bytes; more: there are bytes left; writers: some wait.
 */
void pipe_was_read(struct pipe *pi, bool was_full, bool more, bool writers);
void pipe_was_written(struct pipe *pi, bool was_empty);

/* Wait for room, and write what fits. pi_lock not held. */
int pipe_write_some(struct pipe *pi, struct uio *uio, bool nonblock);

#endif
