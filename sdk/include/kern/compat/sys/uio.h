/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public headers (rump/net/portif.h) ask the C library for struct iovec. In
 * the kernel namespace they get it from here.
 */
#include <linux/uio.h>
