/* SPDX-License-Identifier: BSD-2-Clause */
/** @file assert.h
 * Assertions about our own code, the log, and panic.
 */
#ifndef KERN_ASSERT_H
#define KERN_ASSERT_H

#include <kern/types.h>

/** Print the message and end the process abnormally. */
__noreturn void panic(const char *fmt, ...) __printflike(1, 2);

#ifdef DIAGNOSTIC
#define KASSERT(e)							\
	(__likely(e) ? (void)0 :					\
	    panic("%s:%d: assertion \"%s\" failed", __FILE__, __LINE__, #e))
#else
#define KASSERT(e) ((void)sizeof(e))
#endif

enum {
	LOG_ERR,	/**< shown always: a damaged image, lost data */
	LOG_WARNING,	/**< shown always */
	LOG_INFO,	/**< shown with RUMP_VERBOSE=1 */
	LOG_DEBUG	/**< shown with RUMP_VERBOSE=2 */
};

/**
 * Put one line on the console; the newline is added. Does not sleep for a
 * lock and does not allocate.
 */
void klog(int level, const char *fmt, ...) __printflike(2, 3);

#endif
