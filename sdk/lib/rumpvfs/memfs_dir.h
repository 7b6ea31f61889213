/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of memfs: names, found by hash, listed by slot.
 *
 * An entry sits in a slot for as long as it has its name's place in the
 * directory; the slot's number is its readdir cookie. A new entry takes any
 * free slot, so that listing a directory ends even when entries are made
 * faster than they are read. All that is not said to be const needs the
 * directory's v_lock X, the rest S.
 */
#ifndef MEMFS_DIR_H
#define MEMFS_DIR_H

#include <kern/vnode.h>

struct memfs_dirent {
	ino_t de_ino;
	uint32_t de_hash;
	uint8_t de_type;		/* enum vtype */
	uint8_t de_len;
	char de_name[];			/* not terminated */
};

/* An empty directory owns no memory; one of up to 16 slots has no index. */
struct memfs_dir {
	uint64_t *md_slots;		/* an entry, or a link of the free list */
	uint64_t *md_index;		/* hash << 32 | slot + 1; 0: free */
	uint32_t md_n;			/* entries */
	uint32_t md_top;		/* one above the last slot in use */
	uint32_t md_cap;		/* slots allocated */
	uint32_t md_icap;		/* size of the index, a power of two */
	uint32_t md_free;		/* first free slot below md_top */
	ino_t md_parent;		/* 0: removed */
};

void memfs_dir_init(struct memfs_dir *dir, ino_t parent);
void memfs_dir_fini(struct memfs_dir *dir);
/** NULL: not there. Valid until the directory changes. */
struct memfs_dirent *memfs_dir_lookup(const struct memfs_dir *dir,
    const struct componentname *cnp);
/**
 * Get an entry, and room for it, so that memfs_dir_insert() cannot fail: the
 * next change of the directory, or memfs_dirent_free(). @return ENOMEM, ENOSPC
 */
int memfs_dir_prepare(struct memfs_dir *dir, const struct componentname *cnp,
    struct memfs_dirent **dep);
void memfs_dir_insert(struct memfs_dir *dir, struct memfs_dirent *de);
/** Take an entry out and free it. */
void memfs_dir_remove(struct memfs_dir *dir, struct memfs_dirent *de);
/** Put a prepared entry into another's slot and free that one. */
void memfs_dir_replace(struct memfs_dir *dir, struct memfs_dirent *old,
    struct memfs_dirent *de);
void memfs_dirent_free(struct memfs_dirent *de);
/** As vop_readdir; self is the directory's inode number. */
int memfs_dir_read(const struct memfs_dir *dir, ino_t self, off_t *offp,
    vop_filldir_t fn, void *arg);

#endif
