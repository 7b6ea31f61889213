# SPDX-License-Identifier: BSD-2-Clause
NAME    := tmpfs
FACTION := vfs
ABOUT   := A file system in memory, with limits of bytes and files
SRCS    := tmpfs_vfsops.c
