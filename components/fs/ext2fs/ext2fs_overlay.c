/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that shows another one with some blocks replaced: for a read-only
 * mount of an image whose journal is to be replayed. What the replay would
 * write is kept in memory, by block, and is laid over what is read.
 */
#include "ext2fs.h"
#include <kern/uio.h>

struct slot {
	uint64_t s_blk;			/* EXT2FS_NOBLOCK: free */
	uint8_t *s_data;
};

struct ext2fs_overlay {
	struct blkdev ov_dev;
	struct blkdev *ov_lower;
	uint32_t ov_bsize;
	struct slot *ov_slots;		/* hashed, a power of two */
	size_t ov_nslots, ov_used;
};

static struct slot *
slot_find(const struct ext2fs_overlay *ov, uint64_t blk)
{
	size_t i = (size_t)(blk * 0x9e3779b97f4a7c15ull >> 20);

	for (;; i++) {
		i &= ov->ov_nslots - 1;
		if (ov->ov_slots[i].s_blk == blk ||
		    ov->ov_slots[i].s_blk == EXT2FS_NOBLOCK)
			return &ov->ov_slots[i];
	}
}

static int
table_grow(struct ext2fs_overlay *ov)
{
	struct slot *old = ov->ov_slots, *s;
	size_t i, n = ov->ov_nslots;

	s = kmem_alloc(2 * n * sizeof(*s), 0);
	if (s == NULL)
		return ENOMEM;
	ov->ov_slots = s;
	ov->ov_nslots = 2 * n;
	for (i = 0; i < 2 * n; i++)
		s[i].s_blk = EXT2FS_NOBLOCK;
	for (i = 0; i < n; i++)
		if (old[i].s_blk != EXT2FS_NOBLOCK)
			*slot_find(ov, old[i].s_blk) = old[i];
	kmem_free(old, n * sizeof(*old));
	return 0;
}

static int
overlay_sink(void *arg, uint64_t blk, const uint8_t *data)
{
	struct ext2fs_overlay *ov = arg;
	struct slot *s;
	int error;

	if (2 * ov->ov_used >= ov->ov_nslots &&
	    (error = table_grow(ov)) != 0)
		return error;
	s = slot_find(ov, blk);
	if (s->s_blk == EXT2FS_NOBLOCK) {
		if ((s->s_data = kmem_alloc(ov->ov_bsize, 0)) == NULL)
			return ENOMEM;
		s->s_blk = blk;
		ov->ov_used++;
	}
	memcpy(s->s_data, data, ov->ov_bsize);
	return 0;
}

/* Lay the blocks of off..off+len over what was read to p. */
static void
patch(const struct ext2fs_overlay *ov, uint8_t *p, uint64_t off, uint64_t len)
{
	const struct slot *s;
	uint64_t in, n;

	for (; len > 0; p += n, off += n, len -= n) {
		in = off & (ov->ov_bsize - 1);
		n = MIN(len, ov->ov_bsize - in);
		s = slot_find(ov, off / ov->ov_bsize);
		if (s->s_blk != EXT2FS_NOBLOCK)
			memcpy(p, s->s_data + in, n);
	}
}

static int
overlay_read(struct blkdev *bd, const struct iovec *iov, int cnt, uint64_t off)
{
	struct ext2fs_overlay *ov = bd->bd_data;
	int i, error;

	error = blkdev_readv(ov->ov_lower, iov, cnt, off);
	for (i = 0; error == 0 && i < cnt; i++) {
		patch(ov, iov[i].iov_base, off, iov[i].iov_len);
		off += iov[i].iov_len;
	}
	return error;
}

static void
overlay_submit(struct blkdev *bd, struct bio *const *bios, int n)
{
	struct bio *b;
	int i;

	for (i = 0; i < n; i++) {
		b = bios[i];
		switch (b->bio_op) {
		case BIO_READ:
			b->bio_error = overlay_read(bd, b->bio_iov,
			    b->bio_iovcnt, b->bio_off);
			break;
		case BIO_SYNC:
			b->bio_error = 0;
			break;
		default:
			b->bio_error = EROFS;
			break;
		}
		b->bio_done(b);
	}
}

static int
overlay_bd_open(struct blkdev *bd, bool write)
{
	(void)bd;
	return write ? EROFS : 0;
}

static const struct blkdevops overlay_ops = {
	.bd_submit = overlay_submit,
	.bd_read = overlay_read,
	.bd_open = overlay_bd_open,
};

static void
overlay_free(struct ext2fs_overlay *ov)
{
	size_t i;

	for (i = 0; i < ov->ov_nslots; i++)
		if (ov->ov_slots[i].s_blk != EXT2FS_NOBLOCK)
			kmem_free(ov->ov_slots[i].s_data, ov->ov_bsize);
	kmem_free(ov->ov_slots, ov->ov_nslots * sizeof(*ov->ov_slots));
	kmem_free(ov, sizeof(*ov));
}

static struct ext2fs_overlay *
overlay_alloc(struct ext2fs_mount *em)
{
	struct ext2fs_overlay *ov;
	size_t i;

	if ((ov = kmem_zalloc(sizeof(*ov), 0)) == NULL)
		return NULL;
	ov->ov_lower = em->em_lower;
	ov->ov_bsize = em->em_bsize;
	ov->ov_nslots = 256;
	ov->ov_slots = kmem_alloc(ov->ov_nslots * sizeof(*ov->ov_slots), 0);
	if (ov->ov_slots == NULL) {
		kmem_free(ov, sizeof(*ov));
		return NULL;
	}
	for (i = 0; i < ov->ov_nslots; i++)
		ov->ov_slots[i].s_blk = EXT2FS_NOBLOCK;
	return ov;
}

int
ext2fs_overlay_open(struct ext2fs_mount *em)
{
	struct ext2fs_overlay *ov = overlay_alloc(em);
	struct blkdev *bd;
	uint32_t seq;
	int error;

	if (ov == NULL)
		return ENOMEM;
	if ((error = ext2fs_replay(em, overlay_sink, ov, &seq)) != 0)
		goto fail_free;
	bd = &ov->ov_dev;
	bd->bd_op = &overlay_ops;
	bd->bd_data = ov;
	bd->bd_size = em->em_lower->bd_size;
	bd->bd_secsize = em->em_lower->bd_secsize;
	snprintf(bd->bd_name, sizeof(bd->bd_name), "%.50s+journal",
	    em->em_name);
	if ((error = blkdev_attach(bd)) != 0)
		goto fail_free;
	if ((error = blkdev_open(bd->bd_dev, false, &em->em_dev)) != 0)
		goto fail_detach;
	error = bcache_set_blocksize(em->em_dev, em->em_bsize);
	if (error == 0)
		return 0;
	blkdev_close(em->em_dev, false);
fail_detach:
	(void)blkdev_detach(bd);
	em->em_dev = em->em_lower;
fail_free:
	overlay_free(ov);
	return error;
}

void
ext2fs_overlay_close(struct ext2fs_mount *em)
{
	struct ext2fs_overlay *ov;

	if (em->em_dev == em->em_lower)
		return;
	ov = em->em_dev->bd_data;
	blkdev_close(em->em_dev, false);
	if (blkdev_detach(&ov->ov_dev) != 0)
		return;		/* somebody has it open: it stays */
	overlay_free(ov);
	em->em_dev = em->em_lower;
}
