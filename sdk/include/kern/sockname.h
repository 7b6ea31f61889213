/* SPDX-License-Identifier: BSD-2-Clause */
/** @file sockname.h
 * Names of AF_UNIX sockets in the file system: what the faction vfs, where it
 * is linked, does for the component that has the sockets. A name is a vnode
 * of type VSOCK; a cookie is a reference to it.
 */
#ifndef KERN_SOCKNAME_H
#define KERN_SOCKNAME_H

#include <kern/types.h>

struct sockname_ops {
	/** Make the name. path: kernel memory. @return EADDRINUSE, and what
	 * mknod(2) returns. Sleeps. */
	int (*sn_bind)(const char *path, void **cookiep);
	/** Find it; the caller must be allowed to write to it. @return
	 * ECONNREFUSED: not a socket; EACCES, ENOENT, ... Sleeps. */
	int (*sn_lookup)(const char *path, void **cookiep);
	/** Sleeps. */
	void (*sn_rele)(void *cookie);
};

/** Set by the faction vfs. */
void sockname_provide(const struct sockname_ops *ops);
/** NULL: there is no file system. */
const struct sockname_ops *sockname_ops(void);

#endif
