/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The on-disk format of ext2, ext3, ext4 and of the journal (JBD2): places of
 * fields, in bytes from the start of their structure, and constants. All
 * numbers are little-endian, but for the journal's, which are big-endian.
 */
#ifndef EXT2FS_DISK_H
#define EXT2FS_DISK_H

/* ---- Super block: 1024 bytes at byte 1024 ----------------------------- */

#define EXT2_SB_OFFSET		1024
#define EXT2_SB_SIZE		1024
#define EXT2_MAGIC		0xef53

#define SB_INODES_COUNT		0x00
#define SB_BLOCKS_COUNT_LO	0x04
#define SB_R_BLOCKS_COUNT_LO	0x08
#define SB_FREE_BLOCKS_LO	0x0c
#define SB_FREE_INODES		0x10
#define SB_FIRST_DATA_BLOCK	0x14
#define SB_LOG_BLOCK_SIZE	0x18
#define SB_LOG_CLUSTER_SIZE	0x1c
#define SB_BLOCKS_PER_GROUP	0x20
#define SB_CLUSTERS_PER_GROUP	0x24
#define SB_INODES_PER_GROUP	0x28
#define SB_MTIME		0x2c
#define SB_WTIME		0x30
#define SB_MNT_COUNT		0x34	/* 16 */
#define SB_MAGIC		0x38	/* 16 */
#define SB_STATE		0x3a	/* 16 */
#define SB_ERRORS		0x3c	/* 16 */
#define SB_REV_LEVEL		0x4c
#define SB_DEF_RESUID		0x50	/* 16 */
#define SB_DEF_RESGID		0x52	/* 16 */
#define SB_FIRST_INO		0x54
#define SB_INODE_SIZE		0x58	/* 16 */
#define SB_FEATURE_COMPAT	0x5c
#define SB_FEATURE_INCOMPAT	0x60
#define SB_FEATURE_RO_COMPAT	0x64
#define SB_UUID			0x68	/* 16 bytes */
#define SB_VOLUME_NAME		0x78	/* 16 bytes */
#define SB_LAST_MOUNTED		0x88	/* 64 bytes */
#define SB_RESERVED_GDT_BLOCKS	0xce	/* 16 */
#define SB_JOURNAL_UUID		0xd0
#define SB_JOURNAL_INUM		0xe0
#define SB_JOURNAL_DEV		0xe4
#define SB_LAST_ORPHAN		0xe8
#define SB_HASH_SEED		0xec	/* 4 x 32 */
#define SB_DEF_HASH_VERSION	0xfc	/* 8 */
#define SB_DESC_SIZE		0xfe	/* 16 */
#define SB_DEFAULT_MOUNT_OPTS	0x100
#define SB_FIRST_META_BG	0x104
#define SB_BLOCKS_COUNT_HI	0x150
#define SB_R_BLOCKS_COUNT_HI	0x154
#define SB_FREE_BLOCKS_HI	0x158
#define SB_MIN_EXTRA_ISIZE	0x15c	/* 16 */
#define SB_WANT_EXTRA_ISIZE	0x15e	/* 16 */
#define SB_FLAGS		0x160
#define SB_LOG_GROUPS_PER_FLEX	0x174	/* 8 */
#define SB_CHECKSUM_TYPE	0x175	/* 8 */
#define SB_KBYTES_WRITTEN	0x178	/* 64 */
#define SB_ERROR_COUNT		0x194
#define SB_FIRST_ERROR_TIME	0x198
#define SB_LAST_ERROR_TIME	0x1cc
#define SB_OVERHEAD		0x248
#define SB_BACKUP_BGS		0x24c	/* 2 x 32 */
#define SB_CHECKSUM_SEED	0x270
#define SB_ORPHAN_FILE_INUM	0x280
#define SB_CHECKSUM		0x3fc

#define EXT2_STATE_VALID	0x0001
#define EXT2_STATE_ERROR	0x0002

#define EXT2_SBF_SIGNED_HASH	0x0001
#define EXT2_SBF_UNSIGNED_HASH	0x0002

#define EXT2_CHKSUM_CRC32C	1

#define EXT2_COMPAT_HAS_JOURNAL	0x0004
#define EXT2_COMPAT_EXT_ATTR	0x0008
#define EXT2_COMPAT_RESIZE_INO	0x0010
#define EXT2_COMPAT_DIR_INDEX	0x0020
#define EXT2_COMPAT_SPARSE2	0x0200
#define EXT2_COMPAT_ORPHAN_FILE	0x1000

#define EXT2_INCOMPAT_FILETYPE	0x00002
#define EXT2_INCOMPAT_RECOVER	0x00004
#define EXT2_INCOMPAT_JOURNAL_DEV 0x00008
#define EXT2_INCOMPAT_META_BG	0x00010
#define EXT2_INCOMPAT_EXTENTS	0x00040
#define EXT2_INCOMPAT_64BIT	0x00080
#define EXT2_INCOMPAT_FLEX_BG	0x00200
#define EXT2_INCOMPAT_CSUM_SEED	0x02000

#define EXT2_RO_SPARSE_SUPER	0x00001
#define EXT2_RO_LARGE_FILE	0x00002
#define EXT2_RO_BTREE_DIR	0x00004
#define EXT2_RO_HUGE_FILE	0x00008
#define EXT2_RO_GDT_CSUM	0x00010
#define EXT2_RO_DIR_NLINK	0x00020
#define EXT2_RO_EXTRA_ISIZE	0x00040
#define EXT2_RO_BIGALLOC	0x00200
#define EXT2_RO_METADATA_CSUM	0x00400
#define EXT2_RO_READONLY	0x01000
#define EXT2_RO_ORPHAN_PRESENT	0x10000

/* ---- Group descriptor: 32 bytes, or s_desc_size with 64BIT ------------ */

#define GD_BLOCK_BITMAP_LO	0x00
#define GD_INODE_BITMAP_LO	0x04
#define GD_INODE_TABLE_LO	0x08
#define GD_FREE_BLOCKS_LO	0x0c	/* 16, as all below */
#define GD_FREE_INODES_LO	0x0e
#define GD_USED_DIRS_LO		0x10
#define GD_FLAGS		0x12
#define GD_BB_CSUM_LO		0x18
#define GD_IB_CSUM_LO		0x1a
#define GD_ITABLE_UNUSED_LO	0x1c
#define GD_CHECKSUM		0x1e
#define GD_SIZE			32
#define GD_BLOCK_BITMAP_HI	0x20
#define GD_INODE_BITMAP_HI	0x24
#define GD_INODE_TABLE_HI	0x28
#define GD_FREE_BLOCKS_HI	0x2c	/* 16, as all below */
#define GD_FREE_INODES_HI	0x2e
#define GD_USED_DIRS_HI		0x30
#define GD_ITABLE_UNUSED_HI	0x32
#define GD_BB_CSUM_HI		0x38
#define GD_IB_CSUM_HI		0x3a
#define GD_SIZE64		64

#define EXT2_BG_INODE_UNINIT	0x1
#define EXT2_BG_BLOCK_UNINIT	0x2
#define EXT2_BG_INODE_ZEROED	0x4

/* ---- Inode ------------------------------------------------------------ */

#define DI_MODE			0x00	/* 16 */
#define DI_UID_LO		0x02	/* 16 */
#define DI_SIZE_LO		0x04
#define DI_ATIME		0x08
#define DI_CTIME		0x0c
#define DI_MTIME		0x10
#define DI_DTIME		0x14
#define DI_GID_LO		0x18	/* 16 */
#define DI_LINKS		0x1a	/* 16 */
#define DI_BLOCKS_LO		0x1c
#define DI_FLAGS		0x20
#define DI_BLOCK		0x28	/* 60 bytes */
#define DI_GENERATION		0x64
#define DI_FILE_ACL_LO		0x68
#define DI_SIZE_HI		0x6c
#define DI_BLOCKS_HI		0x74	/* 16, as all up to CHECKSUM_HI */
#define DI_FILE_ACL_HI		0x76
#define DI_UID_HI		0x78
#define DI_GID_HI		0x7a
#define DI_CHECKSUM_LO		0x7c
#define DI_SIZE128		0x80
#define DI_EXTRA_ISIZE		0x80
#define DI_CHECKSUM_HI		0x82
#define DI_CTIME_EXTRA		0x84
#define DI_MTIME_EXTRA		0x88
#define DI_ATIME_EXTRA		0x8c
#define DI_CRTIME		0x90
#define DI_CRTIME_EXTRA		0x94

#define EXT2_N_BLOCKS		15
#define EXT2_NDIR_BLOCKS	12
#define EXT2_BLOCK_BYTES	60

#define EXT2_ROOT_INO		2
#define EXT2_RESIZE_INO		7
#define EXT2_JOURNAL_INO	8
#define EXT2_GOOD_OLD_FIRST_INO	11

#define EXT2_SYNC_FL		0x00000008
#define EXT2_IMMUTABLE_FL	0x00000010
#define EXT2_APPEND_FL		0x00000020
#define EXT2_NODUMP_FL		0x00000040
#define EXT2_NOATIME_FL		0x00000080
#define EXT2_ENCRYPT_FL		0x00000800
#define EXT2_INDEX_FL		0x00001000
#define EXT2_JOURNAL_DATA_FL	0x00004000
#define EXT2_DIRSYNC_FL		0x00010000
#define EXT2_TOPDIR_FL		0x00020000
#define EXT2_HUGE_FILE_FL	0x00040000
#define EXT2_EXTENTS_FL		0x00080000
#define EXT2_VERITY_FL		0x00100000
#define EXT2_EA_INODE_FL	0x00200000
#define EXT2_INLINE_DATA_FL	0x10000000
#define EXT2_PROJINHERIT_FL	0x20000000
#define EXT2_CASEFOLD_FL	0x40000000

/* What a new inode takes from its directory. */
#define EXT2_INHERITED_FL \
	(EXT2_SYNC_FL | EXT2_NODUMP_FL | EXT2_NOATIME_FL | \
	EXT2_JOURNAL_DATA_FL | EXT2_DIRSYNC_FL)

#define EXT2_LINK_MAX_OLD	32000
#define EXT2_LINK_MAX		65000

/* ---- Extents ---------------------------------------------------------- */

#define EH_MAGIC		0x00	/* 16, as all but the last */
#define EH_ENTRIES		0x02
#define EH_MAX			0x04
#define EH_DEPTH		0x06
#define EH_GENERATION		0x08
#define EH_SIZE			12
#define EE_BLOCK		0x00
#define EE_LEN			0x04	/* 16 */
#define EE_START_HI		0x06	/* 16 */
#define EE_START_LO		0x08
#define EI_BLOCK		0x00
#define EI_LEAF_LO		0x04
#define EI_LEAF_HI		0x08	/* 16 */
#define EE_SIZE			12	/* both kinds */
#define EXT2_EXT_MAGIC		0xf30a
#define EXT2_EXT_MAX_DEPTH	5
#define EXT2_EXT_INIT_MAX	32768	/* longer ones are unwritten */
#define EXT2_EXT_UNINIT_MAX	32767
#define EXT2_EXT_ROOT_MAX	4

/* ---- Directories ------------------------------------------------------ */

#define DE_INODE		0x00
#define DE_REC_LEN		0x04	/* 16 */
#define DE_NAME_LEN		0x06	/* 8 */
#define DE_FILE_TYPE		0x07	/* 8 */
#define DE_NAME			0x08
#define DE_TAIL_SIZE		12
#define DE_TAIL_CSUM		8
#define DE_TAIL_TYPE		0xde
#define DE_LEN(namelen)		(((namelen) + 8u + 3u) & ~3u)

enum {
	EXT2_FT_UNKNOWN, EXT2_FT_REG, EXT2_FT_DIR, EXT2_FT_CHR, EXT2_FT_BLK,
	EXT2_FT_FIFO, EXT2_FT_SOCK, EXT2_FT_LNK
};

/* The root of an index, behind "." and ".." of its block. */
#define DX_ROOT_INFO		0x18
#define DXI_HASH_VERSION	4	/* 8, as all */
#define DXI_INFO_LENGTH		5
#define DXI_LEVELS		6
#define DXI_FLAGS		7
#define DX_ROOT_ENTRIES		0x20
#define DX_NODE_ENTRIES		0x08
#define DX_ENTRY_SIZE		8
#define DX_TAIL_SIZE		8
#define DX_MAX_LEVELS		1	/* below the root, without LARGEDIR */

enum {
	DX_HASH_LEGACY, DX_HASH_HALF_MD4, DX_HASH_TEA,
	DX_HASH_LEGACY_U, DX_HASH_HALF_MD4_U, DX_HASH_TEA_U
};

/* ---- Extended attributes ---------------------------------------------- */

#define XA_MAGIC		0xea020000u
#define XAB_MAGIC		0x00
#define XAB_REFCOUNT		0x04
#define XAB_BLOCKS		0x08
#define XAB_HASH		0x0c
#define XAB_CHECKSUM		0x10
#define XAB_SIZE		32
#define XAE_NAME_LEN		0x00	/* 8 */
#define XAE_NAME_INDEX		0x01	/* 8 */
#define XAE_VALUE_OFFS		0x02	/* 16 */
#define XAE_VALUE_INUM		0x04
#define XAE_VALUE_SIZE		0x08
#define XAE_HASH		0x0c
#define XAE_SIZE		16
#define XA_REFCOUNT_MAX		1024

/* ---- Orphan file ------------------------------------------------------ */

#define EXT2_ORPHAN_BLOCK_MAGIC	0x0b10ca04u	/* 8 bytes tail: magic, csum */

/* ---- Journal ---------------------------------------------------------- */

#define JB_MAGIC		0xc03b3998u
#define JB_H_MAGIC		0x00
#define JB_H_TYPE		0x04
#define JB_H_SEQUENCE		0x08
#define JB_H_SIZE		12

enum {
	JB_DESCRIPTOR = 1, JB_COMMIT, JB_SUPER_V1, JB_SUPER_V2, JB_REVOKE
};

#define JS_BLOCKSIZE		0x0c
#define JS_MAXLEN		0x10
#define JS_FIRST		0x14
#define JS_SEQUENCE		0x18
#define JS_START		0x1c
#define JS_ERRNO		0x20
#define JS_FEATURE_COMPAT	0x24
#define JS_FEATURE_INCOMPAT	0x28
#define JS_FEATURE_RO_COMPAT	0x2c
#define JS_UUID			0x30
#define JS_CHECKSUM_TYPE	0x50	/* 8 */
#define JS_HEAD			0x58
#define JS_CHECKSUM		0xfc
#define JS_SIZE			1024

#define JB_COMPAT_CHECKSUM	0x1
#define JB_INCOMPAT_REVOKE	0x1
#define JB_INCOMPAT_64BIT	0x2
#define JB_INCOMPAT_ASYNC	0x4
#define JB_INCOMPAT_CSUM_V2	0x8
#define JB_INCOMPAT_CSUM_V3	0x10
#define JB_INCOMPAT_FAST	0x20

#define JT_ESCAPE		0x1
#define JT_SAME_UUID		0x2
#define JT_DELETED		0x4
#define JT_LAST			0x8

#define JC_CHKSUM_TYPE		0x0c	/* 8 */
#define JC_CHKSUM_SIZE		0x0d	/* 8 */
#define JC_CHKSUM		0x10
#define JC_COMMIT_SEC		0x30	/* 64 */
#define JB_REVOKE_COUNT		0x0c
#define JB_REVOKE_HEADER	16

#endif
