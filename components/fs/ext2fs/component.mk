# SPDX-License-Identifier: BSD-2-Clause
NAME    := ext2fs
FACTION := vfs
ABOUT   := ext2, ext3 and ext4 file systems
SRCS    := ext2fs_vfsops.c ext2fs_super.c ext2fs_group.c ext2fs_csum.c \
	   ext2fs_inode.c ext2fs_time.c ext2fs_map.c ext2fs_extent.c ext2fs_extmod.c \
	   ext2fs_indirect.c ext2fs_balloc.c ext2fs_ialloc.c ext2fs_data.c \
	   ext2fs_dirblock.c ext2fs_dir.c ext2fs_hash.c ext2fs_htree.c \
	   ext2fs_htmod.c ext2fs_vnops.c ext2fs_namei.c ext2fs_rename.c \
	   ext2fs_symlink.c ext2fs_xattr.c ext2fs_xalist.c ext2fs_xablock.c ext2fs_acl.c \
	   ext2fs_orphan.c ext2fs_jnl.c ext2fs_replay.c ext2fs_overlay.c
