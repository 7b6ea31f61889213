/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables of sockets: the names and the meaning are Linux'.
 */
#include <kern/sysctl.h>

#include "sock_impl.h"

#define DEFAULT_BUF	212992		/* as getsockopt() shows it */
#define BUF_MIN		2304
#define BUF_LIMIT	(1u << 30)

_Atomic uint64_t net_rmem_max = DEFAULT_BUF, net_wmem_max = DEFAULT_BUF,
    net_rmem_default = DEFAULT_BUF, net_wmem_default = DEFAULT_BUF,
    net_somaxconn = SOMAXCONN, net_optmem_max = 131072;

#define BUF_SYSCTL(name)						\
static int								\
set_##name(uint64_t v)							\
{									\
	if (v < BUF_MIN || v > BUF_LIMIT)				\
		return EINVAL;						\
	atomic_store(&net_##name, v);					\
	return 0;							\
}

BUF_SYSCTL(rmem_max)
BUF_SYSCTL(wmem_max)
BUF_SYSCTL(rmem_default)
BUF_SYSCTL(wmem_default)

static int
set_somaxconn(uint64_t v)
{
	if (v > INT32_MAX)
		return EINVAL;
	atomic_store(&net_somaxconn, v);
	return 0;
}

static int
set_optmem_max(uint64_t v)
{
	if (v > BUF_LIMIT)
		return EINVAL;
	atomic_store(&net_optmem_max, v);
	return 0;
}

#define CORE(name, descr)						\
	{ .sy_name = "net.core." #name, .sy_descr = descr,		\
	  .sy_type = SYSCTL_U64, .sy_flags = SYSCTL_RW,			\
	  .sy_u64 = &net_##name, .sy_set = set_##name }

static struct sysctl sysctls[] = {
	CORE(rmem_max, "the largest SO_RCVBUF"),
	CORE(wmem_max, "the largest SO_SNDBUF"),
	CORE(rmem_default, "a socket's receive buffer, as SO_RCVBUF shows it"),
	CORE(wmem_default, "a socket's send buffer, as SO_SNDBUF shows it"),
	CORE(somaxconn, "the largest backlog of listen()"),
	CORE(optmem_max, "bytes of control messages that a send may have"),
};

int
socket_sysctl_init(void)
{
	int error = 0;

	for (size_t i = 0; i < nitems(sysctls) && error == 0; i++)
		error = sysctl_register(&sysctls[i]);
	return error;
}
