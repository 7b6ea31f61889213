/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What t_vcache asks its kernel half: a file system that has every name
 * n<number> in its root, and counts what the VFS does with it.
 */
#ifndef K_VCACHE_H
#define K_VCACHE_H

struct vcache_counts {
	unsigned long loads;	/* vfs_loadvnode */
	unsigned long reclaims;	/* vop_reclaim */
	unsigned long frees;	/* vop_inactive that gave the inode back */
	unsigned long doubles;	/* an inode that was loaded while it was */
};

/** Make the type "testfs" known. */
int rumptest_vcache_register(void);
void rumptest_vcache_counts(struct vcache_counts *c);
/** Loads take this long, and every n-th fails (0: none). */
void rumptest_vcache_loads(long ns, unsigned n);

#endif
