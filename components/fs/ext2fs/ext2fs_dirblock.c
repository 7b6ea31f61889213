/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One block of a directory: entries that follow each other without a gap, and
 * behind them, with metadata_csum, a tail that holds the checksum.
 */
#include "ext2fs.h"

uint32_t
ext2fs_dirblock_room(const struct ext2fs_mount *em)
{
	return em->em_bsize - (em->em_metacsum ? DE_TAIL_SIZE : 0);
}

/* A length of 65536 does not fit its 16 bits. */
uint32_t
ext2fs_dirblock_reclen(const struct ext2fs_mount *em, const uint8_t *de)
{
	uint32_t len = le16dec(de + DE_REC_LEN);

	if (em->em_bsize == 65536 && (len == 0 || len == 65535))
		return 65536;
	return len;
}

void
ext2fs_dirblock_set_reclen(const struct ext2fs_mount *em, uint8_t *de,
    uint32_t len)
{
	(void)em;
	le16enc(de + DE_REC_LEN, (uint16_t)(len == 65536 ? 65535 : len));
}

static uint32_t
tail_csum(const struct ext2fs_mount *em, const struct ext2fs_inode *dip,
    const uint8_t *data)
{
	return ext2fs_crc32c(dip->i_seed, data, em->em_bsize - DE_TAIL_SIZE);
}

static void
tail_init(const struct ext2fs_mount *em, uint8_t *data)
{
	uint8_t *t = data + em->em_bsize - DE_TAIL_SIZE;

	if (!em->em_metacsum)
		return;
	memset(t, 0, DE_TAIL_SIZE);
	le16enc(t + DE_REC_LEN, DE_TAIL_SIZE);
	t[DE_FILE_TYPE] = DE_TAIL_TYPE;
}

void
ext2fs_dirblock_csum_set(struct ext2fs_inode *dip, uint8_t *data)
{
	struct ext2fs_mount *em = ITOM(dip);

	if (em->em_metacsum)
		le32enc(data + em->em_bsize - DE_TAIL_SIZE + DE_TAIL_CSUM,
		    tail_csum(em, dip, data));
}

/* ---- Checks ----------------------------------------------------------- */

static int
block_bad(struct ext2fs_mount *em, struct ext2fs_inode *dip, uint64_t blk,
    const char *what)
{
	return ext2fs_corrupt(em, "directory %u, block %llu: %s", I_INO(dip),
	    (unsigned long long)blk, what);
}

static int
check_tail(struct ext2fs_mount *em, struct ext2fs_inode *dip, uint64_t blk,
    const uint8_t *data)
{
	const uint8_t *t = data + em->em_bsize - DE_TAIL_SIZE;

	if (le32dec(t + DE_INODE) != 0 ||
	    le16dec(t + DE_REC_LEN) != DE_TAIL_SIZE ||
	    t[DE_NAME_LEN] != 0 || t[DE_FILE_TYPE] != DE_TAIL_TYPE)
		return block_bad(em, dip, blk, "no checksum");
	if (le32dec(t + DE_TAIL_CSUM) != tail_csum(em, dip, data))
		return block_bad(em, dip, blk, "wrong checksum");
	return 0;
}

/*
 * To who does not know indexes, a block of one looks like a block whose last
 * entry, which is free or "..", reaches to the end.
 */
static bool
is_index(const struct ext2fs_mount *em, const struct ext2fs_inode *dip,
    const uint8_t *data)
{
	uint32_t len = ext2fs_dirblock_reclen(em, data);

	if ((dip->i_flags & EXT2_INDEX_FL) == 0)
		return false;
	if (le32dec(data + DE_INODE) == 0)
		return len == em->em_bsize;
	return len == DE_LEN(1) &&
	    ext2fs_dirblock_reclen(em, data + len) == em->em_bsize - len;
}

int
ext2fs_dirblock_check(struct ext2fs_mount *em, struct ext2fs_inode *dip,
    uint64_t blk, const uint8_t *data)
{
	uint32_t room = ext2fs_dirblock_room(em), off, len, nlen;
	const uint8_t *de;
	int error;

	if (is_index(em, dip, data))
		room = em->em_bsize;
	else if (em->em_metacsum &&
	    (error = check_tail(em, dip, blk, data)) != 0)
		return error;
	for (off = 0; off < room; off += len) {
		de = data + off;
		if (room - off < DE_LEN(1))
			return block_bad(em, dip, blk, "entry at its end");
		len = ext2fs_dirblock_reclen(em, de);
		if (len < DE_LEN(1) || len % 4 != 0 || len > room - off)
			return block_bad(em, dip, blk, "length of an entry");
		if (le32dec(de + DE_INODE) == 0)
			continue;
		nlen = de[DE_NAME_LEN];
		if (nlen == 0 || DE_LEN(nlen) > len)
			return block_bad(em, dip, blk, "length of a name");
		if (le32dec(de + DE_INODE) > em->em_inodes)
			return block_bad(em, dip, blk, "inode number");
		if (memchr(de + DE_NAME, '/', nlen) != NULL ||
		    memchr(de + DE_NAME, 0, nlen) != NULL)
			return block_bad(em, dip, blk, "impossible name");
	}
	return 0;
}

/* ---- Entries ---------------------------------------------------------- */

bool
ext2fs_dirblock_find(const struct ext2fs_mount *em, const uint8_t *data,
    const char *name, size_t len, uint32_t *offp)
{
	uint32_t room = ext2fs_dirblock_room(em), off;
	const uint8_t *de;

	for (off = 0; off < room; off += ext2fs_dirblock_reclen(em, de)) {
		de = data + off;
		if (de[DE_NAME_LEN] == len && le32dec(de + DE_INODE) != 0 &&
		    memcmp(de + DE_NAME, name, len) == 0) {
			*offp = off;
			return true;
		}
	}
	return false;
}

static void
entry_write(const struct ext2fs_mount *em, uint8_t *de, const char *name,
    size_t len, uint32_t ino, uint8_t type)
{
	le32enc(de + DE_INODE, ino);
	de[DE_NAME_LEN] = (uint8_t)len;
	de[DE_FILE_TYPE] = (em->em_incompat & EXT2_INCOMPAT_FILETYPE) != 0 ?
	    type : 0;
	memcpy(de + DE_NAME, name, len);
	memset(de + DE_NAME + len, 0, DE_LEN(len) - DE_NAME - len);
}

bool
ext2fs_dirblock_insert(const struct ext2fs_mount *em, uint8_t *data,
    const char *name, size_t len, uint32_t ino, uint8_t type)
{
	uint32_t room = ext2fs_dirblock_room(em), off, rec, used;
	uint32_t need = DE_LEN((uint32_t)len);
	uint8_t *de;

	for (off = 0; off < room; off += rec) {
		de = data + off;
		rec = ext2fs_dirblock_reclen(em, de);
		used = le32dec(de + DE_INODE) != 0 ?
		    DE_LEN((uint32_t)de[DE_NAME_LEN]) : 0;
		if (rec < used + need)
			continue;
		if (used != 0) {
			ext2fs_dirblock_set_reclen(em, de, used);
			de += used;
			ext2fs_dirblock_set_reclen(em, de, rec - used);
		}
		entry_write(em, de, name, len, ino, type);
		return true;
	}
	return false;
}

/* Its room goes to the entry before; the first one of a block stays, free. */
void
ext2fs_dirblock_remove(const struct ext2fs_mount *em, uint8_t *data,
    uint32_t off)
{
	uint32_t at = 0, rec, len;

	len = ext2fs_dirblock_reclen(em, data + off);
	if (off == 0) {
		le32enc(data + DE_INODE, 0);
		memset(data + DE_NAME_LEN, 0, len - DE_NAME_LEN);
		return;
	}
	while (at + (rec = ext2fs_dirblock_reclen(em, data + at)) < off)
		at += rec;
	ext2fs_dirblock_set_reclen(em, data + at, rec + len);
	memset(data + off, 0, len);
}

void
ext2fs_dirblock_init(const struct ext2fs_mount *em, uint8_t *data)
{
	memset(data, 0, em->em_bsize);
	ext2fs_dirblock_set_reclen(em, data, ext2fs_dirblock_room(em));
	tail_init(em, data);
}

void
ext2fs_dirblock_init_dots(const struct ext2fs_mount *em, uint8_t *data,
    uint32_t self, uint32_t parent)
{
	ext2fs_dirblock_init(em, data);
	ext2fs_dirblock_set_reclen(em, data, DE_LEN(1));
	entry_write(em, data, ".", 1, self, EXT2_FT_DIR);
	data += DE_LEN(1);
	ext2fs_dirblock_set_reclen(em, data,
	    ext2fs_dirblock_room(em) - DE_LEN(1));
	entry_write(em, data, "..", 2, parent, EXT2_FT_DIR);
}

/* ---- Types ------------------------------------------------------------ */

static const uint8_t ft_of_vtype[] = {
	[VNON] = EXT2_FT_UNKNOWN, [VREG] = EXT2_FT_REG, [VDIR] = EXT2_FT_DIR,
	[VLNK] = EXT2_FT_LNK, [VCHR] = EXT2_FT_CHR, [VBLK] = EXT2_FT_BLK,
	[VFIFO] = EXT2_FT_FIFO, [VSOCK] = EXT2_FT_SOCK,
};

uint8_t
ext2fs_ft_of_mode(mode_t mode)
{
	return ft_of_vtype[vtype_of_mode(mode)];
}

/* The UAPI's DT_*: the type bits of a mode. */
uint8_t
ext2fs_dtype_of_ft(uint8_t ft)
{
	unsigned t;

	for (t = 1; t < nitems(ft_of_vtype); t++)
		if (ft_of_vtype[t] == ft)
			return (uint8_t)(mode_of_vtype(t) >> 12);
	return 0;
}
