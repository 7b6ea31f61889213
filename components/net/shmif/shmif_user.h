/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shmif's host half: a bus file, its locks, its memory, its futexes. Returns 0
 * or an errno value.
 */
#ifndef SHMIF_USER_H
#define SHMIF_USER_H

#include <stddef.h>
#include <stdint.h>

/**
 * Open a regular file for reading and writing, made (mode 0600) where there
 * is none. @return EINVAL: not a regular file
 */
int rumpcomp_shmif_open(const char *path, int *fdp);
/** Also ends the locks. */
void rumpcomp_shmif_close(int fd);
int rumpcomp_shmif_size(int fd, uint64_t *sizep);
/** All of the file's first bytes, or EINVAL. */
int rumpcomp_shmif_read(int fd, void *buf, size_t len);
int rumpcomp_shmif_write(int fd, const void *buf, size_t len);
/** Make it at least that long. */
int rumpcomp_shmif_grow(int fd, uint64_t size);
/** Have storage for a part of it, so that touching it is safe. */
int rumpcomp_shmif_reserve(int fd, uint64_t off, uint64_t len);
/** Map a part; writable or not. */
int rumpcomp_shmif_map(int fd, uint64_t off, size_t len, int writable,
    void **memp);
void rumpcomp_shmif_unmap(void *mem, size_t len);

/**
 * Lock a byte for this fd; it lasts until it is unlocked, the fd closed, or the
 * process gone. @return EAGAIN: somebody has it, and did for wait_ms
 */
int rumpcomp_shmif_lock(int fd, uint64_t off, int wait_ms);
void rumpcomp_shmif_unlock(int fd, uint64_t off);
/** Has another the lock of a byte? */
int rumpcomp_shmif_locked(int fd, uint64_t off);

/**
 * Sleep while *word == expected, at most ns nanoseconds (negative: for ever).
 * May return without cause. @return ETIMEDOUT
 */
int rumpcomp_shmif_wait(void *word, uint32_t expected, int64_t ns);
/** Likewise, while both words are as expected; the second is the kernel's own,
 * which rumpuser_unpark() wakes. */
int rumpcomp_shmif_wait2(void *word, uint32_t expected, void *own,
    uint32_t own_expected, int64_t ns);
void rumpcomp_shmif_wake(void *word);

uint32_t rumpcomp_shmif_pid(void);

#endif
