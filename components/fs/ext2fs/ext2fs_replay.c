/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replaying a journal (JBD2): three passes over the log from where it starts.
 * The first finds the last transaction that was committed, the second collects
 * what was revoked, the third gives the blocks to a sink. The log's blocks are
 * read from the device directly; nothing in it is trusted.
 */
#include "ext2fs.h"

enum pass { SCAN, REVOKE, REPLAY };

struct revoked {
	uint64_t v_blk;			/* EXT2FS_NOBLOCK: free */
	uint32_t v_seq;
};

struct replay {
	struct ext2fs_mount *r_em;
	struct ext2fs_inode *r_ip;	/* the journal's */
	uint8_t *r_sb;			/* its super block: a block */
	uint8_t *r_blk;			/* the block looked at */
	uint8_t *r_data;		/* a block logged */
	uint32_t r_first, r_maxlen;	/* of the log, in blocks */
	uint32_t r_start, r_seq;	/* where it starts, and with what */
	uint32_t r_end;			/* the first not committed */
	uint32_t r_features;		/* JB_INCOMPAT_* */
	bool r_v1csum;			/* transactions have a crc32 */
	uint32_t r_seed;
	uint32_t r_crc;			/* of the transaction so far */
	struct revoked *r_revoked;	/* hashed, a power of two */
	size_t r_nrevoked, r_usedrevoked;
	ext2fs_sink_t r_sink;
	void *r_arg;
	uint32_t r_blocks;		/* replayed */
};

static bool
has(const struct replay *r, uint32_t feature)
{
	return (r->r_features & feature) != 0;
}

static bool
csums(const struct replay *r)
{
	return has(r, JB_INCOMPAT_CSUM_V2 | JB_INCOMPAT_CSUM_V3);
}

static int
bad(struct replay *r, const char *what)
{
	return ext2fs_corrupt(r->r_em, "journal: %s", what);
}

/* ---- Its blocks ------------------------------------------------------- */

static int
log_where(struct replay *r, uint32_t n, uint64_t *offp)
{
	struct ext2fs_run run;
	int error;

	error = ext2fs_map(r->r_ip, n, &run);
	if (error != 0)
		return error;
	if (run.r_pblk == EXT2FS_NOBLOCK || run.r_unwritten)
		return bad(r, "has a hole");
	*offp = run.r_pblk << r->r_em->em_bshift;
	return 0;
}

static int
log_read(struct replay *r, uint32_t n, uint8_t *buf)
{
	uint64_t off = 0;
	int error;

	error = log_where(r, n, &off);
	if (error == 0)
		error = blkdev_read(r->r_em->em_lower, buf,
		    r->r_em->em_bsize, off);
	return error;
}

static uint32_t
log_next(const struct replay *r, uint32_t n)
{
	return n + 1 >= r->r_maxlen ? r->r_first : n + 1;
}

/* A block's checksum, with the four bytes at off taken as zero. */
static uint32_t
block_csum(const struct replay *r, const uint8_t *data, size_t size,
    uint32_t off)
{
	static const uint8_t zero[4];
	uint32_t crc;

	crc = ext2fs_crc32c(r->r_seed, data, off);
	crc = ext2fs_crc32c(crc, zero, 4);
	return ext2fs_crc32c(crc, data + off + 4, size - off - 4);
}

static bool
tail_ok(const struct replay *r, const uint8_t *data)
{
	uint32_t off = r->r_em->em_bsize - 4;

	return !csums(r) || be32dec(data + off) ==
	    block_csum(r, data, r->r_em->em_bsize, off);
}

/* ---- Its super block -------------------------------------------------- */

static int
check_features(struct replay *r)
{
	uint32_t incompat, unknown;

	if (be32dec(r->r_sb + JB_H_TYPE) == JB_SUPER_V1)
		return 0;
	incompat = be32dec(r->r_sb + JS_FEATURE_INCOMPAT);
	unknown = incompat & ~(uint32_t)(JB_INCOMPAT_REVOKE |
	    JB_INCOMPAT_64BIT | JB_INCOMPAT_ASYNC | JB_INCOMPAT_CSUM_V2 |
	    JB_INCOMPAT_CSUM_V3);
	if (unknown != 0) {
		klog(LOG_ERR, "ext2fs: %s: unsupported journal feature %s "
		    "(0x%x)", r->r_em->em_name,
		    unknown == JB_INCOMPAT_FAST ? "fast_commit" : "", unknown);
		return EINVAL;
	}
	r->r_features = incompat;
	r->r_v1csum = (be32dec(r->r_sb + JS_FEATURE_COMPAT) &
	    JB_COMPAT_CHECKSUM) != 0;
	if (csums(r)) {
		r->r_seed = ~0u;
		if (block_csum(r, r->r_sb, JS_SIZE, JS_CHECKSUM) !=
		    be32dec(r->r_sb + JS_CHECKSUM))
			return bad(r, "super block: wrong checksum");
		r->r_seed = ext2fs_crc32c(~0u, r->r_sb + JS_UUID, 16);
	}
	return 0;
}

static int
super_read(struct replay *r)
{
	uint32_t type;
	int error;

	if ((error = log_read(r, 0, r->r_sb)) != 0)
		return error;
	type = be32dec(r->r_sb + JB_H_TYPE);
	if (be32dec(r->r_sb + JB_H_MAGIC) != JB_MAGIC ||
	    (type != JB_SUPER_V1 && type != JB_SUPER_V2))
		return bad(r, "no super block");
	if (be32dec(r->r_sb + JS_BLOCKSIZE) != r->r_em->em_bsize)
		return bad(r, "size of blocks");
	r->r_maxlen = be32dec(r->r_sb + JS_MAXLEN);
	r->r_first = be32dec(r->r_sb + JS_FIRST);
	r->r_start = be32dec(r->r_sb + JS_START);
	r->r_seq = be32dec(r->r_sb + JS_SEQUENCE);
	if (r->r_maxlen > em_howmany(r->r_em, i_size_get(r->r_ip)) ||
	    r->r_first == 0 || r->r_first >= r->r_maxlen ||
	    r->r_start >= r->r_maxlen ||
	    (r->r_start != 0 && r->r_start < r->r_first))
		return bad(r, "impossible size");
	return check_features(r);
}

/* ---- Revoked blocks --------------------------------------------------- */

static struct revoked *
revoked_find(struct replay *r, uint64_t blk)
{
	size_t i = (size_t)(blk * 0x9e3779b97f4a7c15ull >> 20);

	for (;; i++) {
		i &= r->r_nrevoked - 1;
		if (r->r_revoked[i].v_blk == blk ||
		    r->r_revoked[i].v_blk == EXT2FS_NOBLOCK)
			return &r->r_revoked[i];
	}
}

static int
revoked_resize(struct replay *r, size_t n)
{
	struct revoked *old = r->r_revoked;
	size_t i, oldn = r->r_nrevoked;

	r->r_revoked = kmem_alloc(n * sizeof(*old), 0);
	if (r->r_revoked == NULL) {
		r->r_revoked = old;
		return ENOMEM;
	}
	r->r_nrevoked = n;
	for (i = 0; i < n; i++)
		r->r_revoked[i].v_blk = EXT2FS_NOBLOCK;
	for (i = 0; i < oldn; i++)
		if (old[i].v_blk != EXT2FS_NOBLOCK)
			*revoked_find(r, old[i].v_blk) = old[i];
	if (old != NULL)
		kmem_free(old, oldn * sizeof(*old));
	return 0;
}

static int
revoke(struct replay *r, uint64_t blk, uint32_t seq)
{
	struct revoked *v;
	int error;

	if (2 * r->r_usedrevoked >= r->r_nrevoked &&
	    (error = revoked_resize(r, 2 * r->r_nrevoked)) != 0)
		return error;
	v = revoked_find(r, blk);
	if (v->v_blk == EXT2FS_NOBLOCK) {
		v->v_blk = blk;
		v->v_seq = seq;
		r->r_usedrevoked++;
	} else if ((int32_t)(seq - v->v_seq) > 0) {
		v->v_seq = seq;
	}
	return 0;
}

static bool
is_revoked(struct replay *r, uint64_t blk, uint32_t seq)
{
	const struct revoked *v = revoked_find(r, blk);

	return v->v_blk == blk && (int32_t)(seq - v->v_seq) <= 0;
}

static int
revoke_block(struct replay *r, uint32_t seq)
{
	uint32_t size = has(r, JB_INCOMPAT_64BIT) ? 8 : 4, off, end;
	int error;

	end = be32dec(r->r_blk + JB_REVOKE_COUNT);
	if (!tail_ok(r, r->r_blk))
		return bad(r, "revoked blocks: wrong checksum");
	if (end > r->r_em->em_bsize - (csums(r) ? 4 : 0))
		return bad(r, "revoked blocks: number");
	for (off = JB_REVOKE_HEADER; off + size <= end; off += size) {
		error = revoke(r, size == 8 ? be64dec(r->r_blk + off) :
		    be32dec(r->r_blk + off), seq);
		if (error != 0)
			return error;
	}
	return 0;
}

/* ---- Descriptors ------------------------------------------------------ */

/** A tag: where a logged block belongs. */
struct tag {
	uint64_t t_blk;
	uint32_t t_flags;
	uint32_t t_csum;
};

static uint32_t
tag_size(const struct replay *r)
{
	if (has(r, JB_INCOMPAT_CSUM_V3))
		return 16;
	return 8 + (has(r, JB_INCOMPAT_CSUM_V2) ? 2 : 0) +
	    (has(r, JB_INCOMPAT_64BIT) ? 4 : 0);
}

static void
tag_decode(const struct replay *r, const uint8_t *p, struct tag *t)
{
	t->t_blk = be32dec(p);
	if (has(r, JB_INCOMPAT_CSUM_V3)) {
		t->t_flags = be32dec(p + 4);
		t->t_csum = be32dec(p + 12);
	} else {
		t->t_csum = be16dec(p + 4);
		t->t_flags = be16dec(p + 6);
	}
	if (has(r, JB_INCOMPAT_64BIT))
		t->t_blk |= (uint64_t)be32dec(p + 8) << 32;
}

static bool
tag_csum_ok(const struct replay *r, const struct tag *t, uint32_t seq)
{
	uint8_t be[4];
	uint32_t crc;

	if (!csums(r))
		return true;
	be32enc(be, seq);
	crc = ext2fs_crc32c(r->r_seed, be, 4);
	crc = ext2fs_crc32c(crc, r->r_data, r->r_em->em_bsize);
	if (has(r, JB_INCOMPAT_CSUM_V3))
		return crc == t->t_csum;
	return (crc & 0xffff) == t->t_csum;
}

static int
replay_block(struct replay *r, const struct tag *t, uint32_t seq)
{
	if (is_revoked(r, t->t_blk, seq) || (t->t_flags & JT_DELETED) != 0)
		return 0;
	if (!tag_csum_ok(r, t, seq))
		return bad(r, "logged block: wrong checksum");
	if (t->t_blk >= r->r_em->em_blocks)
		return bad(r, "logged block: outside of the file system");
	if ((t->t_flags & JT_ESCAPE) != 0)
		be32enc(r->r_data, JB_MAGIC);
	r->r_blocks++;
	return r->r_sink(r->r_arg, t->t_blk, r->r_data);
}

/* The blocks that a descriptor announces; *np: the log goes on there. */
static int
descriptor(struct replay *r, enum pass pass, uint32_t seq, uint32_t *np,
    uint32_t *budget)
{
	uint32_t end = r->r_em->em_bsize - (csums(r) ? 4 : 0), off;
	uint32_t size = tag_size(r);
	struct tag t = { .t_flags = 0 };
	int error;

	for (off = JB_H_SIZE; (t.t_flags & JT_LAST) == 0; ) {
		if (off + size > end)
			break;
		tag_decode(r, r->r_blk + off, &t);
		off += size + ((t.t_flags & JT_SAME_UUID) != 0 ? 0 : 16);
		if (*budget == 0)
			return 0;
		--*budget;
		if (pass == REPLAY || (pass == SCAN && r->r_v1csum)) {
			if ((error = log_read(r, *np, r->r_data)) != 0)
				return error;
			r->r_crc = pass == SCAN ? ext2fs_crc32be(r->r_crc,
			    r->r_data, r->r_em->em_bsize) : 0;
		}
		*np = log_next(r, *np);
		if (pass == REPLAY &&
		    (error = replay_block(r, &t, seq)) != 0)
			return error;
	}
	return 0;
}

/* Was the transaction written as it was meant? */
static bool
commit_ok(const struct replay *r)
{
	const uint8_t *p = r->r_blk;

	if (csums(r))
		return be32dec(p + JC_CHKSUM) == block_csum(r, p,
		    r->r_em->em_bsize, JC_CHKSUM);
	if (r->r_v1csum && p[JC_CHKSUM_TYPE] == 1 && p[JC_CHKSUM_SIZE] == 4)
		return be32dec(p + JC_CHKSUM) == r->r_crc;
	return true;
}

/* ---- The passes ------------------------------------------------------- */

/*
 * Go through the log until it ends. budget: it is a ring; no more blocks than
 * it has are looked at.
 */
static int
run_pass(struct replay *r, enum pass pass)
{
	uint32_t n = r->r_start, seq = r->r_seq, budget = r->r_maxlen;
	int error = 0;

	r->r_crc = ~0u;
	while (error == 0 && budget-- > 0) {
		if (pass != SCAN && (int32_t)(seq - r->r_end) >= 0)
			break;
		if ((error = log_read(r, n, r->r_blk)) != 0)
			break;
		if (be32dec(r->r_blk + JB_H_MAGIC) != JB_MAGIC ||
		    be32dec(r->r_blk + JB_H_SEQUENCE) != seq)
			break;
		n = log_next(r, n);
		switch (be32dec(r->r_blk + JB_H_TYPE)) {
		case JB_DESCRIPTOR:
			/* Half of a transaction: never committed. */
			if (!tail_ok(r, r->r_blk))
				goto out;
			if (pass == SCAN && r->r_v1csum)
				r->r_crc = ext2fs_crc32be(r->r_crc, r->r_blk,
				    r->r_em->em_bsize);
			error = descriptor(r, pass, seq, &n, &budget);
			break;
		case JB_COMMIT:
			if (pass == SCAN && !commit_ok(r))
				goto out;
			r->r_crc = ~0u;
			seq++;
			break;
		case JB_REVOKE:
			if (pass == REVOKE)
				error = revoke_block(r, seq);
			break;
		default:
			goto out;
		}
	}
out:
	if (pass == SCAN)
		r->r_end = seq;
	return error;
}

static int
replay_open(struct replay *r, struct ext2fs_mount *em)
{
	uint32_t ino = le32dec(em->em_sb + SB_JOURNAL_INUM);
	int error;

	memset(r, 0, sizeof(*r));
	r->r_em = em;
	if ((em->em_compat & EXT2_COMPAT_HAS_JOURNAL) == 0 || ino == 0) {
		klog(LOG_ERR, "ext2fs: %s: needs recovery from a journal on "
		    "another device", em->em_name);
		return EINVAL;
	}
	r->r_sb = kmem_alloc(3 * (size_t)em->em_bsize, 0);
	if (r->r_sb == NULL)
		return ENOMEM;
	r->r_blk = r->r_sb + em->em_bsize;
	r->r_data = r->r_blk + em->em_bsize;
	error = revoked_resize(r, 64);
	if (error == 0)
		error = ext2fs_inode_open(em, ino, &r->r_ip);
	if (error == 0)
		error = super_read(r);
	return error;
}

static void
replay_close(struct replay *r)
{
	if (r->r_ip != NULL)
		ext2fs_inode_close(r->r_ip);
	if (r->r_revoked != NULL)
		kmem_free(r->r_revoked,
		    r->r_nrevoked * sizeof(*r->r_revoked));
	if (r->r_sb != NULL)
		kmem_free(r->r_sb, 3 * (size_t)r->r_em->em_bsize);
}

static int
replay_run(struct replay *r)
{
	int error;

	r->r_end = r->r_seq;
	if (r->r_start == 0)
		return 0;
	if ((error = run_pass(r, SCAN)) != 0 ||
	    (error = run_pass(r, REVOKE)) != 0 ||
	    (error = run_pass(r, REPLAY)) != 0)
		return error;
	klog(LOG_INFO, "ext2fs: %s: journal: %u transactions, %u blocks",
	    r->r_em->em_name, r->r_end - r->r_seq, r->r_blocks);
	return 0;
}

int
ext2fs_replay(struct ext2fs_mount *em, ext2fs_sink_t sink, void *arg,
    uint32_t *seqp)
{
	struct replay r;
	int error;

	error = replay_open(&r, em);
	if (error == 0) {
		r.r_sink = sink;
		r.r_arg = arg;
		error = replay_run(&r);
		*seqp = r.r_end;
	}
	replay_close(&r);
	return error;
}

/* ---- To the device ---------------------------------------------------- */

static int
device_sink(void *arg, uint64_t blk, const uint8_t *data)
{
	struct ext2fs_mount *em = arg;
	struct buf *bp;
	int error;

	error = getblk(em->em_dev, blk, &bp);
	if (error != 0)
		return error;
	memcpy(bp->b_data, data, em->em_bsize);
	bp->b_flags = (bp->b_flags | B_VALID) & ~(uint32_t)B_VERIFIED;
	bdwrite(bp);
	return 0;
}

/* The journal is empty, and the next transaction has a new number. */
static int
mark_empty(struct replay *r)
{
	uint64_t off = 0;
	int error;

	be32enc(r->r_sb + JS_START, 0);
	be32enc(r->r_sb + JS_SEQUENCE, r->r_end + 1);
	if (csums(r)) {
		r->r_seed = ~0u;
		be32enc(r->r_sb + JS_CHECKSUM,
		    block_csum(r, r->r_sb, JS_SIZE, JS_CHECKSUM));
	}
	if ((error = log_where(r, 0, &off)) != 0)
		return error;
	error = blkdev_write(r->r_em->em_lower, r->r_sb, r->r_em->em_bsize,
	    off);
	return error != 0 ? error : blkdev_sync(r->r_em->em_lower);
}

int
ext2fs_recover(struct ext2fs_mount *em)
{
	struct replay r;
	int error;

	error = replay_open(&r, em);
	if (error == 0) {
		r.r_sink = device_sink;
		r.r_arg = em;
		error = replay_run(&r);
	}
	if (error == 0 && (error = bflush(em->em_dev, true)) == 0 &&
	    (error = blkdev_sync(em->em_dev)) == 0)
		error = mark_empty(&r);
	replay_close(&r);
	return error;
}
