/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables, as filedesc.c and the system calls on them see them.
 */
#ifndef FILEDESC_H
#define FILEDESC_H

#include <kern/file.h>
#include <kern/proc.h>

#define FDTAB_FIRST 64			/* descriptors of a new table */

/*
 * The arrays. Replaced by bigger ones, but not freed before the table: a
 * lookup may still read an old one, and finds out that it did.
 *
 * I  immutable   d  fd_lock   a  atomic; written under fd_lock
 */
struct fdtab {
	unsigned ft_size;		/* [I] a multiple of 64 */
	struct fdtab *ft_old;		/* [I] the one that it replaced */
	uint64_t *ft_used;		/* [d] bitmaps; used: or reserved */
	uint64_t *ft_cloexec;		/* [d] */
	_Atomic(struct file *) *ft_files; /* [a] */
};

struct filedesc {
	_Atomic(struct fdtab *) fd_tab;	/* [a] */
	_Atomic uint32_t fd_users;	/* [a] processes: the last closes */
	_Atomic uint32_t fd_refs;	/* [a] those, and fd_unshared of others */
	struct filedesc *fd_unshared;	/* [I] the one it was split off, which
					   lwps may still be reading */
	struct kmutex fd_lock;
	unsigned fd_hint;		/* [d] no lower word has a zero bit */
	struct fdtab fd_first;
	uint64_t fd_first_used[FDTAB_FIRST / 64];
	uint64_t fd_first_cloexec[FDTAB_FIRST / 64];
	_Atomic(struct file *) fd_first_files[FDTAB_FIRST];
};

/* A reference that lasts beyond the system call; file_rele() it. */
int fd_hold(int fd, struct file **fpp);
/* dup2, dup3: from one to another. EBADF; EBUSY: being opened. */
int fd_dup_to(int from, int to, int flags);
int fd_getcloexec(int fd, bool *cloexec);
int fd_setcloexec(int fd, bool cloexec);
int fd_close_range(unsigned first, unsigned last, bool cloexec);
/* The calling process' table becomes its own, if it is shared. ENOMEM */
int fd_unshare(void);

#endif
