/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: what its file holds. docs/shmif.md explains it, and who may write
 * what. For the driver and for tools; numbers are in the host's byte order.
 *
 * Everything in it is written by other processes: it is copied first, then
 * looked at, then used.
 */
#ifndef SHMIF_BUS_H
#define SHMIF_BUS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SHMIF_MAGIC	"RUMPBUS\n"
#define SHMIF_VERSION	1
#define SHMIF_ORDER	0x01020304u

#define SHMIF_MEMBERS	64u
#define SHMIF_RINGSIZE	(256u << 10)	/* bytes of a ring */
#define SHMIF_CHUNKSIZE	(64u << 10)	/* a buffer for a large frame's rest */
#define SHMIF_CHUNKHEAD	64		/* of it, in front */
#define SHMIF_CHUNKDATA	(SHMIF_CHUNKSIZE - SHMIF_CHUNKHEAD)
#define SHMIF_CHUNKS	64		/* in a region; the ring takes the ... */
#define SHMIF_CHUNK0	(SHMIF_RINGSIZE / SHMIF_CHUNKSIZE)	/* first */
#define SHMIF_REGION	((uint64_t)SHMIF_CHUNKS * SHMIF_CHUNKSIZE)
#define SHMIF_HEADSIZE	(1u << 20)	/* before the first region */
#define SHMIF_ALIGN	64		/* of entries */

/* The first line is written once, when the file is made. */
struct shmif_id {
	char id_magic[8];
	uint32_t id_order;
	uint32_t id_version;
	uint32_t id_members, id_ringsize, id_chunksize, id_headsize;
	uint64_t id_bus;		/* random */
	uint8_t id_spare[24];
};
_Static_assert(sizeof(struct shmif_id) == 64, "shmif_id");

/* sm_state: an incarnation of the slot, and what it is in. */
enum { SHMIF_FREE, SHMIF_JOINING, SHMIF_ACTIVE, SHMIF_LEFT };
#define SHMIF_STATE(s)		((s) & 3u)
#define SHMIF_STATE_NEXT(s)	((((s) >> 2) + 1) << 2)

/* sm_flags: what a member takes */
#define SHMIF_LARGE	0x1u		/* frames that stand for many (GSO) */
#define SHMIF_CSUM	0x2u		/* checksums that are not complete */
#define SHMIF_PROMISC	0x4u		/* wants every frame */
#define SHMIF_UP	0x8u		/* takes frames at all */

/* sm_bell: a futex for each of those who may take a member's frames. */
enum { SHMIF_BELL_THREAD, SHMIF_BELL_WAITER, SHMIF_BELLS };
#define SHMIF_BELL_NONE		0u	/* nobody of this kind */
#define SHMIF_BELL_AWAKE	1u	/* looks before it parks */
#define SHMIF_BELL_PARKED	2u
#define SHMIF_BELL_WAKING	0x100u	/* + slot of who is about to wake it */

/* A member; its owner holds an OFD lock on the first byte. */
struct shmif_member {
	_Atomic uint32_t sm_state;
	_Atomic uint32_t sm_flags;
	_Atomic uint64_t sm_hwaddr;	/* as its bytes lie */
	uint32_t sm_pid;		/* for people */
	uint8_t sm_spare0[44];
	_Atomic uint32_t sm_bell[SHMIF_BELLS];
	uint8_t sm_spare1[56];
	_Atomic uint64_t sm_pending;	/* slots that have put frames */
	uint8_t sm_spare2[120];
};
_Static_assert(sizeof(struct shmif_member) == 256, "shmif_member");

/*
 * A direction between two members: positions in the ring count bytes since the
 * beginning, and only grow.
 */
struct shmif_ctl {
	_Atomic uint64_t sc_head;	/* the sender's: end of what is there */
	_Atomic uint64_t sc_last;	/* where the last entry begins */
	uint8_t sc_spare0[48];
	_Atomic uint64_t sc_tail;	/* the receiver's: begin of it */
	_Atomic uint64_t sc_held;	/* chunks that it still reads */
	uint8_t sc_spare1[48];
};
_Static_assert(sizeof(struct shmif_ctl) == 128, "shmif_ctl");

struct shmif_head {
	struct shmif_id sh_id;
	_Atomic uint32_t sh_generation;	/* of members and what they are */
	_Atomic uint32_t sh_slots;	/* above the highest ever in use */
	uint8_t sh_spare[4096 - 72];
	struct shmif_member sh_member[SHMIF_MEMBERS];
	struct shmif_ctl sh_ctl[SHMIF_MEMBERS * SHMIF_MEMBERS];
};
_Static_assert(sizeof(struct shmif_head) <= SHMIF_HEADSIZE, "shmif_head");

/* Bytes of the file that an OFD lock on means something. */
#define SHMIF_LOCK_JOIN		0u	/* joining, leaving */
#define SHMIF_LOCK_MEMBER(i) \
	(offsetof(struct shmif_head, sh_member) + 256u * (i))

/* se_flags */
#define SHMIF_E_PAD	0x01u		/* nothing up to the ring's end */
#define SHMIF_E_CHUNK	0x02u		/* the rest is in chunk se_chunk */
#define SHMIF_E_PARTIAL	0x04u		/* the checksum is not complete */
#define SHMIF_E_VALID	0x08u		/* the sender has checked it */
#define SHMIF_E_HASH	0x10u		/* se_hash is the flow's */

/* se_gso */
enum { SHMIF_GSO_NONE, SHMIF_GSO_TCP4, SHMIF_GSO_TCP6, SHMIF_GSO_UDP };

/* An entry of a ring; the frame's first se_inline bytes follow it. */
struct shmif_entry {
	uint64_t se_pos;		/* its own position */
	uint64_t se_time;		/* of sending, monotonic, ns */
	uint32_t se_size;		/* of the entry, with padding */
	uint32_t se_prev;		/* size of the one before */
	uint32_t se_len;		/* of the frame */
	uint32_t se_seq;		/* the sender's count of frames: equal in
					 * each ring that got one */
	uint32_t se_hash;
	uint16_t se_inline;
	uint16_t se_l3, se_l4;		/* offsets of headers in the frame */
	uint16_t se_csum_start, se_csum_off;
	uint16_t se_gso_size, se_gso_segs;
	uint8_t se_flags;
	uint8_t se_gso;
	uint8_t se_chunk;
	uint8_t se_spare[5];
	uint16_t se_part;		/* of a frame that was segmented, from 1;
					 * else 0 */
};
_Static_assert(sizeof(struct shmif_entry) == 64, "shmif_entry");

#define SHMIF_INLINE	128u		/* of a frame with a chunk */
#define SHMIF_FRAME_MIN	14u
#define SHMIF_FRAME_MAX	(SHMIF_INLINE + SHMIF_CHUNKDATA)

/*
 * The number of a direction: those between the first n members come before
 * all others, so that the file is as long as its members need.
 */
static inline unsigned
shmif_pair(unsigned from, unsigned to)
{
	return from > to ? from * from + to : to * to + to + from;
}

static inline uint64_t
shmif_region(unsigned from, unsigned to)
{
	return SHMIF_HEADSIZE + shmif_pair(from, to) * SHMIF_REGION;
}

/* Bytes of a file with n members. */
static inline uint64_t
shmif_filesize(unsigned n)
{
	return SHMIF_HEADSIZE + (uint64_t)n * n * SHMIF_REGION;
}

#endif
