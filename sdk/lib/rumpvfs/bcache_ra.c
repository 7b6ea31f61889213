/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache: read-ahead.
 *
 * Blocks that are not cached get a buffer, which the request holds until its
 * completion gives it back. Nobody waits here, neither for buffers that others
 * hold nor for memory.
 */
#include "bcache_impl.h"

#define RA_MAX		32		/* buffers of a request */

struct ra {
	struct bio ra_bio;
	int ra_n;
	struct buf *ra_buf[RA_MAX];
	struct iovec ra_iov[RA_MAX];
};

static void
ra_done(struct bio *b)
{
	struct ra *ra = container_of(b, struct ra, ra_bio);
	int i;

	/* What could not be read is read again by who wants it. */
	for (i = 0; i < ra->ra_n; i++) {
		if (b->bio_error == 0)
			ra->ra_buf[i]->b_flags |= B_VALID;
		brelse(ra->ra_buf[i]);
	}
	kmem_free(ra, sizeof(*ra));
}

static void
ra_submit(struct bcache *bc, struct ra *ra)
{
	struct bio *b = &ra->ra_bio;

	b->bio_op = BIO_READ;
	b->bio_off = ra->ra_buf[0]->b_blkno * bc->bc_blksize;
	b->bio_len = (uint64_t)ra->ra_n * bc->bc_blksize;
	b->bio_iov = ra->ra_iov;
	b->bio_iovcnt = ra->ra_n;
	b->bio_done = ra_done;
	blkdev_submit(bc->bc_dev, &b, 1);
}

void
breada(struct blkdev *bd, const uint64_t *blknos, int n)
{
	struct bcache *bc = bd->bd_bcache;
	struct ra *ra = NULL;
	struct buf *bp;
	int i;

	for (i = 0; i < n; i++) {
		if (blknos[i] >= bd->bd_size / bc->bc_blksize)
			continue;
		if (ra != NULL && ra->ra_n > 0 && (ra->ra_n == RA_MAX ||
		    blknos[i] != ra->ra_buf[ra->ra_n - 1]->b_blkno + 1)) {
			ra_submit(bc, ra);
			ra = NULL;
		}
		if (ra == NULL) {
			ra = kmem_alloc(sizeof(*ra), KM_NORECLAIM);
			if (ra == NULL)
				return;
			ra->ra_n = 0;
		}
		bp = bcache_fresh(bc, blknos[i]);
		if (bp == NULL)
			continue;
		ra->ra_buf[ra->ra_n] = bp;
		ra->ra_iov[ra->ra_n].iov_base = bp->b_data;
		ra->ra_iov[ra->ra_n++].iov_len = bp->b_size;
	}
	if (ra != NULL && ra->ra_n > 0)
		ra_submit(bc, ra);
	else if (ra != NULL)
		kmem_free(ra, sizeof(*ra));
}
