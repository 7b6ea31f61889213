/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Orphans: inodes without a name that are still open. The super block names
 * the newest; in each, the field for the time of deletion names the next.
 * em_orphan_lock is held across the few buffers that a change takes.
 */
#include "ext2fs.h"

/* Set the field of an inode in the table. */
static int
set_next(struct ext2fs_tx *tx, uint32_t ino, uint32_t next)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct buf *bp;
	uint64_t blk;
	uint32_t off;
	uint8_t *di;
	int error;

	error = ext2fs_inode_where(em, ino, &blk, &off);
	if (error == 0)
		error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	di = (uint8_t *)bp->b_data + off;
	le32enc(di + DI_DTIME, next);
	ext2fs_inode_csum_set(em, ino, di);
	ext2fs_bdirty(tx, bp);
	return 0;
}

static void
set_head(struct ext2fs_mount *em, uint32_t ino)
{
	mutex_enter(&em->em_lock);
	le32enc(em->em_sb + SB_LAST_ORPHAN, ino);
	em->em_sb_dirty = true;
	mutex_exit(&em->em_lock);
}

static uint32_t
ino_of(const struct ext2fs_mount *em, const struct list *n)
{
	return n == &em->em_orphans ? 0 :
	    container_of(n, struct ext2fs_orphan, o_link)->o_ino;
}

int
ext2fs_orphan_add(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_orphan *o;
	int error;

	if (ip->i_orphan != NULL)
		return 0;
	if ((o = kmem_alloc(sizeof(*o), 0)) == NULL)
		return ENOMEM;
	o->o_ino = I_INO(ip);
	if ((error = ext2fs_inode_flush(tx, ip)) != 0)
		goto fail_free;
	mutex_enter(&em->em_orphan_lock);
	error = set_next(tx, o->o_ino, ino_of(em, em->em_orphans.l_next));
	if (error == 0) {
		list_insert_head(&em->em_orphans, &o->o_link);
		set_head(em, o->o_ino);
		ip->i_orphan = o;
	}
	mutex_exit(&em->em_orphan_lock);
	if (error == 0)
		return 0;
fail_free:
	kmem_free(o, sizeof(*o));
	return error;
}

void
ext2fs_orphan_remove(struct ext2fs_tx *tx, struct ext2fs_inode *ip)
{
	struct ext2fs_mount *em = tx->tx_mount;
	struct ext2fs_orphan *o = ip->i_orphan;
	struct list *prev, *next;

	if (o == NULL)
		return;
	mutex_enter(&em->em_orphan_lock);
	prev = o->o_link.l_prev;
	next = o->o_link.l_next;
	if (prev == &em->em_orphans)
		set_head(em, ino_of(em, next));
	else
		(void)set_next(tx, ino_of(em, prev), ino_of(em, next));
	(void)set_next(tx, o->o_ino, 0);
	list_remove(&o->o_link);
	mutex_exit(&em->em_orphan_lock);
	ip->i_orphan = NULL;
	kmem_free(o, sizeof(*o));
}

/* ---- At mount --------------------------------------------------------- */

static int
get_next(struct ext2fs_mount *em, uint32_t ino, uint32_t *nextp)
{
	struct buf *bp;
	uint64_t blk;
	uint32_t off;
	int error;

	if (ino < em->em_first_ino ||
	    ext2fs_inode_where(em, ino, &blk, &off) != 0)
		return ext2fs_corrupt(em, "orphans: inode %u", ino);
	error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	*nextp = le32dec((const uint8_t *)bp->b_data + off + DI_DTIME);
	brelse(bp);
	return 0;
}

/* A file with links was being cut; one without is freed by its inactive. */
static int
process(struct ext2fs_mount *em, uint32_t ino)
{
	struct ext2fs_tx tx;
	struct ext2fs_inode *ip;
	struct vnode *vp;
	int error;

	error = vcache_get(em->em_mount, ino, &vp);
	if (error != 0)
		return error;
	ip = VTOI(vp);
	vnode_lock(vp, RW_WRITER);
	if (ip->i_links > 0 && (error = ext2fs_tx_begin(em, &tx)) == 0) {
		if (vp->v_type == VREG)
			error = ext2fs_setsize(&tx, ip, i_size_get(ip));
		if (error == 0)
			error = set_next(&tx, ino, 0);
		ext2fs_tx_end(&tx);
	}
	vnode_unlock(vp);
	vnode_rele(vp);
	return error;
}

int
ext2fs_orphans_process(struct ext2fs_mount *em)
{
	uint32_t ino, next = 0, n;
	int error = 0;

	ino = le32dec(em->em_sb + SB_LAST_ORPHAN);
	if (ino == 0)
		return 0;
	em->em_orphaned = true;
	for (n = 0; ino != 0 && error == 0; n++, ino = next) {
		if (n > em->em_inodes) {
			error = ext2fs_corrupt(em, "orphans: endless list");
			break;
		}
		error = get_next(em, ino, &next);
		if (error == 0)
			error = process(em, ino);
		if (error == ENOENT)
			error = ext2fs_corrupt(em, "orphans: inode %u is free",
			    ino);
		if (error == 0)
			set_head(em, next);
	}
	em->em_orphaned = false;
	if (n > 0)
		klog(LOG_INFO, "ext2fs: %s: %u orphans freed", em->em_name, n);
	return error;
}
