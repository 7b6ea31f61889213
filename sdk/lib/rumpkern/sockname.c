/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where two factions that do not know each other meet over names of sockets.
 */
#include <kern/sockname.h>

static _Atomic(const struct sockname_ops *) provided;

void
sockname_provide(const struct sockname_ops *ops)
{
	atomic_store_explicit(&provided, ops, memory_order_release);
}

const struct sockname_ops *
sockname_ops(void)
{
	return atomic_load_explicit(&provided, memory_order_acquire);
}
