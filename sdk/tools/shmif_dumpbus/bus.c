/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at a bus: all rings, in the order of time, from the oldest entry
 * that is still there.
 *
 * Nobody knows that we look: an entry may be overwritten at any moment. One is
 * copied, and then seen to be far enough behind its ring's head to have been
 * there as a whole. A member that is alive may be writing the next entry
 * already, before the head tells. Of a chunk, whose it is stands in front.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dumpbus.h"

#define RING_MASK	(SHMIF_RINGSIZE - 1)
/* The longest that may be being written: two entries, one a filler. */
#define MARGIN		(2 * (65536u + 2 * SHMIF_ALIGN))
#define RECENT		4096

/* A direction. */
struct ring {
	const struct shmif_ctl *r_ctl;
	const uint8_t *r_mem;		/* NULL: not mapped yet */
	unsigned r_from, r_to;
	uint64_t r_pos;			/* next to be seen */
	bool r_started;
};

struct bus {
	int b_fd;
	const struct shmif_head *b_head;
	uint64_t b_offset;		/* from monotonic time to real */
	uint64_t b_lost;
	struct ring b_ring[SHMIF_MEMBERS * SHMIF_MEMBERS];
	/* Frames that were seen in another ring already. */
	uint64_t b_recent[SHMIF_MEMBERS][RECENT];
};

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
check_id(const char *path, const struct shmif_id *id)
{
	if (memcmp(id->id_magic, SHMIF_MAGIC, sizeof(id->id_magic)) != 0 ||
	    id->id_order != SHMIF_ORDER)
		errx(1, "%s: not a bus", path);
	if (id->id_version != SHMIF_VERSION)
		errx(1, "%s: a bus of version %u", path, id->id_version);
	if (id->id_members != SHMIF_MEMBERS ||
	    id->id_ringsize != SHMIF_RINGSIZE ||
	    id->id_chunksize != SHMIF_CHUNKSIZE ||
	    id->id_headsize != SHMIF_HEADSIZE)
		errx(1, "%s: a damaged bus", path);
}

struct bus *
bus_open(const char *path)
{
	struct bus *b = calloc(1, sizeof(*b));
	struct shmif_id id;
	struct stat st;
	unsigned i, j;
	ssize_t n;
	void *p;

	if (b == NULL)
		err(1, NULL);
	b->b_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->b_fd == -1 || fstat(b->b_fd, &st) == -1)
		err(1, "%s", path);
	n = pread(b->b_fd, &id, sizeof(id), 0);
	if (n == -1)
		err(1, "%s", path);
	if (n != sizeof(id) || st.st_size < SHMIF_HEADSIZE)
		errx(1, "%s: not a bus", path);
	check_id(path, &id);
	p = mmap(NULL, SHMIF_HEADSIZE, PROT_READ, MAP_SHARED, b->b_fd, 0);
	if (p == MAP_FAILED)
		err(1, "%s", path);
	b->b_head = p;
	b->b_offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < SHMIF_MEMBERS; i++) {
		for (j = 0; j < SHMIF_MEMBERS; j++) {
			struct ring *r = &b->b_ring[shmif_pair(i, j)];

			r->r_from = i;
			r->r_to = j;
			r->r_ctl = &b->b_head->sh_ctl[shmif_pair(i, j)];
		}
	}
	return b;
}

uint64_t
bus_lost(const struct bus *b)
{
	return b->b_lost;
}

/* ---- Rings ------------------------------------------------------------------- */

static uint64_t
ring_head(const struct ring *r)
{
	return atomic_load_explicit(&((struct shmif_ctl *)(uintptr_t)
	    r->r_ctl)->sc_head, memory_order_acquire);
}

static bool
member_alive(struct bus *b, unsigned slot)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = (off_t)SHMIF_LOCK_MEMBER(slot), .l_len = 1 };

	return fcntl(b->b_fd, F_OFD_GETLK, &fl) == -1 ||
	    fl.l_type != F_UNLCK;
}

/* May the bytes from pos on have been overwritten? */
static bool
overwritten(struct bus *b, const struct ring *r, uint64_t pos)
{
	uint64_t behind = ring_head(r) - pos;

	return behind > SHMIF_RINGSIZE || (behind > SHMIF_RINGSIZE - MARGIN &&
	    member_alive(b, r->r_from));
}

/* A copy of the entry at pos; false: there is no such entry, or not any more. */
static bool
entry_get(struct bus *b, const struct ring *r, uint64_t pos,
    struct shmif_entry *se)
{
	uint32_t rest = SHMIF_RINGSIZE - (uint32_t)(pos & RING_MASK);

	if (pos % SHMIF_ALIGN != 0)
		return false;
	memcpy(se, r->r_mem + (pos & RING_MASK), sizeof(*se));
	if (overwritten(b, r, pos) || se->se_pos != pos ||
	    se->se_size < sizeof(*se) || se->se_size % SHMIF_ALIGN != 0 ||
	    se->se_size > rest)
		return false;
	if ((se->se_flags & SHMIF_E_PAD) != 0)
		return true;
	return se->se_len >= SHMIF_FRAME_MIN &&
	    se->se_len <= SHMIF_FRAME_MAX &&
	    se->se_inline <= se->se_size - sizeof(*se) &&
	    se->se_inline <= se->se_len &&
	    ((se->se_flags & SHMIF_E_CHUNK) == 0 ?
	    se->se_inline == se->se_len :
	    se->se_inline == SHMIF_INLINE && se->se_chunk >= SHMIF_CHUNK0 &&
	    se->se_chunk < SHMIF_CHUNKS);
}

/* Map it, and go back to the oldest entry. */
static bool
ring_start(struct bus *b, struct ring *r)
{
	off_t off = (off_t)shmif_region(r->r_from, r->r_to);
	uint64_t head = ring_head(r), pos, prev;
	struct shmif_entry se;
	struct stat st;
	void *p;

	if (head == 0 || fstat(b->b_fd, &st) == -1 ||
	    st.st_size < off + (off_t)SHMIF_REGION)
		return false;
	p = mmap(NULL, SHMIF_REGION, PROT_READ, MAP_SHARED, b->b_fd, off);
	if (p == MAP_FAILED)
		err(1, "mmap");
	r->r_mem = p;
	r->r_started = true;
	r->r_pos = head;
	pos = atomic_load_explicit(&((struct shmif_ctl *)(uintptr_t)
	    r->r_ctl)->sc_last, memory_order_relaxed);
	while (pos < head && entry_get(b, r, pos, &se)) {
		r->r_pos = pos;
		prev = se.se_prev;
		if (prev == 0 || prev > pos)
			break;
		pos -= prev;
	}
	return true;
}

/* The entry that comes next; what was lost is skipped. */
static bool
ring_peek(struct bus *b, struct ring *r, struct shmif_entry *se)
{
	uint64_t head;

	if (!r->r_started && !ring_start(b, r))
		return false;
	while (r->r_pos != (head = ring_head(r))) {
		if (!entry_get(b, r, r->r_pos, se)) {
			b->b_lost++;
			r->r_pos = head;
		} else if ((se->se_flags & SHMIF_E_PAD) != 0) {
			r->r_pos += se->se_size;
		} else {
			return true;
		}
	}
	return false;
}

/* ---- Frames -------------------------------------------------------------------- */

/* Fill in the checksum that the sender left to its receiver (RFC 1071). */
static void
finish_checksum(const struct shmif_entry *se, struct frame *f)
{
	uint32_t at = (uint32_t)se->se_csum_start + se->se_csum_off, i;
	uint64_t sum = 0;
	uint16_t v;

	if ((se->se_flags & SHMIF_E_PARTIAL) == 0 || f->f_caplen < f->f_len ||
	    at + 2 > f->f_len)
		return;
	for (i = se->se_csum_start; i + 1 < f->f_len; i += 2)
		sum += (uint32_t)f->f_data[i] << 8 | f->f_data[i + 1];
	if (i < f->f_len)
		sum += (uint32_t)f->f_data[i] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	v = (uint16_t)~sum;
	/* UDP's zero says that there is none (RFC 768). */
	if (v == 0)
		v = 0xffff;
	f->f_data[at] = (uint8_t)(v >> 8);
	f->f_data[at + 1] = (uint8_t)v;
}

/* The part that is in a chunk, when the chunk is still this frame's. */
static void
copy_chunk(const struct ring *r, const struct shmif_entry *se, struct frame *f)
{
	const uint8_t *p = r->r_mem + se->se_chunk * SHMIF_CHUNKSIZE;
	const _Atomic uint64_t *stamp = (const void *)p;
	uint32_t n = se->se_len - SHMIF_INLINE;

	if (atomic_load((_Atomic uint64_t *)(uintptr_t)stamp) != se->se_pos)
		return;
	memcpy(f->f_data + SHMIF_INLINE, p + SHMIF_CHUNKHEAD, n);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load((_Atomic uint64_t *)(uintptr_t)stamp) == se->se_pos)
		f->f_caplen = se->se_len;
}

static bool
frame_get(struct bus *b, const struct ring *r, const struct shmif_entry *se,
    struct frame *f)
{
	f->f_time = se->se_time + b->b_offset;
	f->f_len = se->se_len;
	f->f_caplen = se->se_inline;
	memcpy(f->f_data, r->r_mem + (r->r_pos & RING_MASK) + sizeof(*se),
	    se->se_inline);
	atomic_thread_fence(memory_order_seq_cst);
	if (overwritten(b, r, r->r_pos))
		return false;
	if ((se->se_flags & SHMIF_E_CHUNK) != 0)
		copy_chunk(r, se, f);
	finish_checksum(se, f);
	return true;
}

/* Was it seen in the ring to another member? */
static bool
seen(struct bus *b, const struct ring *r, const struct shmif_entry *se)
{
	uint64_t key = (uint64_t)se->se_seq << 16 | se->se_part;
	uint64_t *place;

	/* 0 is a key only of the first frame; one more, so that it is none. */
	key++;
	place = &b->b_recent[r->r_from][key * UINT64_C(0x9e3779b97f4a7c15) >>
	    52];
	if (*place == key)
		return true;
	*place = key;
	return false;
}

bool
bus_next(struct bus *b, struct frame *f)
{
	unsigned slots = b->b_head->sh_slots, n, i;
	struct shmif_entry se, first = { .se_len = 0 };
	struct ring *r, *best;

	if (slots > SHMIF_MEMBERS)
		slots = SHMIF_MEMBERS;
	n = slots * slots;
	for (;;) {
		best = NULL;
		for (i = 0; i < n; i++) {
			r = &b->b_ring[i];
			if (ring_peek(b, r, &se) && (best == NULL ||
			    se.se_time < first.se_time)) {
				best = r;
				first = se;
			}
		}
		if (best == NULL)
			return false;
		if (seen(b, best, &first)) {
			best->r_pos += first.se_size;
			continue;
		}
		if (frame_get(b, best, &first, f)) {
			best->r_pos += first.se_size;
			return true;
		}
		b->b_lost++;
		best->r_pos = ring_head(best);
	}
}

void
bus_describe(struct bus *b, FILE *out)
{
	static const char *const states[] = { "free", "joining", "active",
	    "left" };
	const struct shmif_head *h = b->b_head;
	unsigned slots = h->sh_slots, i;
	uint64_t hw;

	fprintf(out, "version %u, bus %016llx, generation %u\n",
	    h->sh_id.id_version, (unsigned long long)h->sh_id.id_bus,
	    h->sh_generation);
	for (i = 0; i < slots && i < SHMIF_MEMBERS; i++) {
		const struct shmif_member *sm = &h->sh_member[i];
		uint32_t flags = sm->sm_flags;

		hw = sm->sm_hwaddr;
		fprintf(out, "member %u: %s%s, pid %u, address", i,
		    states[SHMIF_STATE(sm->sm_state)], member_alive(b, i) ?
		    "" : " (gone)", sm->sm_pid);
		for (unsigned k = 0; k < 6; k++)
			fprintf(out, "%c%02x", k == 0 ? ' ' : ':',
			    (unsigned)(((const uint8_t *)&hw)[k]));
		fprintf(out, "%s%s%s%s\n",
		    flags & SHMIF_UP ? ", up" : "",
		    flags & SHMIF_LARGE ? ", large frames" : "",
		    flags & SHMIF_CSUM ? ", partial checksums" : "",
		    flags & SHMIF_PROMISC ? ", promiscuous" : "");
	}
}
