/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the socket layer asks about interfaces: SO_BINDTODEVICE.
 */
#include <kern/socket.h>
#include <kern/string.h>

#include "net.h"

static uint32_t
sock_index(struct vnet *vn, const char *name)
{
	struct ifnet *ifp;
	uint32_t index;

	epoch_enter();
	ifp = if_byname(vn, name);
	index = ifp != NULL ? ifp->if_index : 0;
	epoch_exit();
	return index;
}

static bool
sock_name(struct vnet *vn, uint32_t index, char *name)
{
	struct ifnet *ifp;

	epoch_enter();
	ifp = if_byindex(vn, index);
	if (ifp != NULL)
		memcpy(name, ifp->if_name, IFNAMSIZ);
	epoch_exit();
	return ifp != NULL;
}

static const struct so_ifnames ifnames = {
	.si_index = sock_index,
	.si_name = sock_name,
};

void
if_sock_init(void)
{
	so_ifnames = &ifnames;
}
