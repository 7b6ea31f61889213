/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds of host files in the root file system. etfs.c keeps the keys.
 */
#ifndef RUMPVFS_ETFS_H
#define RUMPVFS_ETFS_H

#include <kern/types.h>

struct vnodeops;

/* Block devices: etfs_blk.c. begin and size are checked. */
int etfs_blk_create(const char *key, const char *hostpath, uint64_t begin,
    uint64_t size, void **objp, dev_t *devp);
/** @return EBUSY: it is open */
int etfs_blk_destroy(void *obj);

/* Character devices: etfs_chr.c. */
int etfs_chr_init(void);
int etfs_chr_create(const char *hostpath, void **objp, dev_t *devp);
void etfs_chr_destroy(void *obj);

/* Files and directories: etfs_host.c. */
extern const struct vnodeops etfs_file_ops, etfs_dir_ops;
int etfs_host_init(void);
/** The node of a key: v_data of its vnode. */
int etfs_host_create(const char *hostpath, bool isdir, bool subdirs,
    void **objp);
/** Its vnode is gone. */
void etfs_host_destroy(void *obj);

#endif
