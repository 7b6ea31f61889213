/* SPDX-License-Identifier: BSD-2-Clause */
/** @file sysctl.h
 * The tree of tunables and statistics, reachable by name ("vfs.vnodes.max").
 */
#ifndef KERN_SYSCTL_H
#define KERN_SYSCTL_H

#include <kern/list.h>

enum sysctl_type { SYSCTL_U64, SYSCTL_STRING };

#define SYSCTL_RW	0x1

struct sysctl;

/** A leaf. Static storage; registered at a component's init. */
struct sysctl {
	const char *sy_name;		/**< whole dotted name */
	const char *sy_descr;
	enum sysctl_type sy_type;
	int sy_flags;
	_Atomic uint64_t *sy_u64;	/**< U64: the value, or NULL: sy_get */
	uint64_t (*sy_get)(void);
	int (*sy_set)(uint64_t v);	/**< checks and stores; NULL: store */
	/** Where sy_get and sy_set are NULL: told which leaf it is, so that one
	 * function serves many (what curvnet() has, at offset sy_arg). */
	uint64_t (*sy_fetch)(const struct sysctl *sy);
	int (*sy_store)(const struct sysctl *sy, uint64_t v);
	uintptr_t sy_arg;
	char *sy_str;			/**< STRING: the buffer ... */
	size_t sy_strlen;		/**< ... and its size */
	struct list sy_link;
};

/** @return EEXIST */
int sysctl_register(struct sysctl *sy);
void sysctl_unregister(struct sysctl *sy);
/** Value as text. @return ENOENT, ERANGE (buffer too small) */
int sysctl_get(const char *name, char *buf, size_t len);
/** @return ENOENT, EPERM, EINVAL */
int sysctl_set(const char *name, const char *value);
/**
 * Visit the leaves whose name starts with prefix, in order of name, until fn
 * returns non-zero. fn must not call the functions above.
 * @return what fn returned, ENOMEM
 */
int sysctl_walk(const char *prefix, int (*fn)(void *arg,
    const struct sysctl *sy), void *arg);

/** The value as text, for fn of sysctl_walk(). @return ERANGE */
int sysctl_value(const struct sysctl *sy, char *buf, size_t len);

#endif
