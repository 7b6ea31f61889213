/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables and counters of IPv4, by name: those of the calling process's vnet.
 */
#include <kern/sysctl.h>

#include "netinet.h"

#define X(name, dflt, lo, hi, descr) { dflt, lo, hi },
static const struct {
	uint64_t dflt, lo, hi;
} bounds[] = { IP_TUNABLES(X) };
#undef X

static uint64_t
conf_fetch(const struct sysctl *sy)
{
	return ip_conf(vnet_inet(curvnet()), (enum ip_tunable)sy->sy_arg);
}

static int
conf_store(const struct sysctl *sy, uint64_t v)
{
	if (v < bounds[sy->sy_arg].lo || v > bounds[sy->sy_arg].hi)
		return EINVAL;
	atomic_store_explicit(&vnet_inet(curvnet())->vi_conf[sy->sy_arg], v,
	    memory_order_relaxed);
	return 0;
}

static uint64_t
count_fetch(const struct sysctl *sy)
{
	struct vnet_inet *vi = vnet_inet(curvnet());
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < IP_STRIPES; i++)
		n += atomic_load_explicit(&vi->vi_stats[i].st_n[sy->sy_arg],
		    memory_order_relaxed);
	return n;
}

static uint64_t
fragbytes_fetch(const struct sysctl *sy __maybe_unused)
{
	return ip_reass_bytes(vnet_inet(curvnet()));
}

#define X(name, dflt, lo, hi, descr)					\
	{ .sy_name = "net.ipv4." #name, .sy_descr = descr,		\
	  .sy_flags = SYSCTL_RW, .sy_fetch = conf_fetch,		\
	  .sy_store = conf_store, .sy_arg = IPC_##name },
static struct sysctl conf_leaves[] = { IP_TUNABLES(X) };
#undef X

#define X(name, descr)							\
	{ .sy_name = "net.ipv4.stats." #name, .sy_descr = descr,	\
	  .sy_fetch = count_fetch, .sy_arg = IPS_##name },
static struct sysctl count_leaves[] = {
	IP_COUNTERS(X)
	{ .sy_name = "net.ipv4.stats.ip_reasm_bytes",
	  .sy_descr = "memory that fragments take",
	  .sy_fetch = fragbytes_fetch },
};
#undef X

void
in_sysctl_defaults(struct vnet_inet *vi)
{
	unsigned i;

	for (i = 0; i < IPC_COUNT; i++)
		atomic_init(&vi->vi_conf[i], bounds[i].dflt);
}

int
in_sysctl_init(void)
{
	int error = 0;
	unsigned i;

	for (i = 0; i < nitems(conf_leaves) && error == 0; i++)
		error = sysctl_register(&conf_leaves[i]);
	for (i = 0; i < nitems(count_leaves) && error == 0; i++)
		error = sysctl_register(&count_leaves[i]);
	return error;
}
