/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rump_pub_vnet_*: what <rump/net/vnet.h> promises.
 */
#include <kern/vnet.h>

#include <rump/net/vnet.h>

int
rump_pub_vnet_create(uint64_t *idp)
{
	struct vnet *vn;
	int error;

	error = vnet_create(&vn);
	if (error != 0)
		return error;
	*idp = vn->vn_id;
	atomic_store(&vn->vn_kept, true);
	return 0;
}

int
rump_pub_vnet_enter(uint64_t id)
{
	struct proc *p = curproc;
	struct vnet *vn, *old;
	int error;

	error = vnet_find(id, &vn);
	if (error != 0)
		return error;
	mutex_enter(&p->p_lock);
	old = p->p_vnet;
	p->p_vnet = vn;
	mutex_exit(&p->p_lock);
	vnet_leave(old);
	return 0;
}

int
rump_pub_vnet_destroy(uint64_t id)
{
	struct vnet *vn;
	int error;

	error = vnet_find(id, &vn);
	if (error != 0)
		return error;
	if (atomic_exchange(&vn->vn_kept, false))
		vnet_leave(vn);
	else
		error = ENOENT;
	vnet_leave(vn);
	return error;
}

uint64_t
rump_pub_vnet_current(void)
{
	return curvnet()->vn_id;
}
