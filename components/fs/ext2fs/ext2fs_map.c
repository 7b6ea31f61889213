/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a file's blocks to the device's: extents or a block map, whichever the
 * inode has, and the run that was looked up last.
 */
#include "ext2fs.h"

void
ext2fs_map_uncache(struct ext2fs_inode *ip)
{
	spin_lock(&ip->i_ec_lock);
	ip->i_ec_len = 0;
	spin_unlock(&ip->i_ec_lock);
}

static bool
cached(struct ext2fs_inode *ip, uint64_t lblk, struct ext2fs_run *r)
{
	bool hit;

	spin_lock(&ip->i_ec_lock);
	hit = lblk >= ip->i_ec_lblk && lblk - ip->i_ec_lblk < ip->i_ec_len;
	if (hit) {
		r->r_lblk = lblk;
		r->r_len = ip->i_ec_len - (lblk - ip->i_ec_lblk);
		r->r_pblk = ip->i_ec_pblk + (lblk - ip->i_ec_lblk);
		r->r_unwritten = false;
	}
	spin_unlock(&ip->i_ec_lock);
	return hit;
}

static void
cache(struct ext2fs_inode *ip, const struct ext2fs_run *r)
{
	if (r->r_pblk == EXT2FS_NOBLOCK || r->r_unwritten)
		return;
	spin_lock(&ip->i_ec_lock);
	ip->i_ec_lblk = (uint32_t)r->r_lblk;
	ip->i_ec_len = (uint32_t)r->r_len;
	ip->i_ec_pblk = r->r_pblk;
	spin_unlock(&ip->i_ec_lock);
}

int
ext2fs_map_locked(struct ext2fs_inode *ip, uint64_t lblk, struct ext2fs_run *r)
{
	int error;

	if (lblk >= EXT2FS_MAX_LBLK)
		return EFBIG;
	if (cached(ip, lblk, r))
		return 0;
	error = i_has_extents(ip) ? ext2fs_extent_map(ip, lblk, r) :
	    ext2fs_indirect_map(ip, lblk, r);
	if (error == 0)
		cache(ip, r);
	return error;
}

int
ext2fs_map(struct ext2fs_inode *ip, uint64_t lblk, struct ext2fs_run *r)
{
	int error;

	rw_enter(&ip->i_map_lock, RW_READER);
	error = ext2fs_map_locked(ip, lblk, r);
	rw_exit(&ip->i_map_lock);
	return error;
}

/* A good place for lblk: behind the block before it. */
static uint64_t
map_goal(struct ext2fs_inode *ip, uint64_t lblk)
{
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_run r;

	if (lblk > 0 && ext2fs_map_locked(ip, lblk - 1, &r) == 0 &&
	    r.r_pblk != EXT2FS_NOBLOCK)
		return r.r_pblk + 1;
	return ext2fs_group_start(em, (I_INO(ip) - 1) / em->em_ipg);
}

int
ext2fs_map_alloc(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t lblk,
    uint64_t len, bool unwritten, unsigned how, struct ext2fs_run *r)
{
	struct vnode *vp = ip->i_vnode;
	uint64_t got, max;
	bool meta = vp->v_type != VREG;
	int error;

	max = unwritten ? EXT2_EXT_UNINIT_MAX : EXT2_EXT_INIT_MAX;
	error = ext2fs_balloc(tx, ip, map_goal(ip, lblk), MIN(len, max), how,
	    &r->r_pblk, &r->r_len);
	if (error != 0)
		return error;
	r->r_lblk = lblk;
	r->r_unwritten = unwritten;
	ext2fs_blocks_add(ip, (int64_t)r->r_len);
	got = r->r_len;
	ext2fs_map_uncache(ip);
	/* A block map may take fewer at a time. */
	error = i_has_extents(ip) ? ext2fs_extent_insert(tx, ip, r) :
	    ext2fs_indirect_insert(tx, ip, r);
	if (error != 0)
		r->r_len = 0;
	if (r->r_len < got) {
		ext2fs_bfree(tx, ip, r->r_pblk + r->r_len, got - r->r_len,
		    meta);
		ext2fs_blocks_add(ip, -(int64_t)(got - r->r_len));
	}
	ext2fs_inode_dirty(ip);
	return error;
}

int
ext2fs_map_free(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t lblk,
    uint64_t end)
{
	int error;

	ext2fs_map_uncache(ip);
	error = i_has_extents(ip) ? ext2fs_extent_remove(tx, ip, lblk, end) :
	    ext2fs_indirect_remove(tx, ip, lblk, end);
	ext2fs_inode_dirty(ip);
	return error;
}

int
ext2fs_map_block(struct ext2fs_tx *tx, struct ext2fs_inode *ip, uint64_t lblk,
    uint64_t *pblkp)
{
	struct ext2fs_run r;
	int error;

	rw_enter(&ip->i_map_lock, RW_WRITER);
	error = ext2fs_map_locked(ip, lblk, &r);
	if (error == 0 && r.r_pblk == EXT2FS_NOBLOCK)
		error = ext2fs_map_alloc(tx, ip, lblk, 1, false, BA_META, &r);
	rw_exit(&ip->i_map_lock);
	if (error == 0)
		*pblkp = r.r_pblk;
	return error;
}
