/* SPDX-License-Identifier: BSD-2-Clause */
/** @file console.h
 * The platform's console, as a stream of bytes.
 */
#ifndef KERN_CONSOLE_H
#define KERN_CONSOLE_H

#include <kern/uio.h>

/** The numbers of its device: TTYAUX_MAJOR and this. */
#define CONSOLE_MINOR 1

/** What is there, at least one byte; none at the end. May sleep. */
int console_read(struct uio *uio);
int console_write(struct uio *uio);

#endif
