/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address families, and which protocol a socket call means.
 */
#include "sock_impl.h"

static struct lock_class domain_lc = LOCK_CLASS("domains", 0);
static struct kmutex domain_lock;
static _Atomic(struct domain *) domains;	/* written under domain_lock */
static _Atomic bool ready;

void
domain_init(void)
{
	mutex_init(&domain_lock, &domain_lc);
	atomic_store(&ready, true);
}

static struct domain *
domain_find(int family)
{
	struct domain *dom;

	dom = atomic_load_explicit(&domains, memory_order_acquire);
	while (dom != NULL && dom->dom_family != family)
		dom = dom->dom_next;
	return dom;
}

int
domain_register(struct domain *dom)
{
	int error = 0;

	KASSERT(atomic_load(&ready));
	mutex_enter(&domain_lock);
	if (domain_find(dom->dom_family) != NULL) {
		error = EEXIST;
	} else {
		dom->dom_next = atomic_load(&domains);
		atomic_store_explicit(&domains, dom, memory_order_release);
	}
	mutex_exit(&domain_lock);
	return error;
}

/*
 * The errors are Linux': no such family, no such type in the family, no such
 * protocol of the type.
 */
int
proto_find(int family, int type, int protocol, const struct protosw **prp)
{
	const struct protosw *const *pp, *pr;
	struct domain *dom;
	bool typed = false;

	dom = domain_find(family);
	if (dom == NULL)
		return EAFNOSUPPORT;
	if (type < 1 || type > SOCK_PACKET)
		return EINVAL;
	if (protocol < 0)
		return EINVAL;
	for (pp = dom->dom_protosw; (pr = *pp) != NULL; pp++) {
		if (pr->pr_type != type)
			continue;
		typed = true;
		if (protocol == 0 || pr->pr_protocol == protocol ||
		    pr->pr_protocol == 0)
			break;
	}
	if (pr == NULL)
		return typed ? EPROTONOSUPPORT : ESOCKTNOSUPPORT;
	if (dom->dom_check != NULL) {
		int error = dom->dom_check(type, protocol);

		if (error != 0)
			return error;
	}
	*prp = pr;
	return 0;
}
