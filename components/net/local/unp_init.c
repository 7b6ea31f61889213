/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The component comes up: the domain AF_UNIX.
 */
#include "local.h"

int local_init(void);

static const struct protosw *const unp_protosw[] = {
	&unp_stream, &unp_dgram, &unp_seqpacket, NULL
};

struct domain unp_domain = {
	.dom_family = AF_UNIX,
	.dom_name = "unix",
	.dom_protosw = unp_protosw,
};

int
local_init(void)
{
	int error;

	error = unname_init();
	if (error == 0)
		error = unp_conn_init();
	if (error == 0)
		error = unp_gc_init();
	if (error == 0)
		error = domain_register(&unp_domain);
	return error;
}
