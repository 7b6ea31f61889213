/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the root file system offers to the rest of the faction: nodes whose
 * behaviour is elsewhere (devices, host files).
 */
#ifndef RUMPFS_H
#define RUMPFS_H

#include <kern/vnode.h>

/** Make the type "rumpfs" known; the first mount of it is the root. */
int rumpfs_init(void);

/**
 * Enter a node in the root file system, under an absolute path. Directories
 * on the way that are missing are made.
 *
 * @param type     VBLK or VCHR: a device node, ops NULL; VREG or VDIR: ops.
 * @param rdev     the number of a device node.
 * @param ops      operations of its vnode, which has data as v_data; those
 *                 that make or change names may be NULL. NULL for devices.
 * @param destroy  called with data once the node has been removed and its
 *                 vnode is gone; not when this function fails. May be NULL.
 * @return EEXIST: something has the path; ENOTDIR, ENAMETOOLONG, ENOMEM;
 *         EINVAL: not absolute, or "/"
 */
int rumpfs_extra_add(const char *path, enum vtype type, dev_t rdev,
    const struct vnodeops *ops, void *data, void (*destroy)(void *data));
/**
 * Remove such a node; whoever has it open keeps it.
 * @return ENOENT: no such path, or it is not such a node
 */
int rumpfs_extra_remove(const char *path);

#endif
