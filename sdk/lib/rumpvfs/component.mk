# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpvfs
KIND  := faction
ABOUT := File systems: vnodes, name cache, mounts, system calls on files
INIT  := rumpvfs_init
GENERATOR := ../rumpkern/makesyscalls.sh ../rumpkern/syscalls.tab
GEN   := syscalls_vfs.c sysproto.h
SRCS  := vfs_init.c

# vnodes, names, mounts
SRCS  += vcache.c vcache_mount.c vcache_trim.c
SRCS  += namecache.c namei.c cwd.c mount.c vfs_perm.c
# open files
SRCS  += vfs_file.c specfs.c fifo.c advlock.c vfs_ioctl.c
# who watches files
SRCS  += notify.c inotify.c
# system calls
SRCS  += vfs_open.c vfs_names.c vfs_sock.c vfs_rename.c vfs_attr.c vfs_io.c vfs_xattr.c vfs_handle.c memfd.c

# page and buffer cache, devices, host files
SRCS  += bcache.c bcache_flush.c bcache_mem.c bcache_ra.c
SRCS  += blkdev.c cdev.c memdev.c
SRCS  += etfs.c etfs_blk.c etfs_chr.c etfs_host.c
SRCS  += pagecache.c pc_read.c pc_direct.c pc_write.c
SRCS  += pc_flush.c pc_reclaim.c pc_tree.c

# file systems in memory
SRCS  += memfs.c memfs_dir.c memfs_file.c memfs_vnops.c memfs_xattr.c rumpfs.c
