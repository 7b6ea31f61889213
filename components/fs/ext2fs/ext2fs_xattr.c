/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: behind the fields of a large inode, and in one block.
 * A value is put into the inode if it fits there.
 */
#include "ext2fs_xattr.h"
#include <kern/uio.h>

static const struct {
	uint8_t index;
	const char *prefix;		/* "x.": names go on; else whole */
} prefixes[] = {
	{ 1, "user." },
	{ 2, "system.posix_acl_access" },
	{ 3, "system.posix_acl_default" },
	{ 4, "trusted." },
	{ 6, "security." },
	{ 7, "system." },
};

static bool
is_acl(const struct ext2fs_xaname *xn)
{
	return xn->xn_index == 2 || xn->xn_index == 3;
}

static int
name_parse(const char *name, struct ext2fs_xaname *xn)
{
	size_t i, len, n;

	for (i = 0; i < nitems(prefixes); i++) {
		len = strlen(prefixes[i].prefix);
		if (strncmp(name, prefixes[i].prefix, len) != 0)
			continue;
		n = strlen(name + len);
		if (prefixes[i].prefix[len - 1] == '.') {
			if (n == 0)
				return EINVAL;
		} else if (n > 0)
			continue;
		if (n > 255)
			return ERANGE;
		xn->xn_index = prefixes[i].index;
		xn->xn_len = (uint8_t)n;
		xn->xn_name = name + len;
		return 0;
	}
	return EOPNOTSUPP;
}

/** Both places' attributes, copied, each with room to build it anew. */
struct both {
	uint8_t *bo_mem;
	size_t bo_size;
	struct ext2fs_xalist bo_inode, bo_block;	/* xa_first NULL: none */
	struct ext2fs_xalist bo_newinode, bo_newblock;
	uint32_t bo_off;		/* of the inode's list in the inode */
};

static int
read_inode_list(struct ext2fs_inode *ip, struct both *bo)
{
	struct ext2fs_mount *em = ITOM(ip);
	uint32_t start = DI_SIZE128 + ip->i_extra * 4u, off, magic;
	struct ext2fs_xalist *xa = &bo->bo_inode;
	struct buf *bp;
	uint64_t blk;
	uint8_t *p = bo->bo_mem;
	int error;

	bo->bo_off = start;
	if (ip->i_extra == 0 || start + 4 + XAE_SIZE + 4 > em->em_isize)
		return 0;
	error = ext2fs_inode_where(em, I_INO(ip), &blk, &off);
	if (error == 0)
		error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	memcpy(p, (uint8_t *)bp->b_data + off, em->em_isize);
	brelse(bp);
	bo->bo_newinode.xa_base = bo->bo_newinode.xa_first =
	    p + em->em_isize + start + 4;
	bo->bo_newinode.xa_end = p + 2 * em->em_isize;
	magic = le32dec(p + start);
	if (magic != XA_MAGIC ||
	    (atomic_load(&ip->i_state) & IS_NEW) != 0)
		return 0;
	xa->xa_base = xa->xa_first = p + start + 4;
	xa->xa_end = p + em->em_isize;
	if (!ext2fs_xalist_valid(xa))
		return ext2fs_corrupt(em, "inode %u: attributes out of it",
		    I_INO(ip));
	return 0;
}

static int
both_read(struct ext2fs_inode *ip, struct both *bo)
{
	struct ext2fs_mount *em = ITOM(ip);
	uint8_t *p;
	int error;

	memset(bo, 0, sizeof(*bo));
	bo->bo_size = 2 * ((size_t)em->em_isize + em->em_bsize);
	bo->bo_mem = kmem_alloc(bo->bo_size, 0);
	if (bo->bo_mem == NULL)
		return ENOMEM;
	error = read_inode_list(ip, bo);
	p = bo->bo_mem + 2 * em->em_isize;
	bo->bo_newblock = (struct ext2fs_xalist){ p + em->em_bsize + XAB_SIZE,
	    p + em->em_bsize, p + 2 * em->em_bsize };
	memset(bo->bo_newblock.xa_base, 0, XAB_SIZE);
	if (error == 0 && ip->i_xablock != 0) {
		error = ext2fs_xablock_read(ip, p);
		bo->bo_block = (struct ext2fs_xalist){ p + XAB_SIZE, p,
		    p + em->em_bsize };
	}
	if (error != 0)
		kmem_free(bo->bo_mem, bo->bo_size);
	return error;
}

static void
both_free(struct both *bo)
{
	kmem_free(bo->bo_mem, bo->bo_size);
}

static uint8_t *
both_find(const struct both *bo, const struct ext2fs_xaname *xn,
    uint8_t **basep)
{
	const struct ext2fs_xalist *const xa[2] =
	    { &bo->bo_inode, &bo->bo_block };
	uint8_t *e;
	int i;

	for (i = 0; i < 2; i++) {
		if (xa[i]->xa_first == NULL ||
		    (e = ext2fs_xalist_find(xa[i], xn)) == NULL)
			continue;
		*basep = xa[i]->xa_base;
		return e;
	}
	return NULL;
}

/* ---- Reading ---------------------------------------------------------- */

static int
give(struct uio *uio, const uint8_t *val, size_t len, size_t *sizep)
{
	*sizep = len;
	if (uio == NULL)
		return 0;
	if (uio->uio_resid < len)
		return ERANGE;
	return uiomove((void *)(uintptr_t)val, len, uio);
}

static int
give_acl(struct ext2fs_inode *ip, struct uio *uio, const uint8_t *val,
    size_t len, size_t *sizep)
{
	size_t max = 2 * len + 8, outlen;
	uint8_t *out = kmem_alloc(max, 0);
	int error;

	if (out == NULL)
		return ENOMEM;
	error = ext2fs_acl_from_disk(val, len, out, &outlen);
	if (error != 0)
		error = ext2fs_corrupt(ITOM(ip), "inode %u: access control "
		    "list", I_INO(ip));
	else
		error = give(uio, out, outlen, sizep);
	kmem_free(out, max);
	return error;
}

int
ext2fs_getxattr(struct vnode *vp, const char *name, struct uio *uio,
    size_t *sizep)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_xaname xn;
	struct both bo;
	uint8_t *e, *base;
	int error;

	if ((error = name_parse(name, &xn)) != 0)
		return error;
	if (ip->i_xablock == 0 && ITOM(ip)->em_isize == DI_SIZE128)
		return ENODATA;
	if ((error = both_read(ip, &bo)) != 0)
		return error;
	e = both_find(&bo, &xn, &base);
	if (e == NULL)
		error = ENODATA;
	else if (is_acl(&xn))
		error = give_acl(ip, uio, base + le16dec(e + XAE_VALUE_OFFS),
		    le32dec(e + XAE_VALUE_SIZE), sizep);
	else
		error = give(uio, base + le16dec(e + XAE_VALUE_OFFS),
		    le32dec(e + XAE_VALUE_SIZE), sizep);
	both_free(&bo);
	return error;
}

static const char *
prefix_of(uint8_t index)
{
	size_t i;

	for (i = 0; i < nitems(prefixes); i++)
		if (prefixes[i].index == index)
			return prefixes[i].prefix;
	return NULL;
}

static int
list_one(const struct ext2fs_xalist *xa, struct uio *uio, size_t *sizep)
{
	const uint8_t *e;
	const char *prefix;
	size_t plen, nlen;
	int error = 0;

	if (xa->xa_first == NULL)
		return 0;
	for (e = xa->xa_first; le32dec(e) != 0 && error == 0;
	    e += xae_size(e)) {
		prefix = prefix_of(e[XAE_NAME_INDEX]);
		if (prefix == NULL ||
		    (e[XAE_NAME_INDEX] == 4 && !cred_is_root(curcred())))
			continue;
		plen = strlen(prefix);
		nlen = e[XAE_NAME_LEN];
		*sizep += plen + nlen + 1;
		if (uio == NULL)
			continue;
		if (uio->uio_resid < plen + nlen + 1)
			return ERANGE;
		error = uiomove((void *)(uintptr_t)prefix, plen, uio);
		if (error == 0)
			error = uiomove((void *)(uintptr_t)(e + XAE_SIZE),
			    nlen, uio);
		if (error == 0)
			error = uiomove_zero(1, uio);
	}
	return error;
}

int
ext2fs_listxattr(struct vnode *vp, struct uio *uio, size_t *sizep)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct both bo;
	int error;

	*sizep = 0;
	if ((error = both_read(ip, &bo)) != 0)
		return error;
	error = list_one(&bo.bo_inode, uio, sizep);
	if (error == 0)
		error = list_one(&bo.bo_block, uio, sizep);
	both_free(&bo);
	return error;
}

/* ---- Changing --------------------------------------------------------- */

static int
write_inode_list(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct both *bo)
{
	struct ext2fs_mount *em = tx->tx_mount;
	const struct ext2fs_xalist *xa = &bo->bo_newinode;
	struct buf *bp;
	uint64_t blk;
	uint32_t off;
	uint8_t *di;
	int error;

	error = ext2fs_inode_where(em, I_INO(ip), &blk, &off);
	if (error == 0)
		error = ext2fs_bread(em, NULL, blk, EK_SYSTEM, NULL, &bp);
	if (error != 0)
		return error;
	ext2fs_bwant(tx, bp);
	di = (uint8_t *)bp->b_data + off;
	le32enc(di + bo->bo_off, ext2fs_xalist_empty(xa) ? 0 : XA_MAGIC);
	memcpy(di + bo->bo_off + 4, xa->xa_first,
	    (size_t)(xa->xa_end - xa->xa_first));
	ext2fs_inode_csum_set(em, I_INO(ip), di);
	ext2fs_bdirty(tx, bp);
	return 0;
}

/*
 * Build both lists with the name's new value in one of them (val NULL: in
 * none). *inodep, *blockp: that one changed.
 */
static int
rebuild(struct both *bo, const struct ext2fs_xaname *xn, const void *val,
    size_t len, bool *inodep, bool *blockp)
{
	bool in = bo->bo_newinode.xa_first != NULL;
	int error = ENOSPC;

	*inodep = in;
	if (in && val != NULL)
		error = ext2fs_xalist_build(&bo->bo_inode, &bo->bo_newinode,
		    xn, val, len);
	if (error == 0)
		val = NULL;
	else if (error != ENOSPC)
		return error;
	else if (in && (error = ext2fs_xalist_build(&bo->bo_inode,
	    &bo->bo_newinode, xn, NULL, 0)) != 0)
		return error;
	*blockp = val != NULL || (bo->bo_block.xa_first != NULL &&
	    ext2fs_xalist_find(&bo->bo_block, xn) != NULL);
	if (!*blockp)
		return 0;
	return ext2fs_xalist_build(&bo->bo_block, &bo->bo_newblock, xn, val,
	    len);
}

static int
set(struct ext2fs_tx *tx, struct ext2fs_inode *ip,
    const struct ext2fs_xaname *xn, const void *val, size_t len, int flags)
{
	bool inode_changed, block_changed;
	struct both bo;
	uint8_t *e, *base;
	int error;

	/* Its place in the table must be its own. */
	if ((error = ext2fs_inode_flush(tx, ip)) != 0 ||
	    (error = both_read(ip, &bo)) != 0)
		return error;
	e = both_find(&bo, xn, &base);
	if (e != NULL && (flags & 1) != 0)		/* XATTR_CREATE */
		error = EEXIST;
	else if (e == NULL && ((flags & 2) != 0 || val == NULL))
		error = ENODATA;
	if (error == 0)
		error = rebuild(&bo, xn, val, len, &inode_changed,
		    &block_changed);
	if (error == 0 && block_changed)
		error = ext2fs_xablock_write(tx, ip,
		    ext2fs_xalist_empty(&bo.bo_newblock) ? NULL :
		    bo.bo_newblock.xa_base);
	if (error == 0 && inode_changed)
		error = write_inode_list(tx, ip, &bo);
	both_free(&bo);
	return error;
}

/* The first attribute of a file system is a feature of it. */
static void
note_feature(struct ext2fs_mount *em)
{
	uint32_t compat;

	mutex_enter(&em->em_lock);
	compat = le32dec(em->em_sb + SB_FEATURE_COMPAT);
	if ((compat & EXT2_COMPAT_EXT_ATTR) == 0) {
		le32enc(em->em_sb + SB_FEATURE_COMPAT,
		    compat | EXT2_COMPAT_EXT_ATTR);
		em->em_sb_dirty = true;
	}
	mutex_exit(&em->em_lock);
}

int
ext2fs_setxattr(struct vnode *vp, const char *name, const void *val,
    size_t len, int flags)
{
	struct ext2fs_inode *ip = VTOI(vp);
	struct ext2fs_mount *em = ITOM(ip);
	struct ext2fs_xaname xn;
	struct ext2fs_tx tx;
	size_t acllen = len + 8;
	uint8_t *acl = NULL;
	int error;

	if ((error = name_parse(name, &xn)) != 0)
		return error;
	if (len > em->em_bsize)
		return ENOSPC;
	if (val != NULL && is_acl(&xn)) {
		if ((acl = kmem_alloc(acllen, 0)) == NULL)
			return ENOMEM;
		error = ext2fs_acl_to_disk(val, len, acl, &len);
		val = acl;
	}
	if (error == 0 && (error = ext2fs_tx_begin(em, &tx)) == 0) {
		error = set(&tx, ip, &xn, val, len, flags);
		if (error == 0) {
			ext2fs_touch_ctime(ip);
			note_feature(em);
		}
		ext2fs_tx_end(&tx);
	}
	if (acl != NULL)
		kmem_free(acl, acllen);
	return error;
}
