/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of extended attributes in memory: checking, finding, building.
 */
#include "ext2fs_xattr.h"

/* Four zero bytes instead of an entry. */
static bool
is_last(const uint8_t *e)
{
	return le32dec(e) == 0;
}

static bool
value_inside(const struct ext2fs_xalist *xa, const uint8_t *e,
    const uint8_t *entries_end)
{
	size_t room = (size_t)(xa->xa_end - xa->xa_base);
	size_t off = le16dec(e + XAE_VALUE_OFFS);
	size_t len = le32dec(e + XAE_VALUE_SIZE);

	if (le32dec(e + XAE_VALUE_INUM) != 0)
		return false;
	if (len == 0)
		return true;
	return off <= room && len <= room - off &&
	    xa->xa_base + off >= entries_end;
}

bool
ext2fs_xalist_valid(const struct ext2fs_xalist *xa)
{
	const uint8_t *e = xa->xa_first, *end;

	for (;;) {
		if (xa->xa_end - e < 4)
			return false;
		if (is_last(e))
			break;
		if (xa->xa_end - e < XAE_SIZE ||
		    (size_t)(xa->xa_end - e) < xae_size(e))
			return false;
		if (memchr(e + XAE_SIZE, 0, e[XAE_NAME_LEN]) != NULL)
			return false;
		e += xae_size(e);
	}
	end = e + 4;
	for (e = xa->xa_first; !is_last(e); e += xae_size(e))
		if (!value_inside(xa, e, end))
			return false;
	return true;
}

/* The order of entries in a block. */
static int
compare(const uint8_t *e, const struct ext2fs_xaname *xn)
{
	if (e[XAE_NAME_INDEX] != xn->xn_index)
		return e[XAE_NAME_INDEX] - xn->xn_index;
	if (e[XAE_NAME_LEN] != xn->xn_len)
		return e[XAE_NAME_LEN] - xn->xn_len;
	return memcmp(e + XAE_SIZE, xn->xn_name, xn->xn_len);
}

uint8_t *
ext2fs_xalist_find(const struct ext2fs_xalist *xa,
    const struct ext2fs_xaname *xn)
{
	uint8_t *e;

	for (e = xa->xa_first; !is_last(e); e += xae_size(e))
		if (compare(e, xn) == 0)
			return e;
	return NULL;
}

static uint32_t
entry_hash(const uint8_t *name, size_t nlen, const uint8_t *val, size_t len)
{
	uint32_t hash = 0;
	uint8_t last[4] = { 0, 0, 0, 0 };
	size_t i;

	for (i = 0; i < nlen; i++)
		hash = (hash << 5) ^ (hash >> 27) ^ name[i];
	for (i = 0; i + 4 <= len; i += 4)
		hash = (hash << 16) ^ (hash >> 16) ^ le32dec(val + i);
	if (i < len) {
		memcpy(last, val + i, len - i);
		hash = (hash << 16) ^ (hash >> 16) ^ le32dec(last);
	}
	return hash;
}

/** Where the next entry and the last value of a list being built are. */
struct builder {
	uint8_t *b_entry, *b_value;
	const struct ext2fs_xalist *b_list;
};

static int
put(struct builder *b, uint8_t index, const void *name, size_t nlen,
    const void *val, size_t len)
{
	size_t esize = XAE_SIZE + ((nlen + 3) & ~(size_t)3);
	size_t vsize = (len + 3) & ~(size_t)3;
	uint8_t *e = b->b_entry;

	if ((size_t)(b->b_value - e) < esize + 4 ||
	    (size_t)(b->b_value - e) - esize - 4 < vsize)
		return ENOSPC;
	b->b_value -= vsize;
	e[XAE_NAME_LEN] = (uint8_t)nlen;
	e[XAE_NAME_INDEX] = index;
	le16enc(e + XAE_VALUE_OFFS, len == 0 ? 0 :
	    (uint16_t)(b->b_value - b->b_list->xa_base));
	le32enc(e + XAE_VALUE_INUM, 0);
	le32enc(e + XAE_VALUE_SIZE, (uint32_t)len);
	memcpy(e + XAE_SIZE, name, nlen);
	memcpy(b->b_value, val, len);
	le32enc(e + XAE_HASH, entry_hash(e + XAE_SIZE, nlen, b->b_value, len));
	b->b_entry += esize;
	return 0;
}

int
ext2fs_xalist_build(const struct ext2fs_xalist *src,
    const struct ext2fs_xalist *dst, const struct ext2fs_xaname *xn,
    const void *val, size_t len)
{
	struct builder b = { dst->xa_first, dst->xa_end, dst };
	const uint8_t *e = src->xa_first;
	int cmp, error = 0;

	b.b_value -= (dst->xa_end - dst->xa_base) % 4;
	memset(dst->xa_first, 0, (size_t)(dst->xa_end - dst->xa_first));
	for (; e != NULL && !is_last(e) && error == 0; e += xae_size(e)) {
		cmp = compare(e, xn);
		if (val != NULL && cmp >= 0) {
			error = put(&b, xn->xn_index, xn->xn_name, xn->xn_len,
			    val, len);
			val = NULL;
			if (error != 0)
				break;
		}
		if (cmp != 0)
			error = put(&b, e[XAE_NAME_INDEX], e + XAE_SIZE,
			    e[XAE_NAME_LEN],
			    src->xa_base + le16dec(e + XAE_VALUE_OFFS),
			    le32dec(e + XAE_VALUE_SIZE));
	}
	if (error == 0 && val != NULL)
		error = put(&b, xn->xn_index, xn->xn_name, xn->xn_len, val,
		    len);
	return error;
}
