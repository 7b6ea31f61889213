/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX ACLs: system calls carry entries of eight bytes each; the disk leaves
 * the id of those out that have none.
 */
#include "ext2fs.h"

#define ACL_SYS_VERSION		2
#define ACL_DISK_VERSION	1
#define ACL_HEADER		4
#define ACL_ENTRY		8
#define ACL_SHORT		4

#define ACL_USER_OBJ		0x01
#define ACL_USER		0x02
#define ACL_GROUP_OBJ		0x04
#define ACL_GROUP		0x08
#define ACL_MASK		0x10
#define ACL_OTHER		0x20

static bool
has_id(uint16_t tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

static bool
known(uint16_t tag)
{
	return has_id(tag) || tag == ACL_USER_OBJ || tag == ACL_GROUP_OBJ ||
	    tag == ACL_MASK || tag == ACL_OTHER;
}

int
ext2fs_acl_to_disk(const uint8_t *in, size_t len, uint8_t *out,
    size_t *outlenp)
{
	size_t n = ACL_HEADER, off;
	uint16_t tag;

	if (len < ACL_HEADER || (len - ACL_HEADER) % ACL_ENTRY != 0 ||
	    le32dec(in) != ACL_SYS_VERSION)
		return EINVAL;
	le32enc(out, ACL_DISK_VERSION);
	for (off = ACL_HEADER; off < len; off += ACL_ENTRY) {
		tag = le16dec(in + off);
		if (!known(tag) || (le16dec(in + off + 2) & ~7) != 0)
			return EINVAL;
		memcpy(out + n, in + off, has_id(tag) ? ACL_ENTRY : ACL_SHORT);
		n += has_id(tag) ? ACL_ENTRY : ACL_SHORT;
	}
	*outlenp = n;
	return 0;
}

int
ext2fs_acl_from_disk(const uint8_t *in, size_t len, uint8_t *out,
    size_t *outlenp)
{
	size_t n = ACL_HEADER, off = ACL_HEADER, size;
	uint16_t tag;

	if (len < ACL_HEADER || le32dec(in) != ACL_DISK_VERSION)
		return EINVAL;
	le32enc(out, ACL_SYS_VERSION);
	while (off < len) {
		if (len - off < ACL_SHORT)
			return EINVAL;
		tag = le16dec(in + off);
		size = has_id(tag) ? ACL_ENTRY : ACL_SHORT;
		if (!known(tag) || len - off < size)
			return EINVAL;
		le32enc(out + n + 4, UINT32_MAX);
		memcpy(out + n, in + off, size);
		n += ACL_ENTRY;
		off += size;
	}
	*outlenp = n;
	return 0;
}
