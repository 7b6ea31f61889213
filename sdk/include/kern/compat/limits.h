/* SPDX-License-Identifier: BSD-2-Clause */
/** @file limits.h
 * For the kernel's exported headers that want INT_MAX: the compiler's own header
 * goes on to the C library's, which is not there.
 */
#ifndef COMPAT_LIMITS_H
#define COMPAT_LIMITS_H

#define INT_MAX		__INT_MAX__
#define UINT_MAX	(__INT_MAX__ * 2u + 1u)

#endif
