/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of interfaces, made and destroyed by users.
 */
#include "net.h"

static struct lock_class cloner_lc = LOCK_CLASS("cloners", 0);
static struct kmutex cloner_lock;
static struct if_cloner *cloners;	/* [cloner_lock]; never removed */

void
if_clone_init(void)
{
	mutex_init(&cloner_lock, &cloner_lc);
}

/* The kind of n characters. */
static struct if_cloner *
cloner_find(const char *kind, size_t n)
{
	struct if_cloner *ifc;

	mutex_enter(&cloner_lock);
	for (ifc = cloners; ifc != NULL; ifc = ifc->ifc_next)
		if (strlen(ifc->ifc_kind) == n &&
		    strncmp(ifc->ifc_kind, kind, n) == 0)
			break;
	mutex_exit(&cloner_lock);
	return ifc;
}

int
if_cloner_register(struct if_cloner *ifc)
{
	if (cloner_find(ifc->ifc_kind, strlen(ifc->ifc_kind)) != NULL)
		return EEXIST;
	mutex_enter(&cloner_lock);
	ifc->ifc_next = cloners;
	cloners = ifc;
	mutex_exit(&cloner_lock);
	return 0;
}

static size_t
without_number(const char *name)
{
	size_t n = strlen(name);

	while (n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9')
		n--;
	return n;
}

/* The first free number behind a kind's name. */
static int
free_name(struct vnet *vn, const char *kind, char name[IFNAMSIZ])
{
	int error = ENFILE;
	unsigned i;

	ifnet_lock(vn);
	for (i = 0; i < 32768 && error == ENFILE; i++) {
		if (snprintf(name, IFNAMSIZ, "%s%u", kind, i) >= IFNAMSIZ)
			error = EINVAL;
		else if (if_byname(vn, name) == NULL)
			error = 0;
	}
	ifnet_unlock(vn);
	return error;
}

int
if_create(struct vnet *vn, const char *kind, const char *name,
    uint32_t *indexp)
{
	bool choose = name == NULL || (kind == NULL &&
	    name[without_number(name)] == '\0');
	struct if_cloner *ifc;
	struct ifnet *ifp;
	char buf[IFNAMSIZ];
	int error = 0;

	if (kind != NULL)
		ifc = cloner_find(kind, strlen(kind));
	else
		ifc = name != NULL ?
		    cloner_find(name, without_number(name)) : NULL;
	if (ifc == NULL)
		return ENXIO;
	do {
		if (choose)
			error = free_name(vn, ifc->ifc_kind, buf);
		else if (!if_name_valid(name))
			error = EINVAL;
		else
			strlcpy(buf, name, sizeof(buf));
		if (error == 0)
			error = ifc->ifc_create(vn, buf);
	} while (choose && error == EEXIST);
	if (error != 0)
		return error;
	ifnet_lock(vn);
	ifp = if_byname(vn, buf);
	*indexp = ifp != NULL ? ifp->if_index : 0;
	ifnet_unlock(vn);
	return ifp != NULL ? 0 : ENXIO;
}

int
if_destroy(struct vnet *vn, const char *name)
{
	struct ifnet *ifp;
	int error;

	ifnet_lock(vn);
	ifp = if_byname(vn, name);
	if (ifp != NULL)
		if_hold(ifp);
	ifnet_unlock(vn);
	if (ifp == NULL)
		return ENXIO;
	error = ifp->if_ops->ifo_destroy == NULL ? EOPNOTSUPP :
	    ifp->if_ops->ifo_destroy(ifp);
	if_rele(ifp);
	return error;
}
