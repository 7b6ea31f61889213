# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpvfs
KIND  := faction
ABOUT := File systems: vnodes, name cache, mounts, system calls on files
INIT  := rumpvfs_init
SRCS  := vfs_init.c

# page and buffer cache, devices, host files
SRCS  += pagecache.c pc_tree.c pc_read.c pc_flush.c pc_reclaim.c bcache.c \
	 blkdev.c cdev.c

# file systems in memory
