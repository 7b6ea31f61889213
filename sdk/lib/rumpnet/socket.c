/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: their life, and what protocols tell about their state.
 */
#include <kern/ifnet.h>
#include <kern/proc.h>

#include "rumpnet.h"
#include "sock_impl.h"

static struct lock_class socket_lc = LOCK_CLASS("socket", LC_NESTS);
static struct pool *socket_pool;
static _Atomic uint64_t cookies;

const struct so_ifnames *so_ifnames;

int
socket_init(void)
{
	socket_pool = pool_create("socket", sizeof(struct socket), 16);
	if (socket_pool == NULL)
		return ENOMEM;
	domain_init();
	return socket_sysctl_init();
}

struct socket *
so_alloc(struct vnet *vn, const struct protosw *pr, int protocol,
    struct cred *cr)
{
	struct socket *so;

	so = pool_get(socket_pool, KM_ZERO);
	if (so == NULL)
		return NULL;
	mutex_init(&so->so_lock, &socket_lc);
	atomic_init(&so->so_refs, 1);
	so->so_proto = pr;
	so->so_vnet = vnet_hold(vn);
	so->so_family = (int16_t)pr->pr_domain->dom_family;
	so->so_type = pr->pr_type;
	so->so_protocol = (int16_t)protocol;
	so->so_uid = cr->cr_fsuid;
	so->so_cred = cred_hold(cr);
	list_node_init(&so->so_qlink);
	pollhead_init(&so->so_poll);
	so_wake_init(so);
	sb_init(&so->so_snd, (uint32_t)net_wmem_default / 2);
	sb_init(&so->so_rcv, (uint32_t)net_rmem_default / 2);
	return so;
}

static void
so_free(struct epoch_entry *ee)
{
	struct socket *so = container_of(ee, struct socket, so_epoch);

	mutex_fini(&so->so_lock);
	pool_put(socket_pool, so);
}

void
so_rele(struct socket *so)
{
	if (atomic_fetch_sub_explicit(&so->so_refs, 1, memory_order_acq_rel)
	    != 1)
		return;
	KASSERT(so->so_pcb == NULL);
	KASSERT(so->so_head == NULL);
	atomic_fetch_or_explicit(&so->so_state, SS_DEAD, memory_order_relaxed);
	sbflush(&so->so_snd);
	sbflush(&so->so_rcv);
	so_extra_free(so);
	if (so->so_pollif != NULL)
		if_rele(so->so_pollif);
	if (so->so_listen != NULL)
		kmem_free(so->so_listen, sizeof(*so->so_listen));
	cv_fini(&so->so_snd.sb_cv);
	cv_fini(&so->so_rcv.sb_cv);
	pollhead_fini(&so->so_poll);
	cred_rele(so->so_cred);
	vnet_rele(so->so_vnet);
	epoch_defer(&so->so_epoch, so_free);
}

int
socreate(struct vnet *vn, int family, int type, int protocol,
    struct socket **sop)
{
	const struct protosw *pr;
	struct socket *so;
	int error;

	error = proto_find(family, type, protocol, &pr);
	if (error != 0)
		return error;
	so = so_alloc(vn, pr, protocol != 0 ? protocol : pr->pr_protocol,
	    curcred());
	if (so == NULL)
		return ENOMEM;
	mutex_enter(&so->so_lock);
	error = pr->pr_attach(so, so->so_protocol);
	mutex_exit(&so->so_lock);
	if (error != 0) {
		so_rele(so);
		return error;
	}
	*sop = so;
	return 0;
}

struct soextra *
so_extra(struct socket *so)
{
	struct soextra *sx = so->so_extra;

	if (sx != NULL)
		return sx;
	sx = kmem_zalloc(sizeof(*sx), KM_NORECLAIM);
	if (sx == NULL)
		return NULL;
	sx->sx_errqtail = &sx->sx_errq;
	sx->sx_peekoff = -1;
	sx->sx_incoming_cpu = -1;
	sx->sx_pacing = UINT64_MAX;
	so->so_extra = sx;
	return sx;
}

void
so_extra_free(struct socket *so)
{
	struct soextra *sx = so->so_extra;

	if (sx == NULL)
		return;
	m_freelist(sx->sx_errq);
	kmem_free(sx, sizeof(*sx));
	so->so_extra = NULL;
}

uint64_t
so_cookie(struct socket *so)
{
	uint64_t new, old;

	old = atomic_load_explicit(&so->so_cookie, memory_order_relaxed);
	if (old != 0)
		return old;
	new = atomic_fetch_add_explicit(&cookies, 1, memory_order_relaxed) + 1;
	return atomic_compare_exchange_strong(&so->so_cookie, &old, new) ?
	    new : old;
}

/* ---- Closing --------------------------------------------------------------- */

/* SO_LINGER: until the peer has all, or the time is over. so_lock held. */
static int
linger(struct socket *so)
{
	nstime_t deadline;
	int error = 0;

	deadline = mono_deadline((nstime_t)so->so_linger * NS_PER_SEC);
	while (error == 0 && sb_cc(&so->so_snd) > 0 && so_is(so,
	    SS_ISCONNECTED) && atomic_load(&so->so_error) == 0)
		error = cv_timedwait_sig(&so->so_snd.sb_cv, &so->so_lock,
		    deadline);
	return error == EINTR ? EINTR : 0;
}

static bool
lingers(const struct socket *so)
{
	return (so->so_options & SOO_LINGER) != 0 &&
	    (so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 &&
	    so_is(so, SS_ISCONNECTED);
}

int
soclose(struct socket *so)
{
	const struct protosw *pr = so->so_proto;
	bool abort = false;

	if (so_is(so, SS_LISTENING))
		soqflush(so);
	netisr_enter();
	mutex_enter(&so->so_lock);
	if (lingers(so)) {
		abort = so->so_linger == 0;
		if (!abort && pr->pr_shutdown != NULL)
			(void)pr->pr_shutdown(so, SHUT_RDWR);
		mutex_exit(&so->so_lock);
		netisr_exit();
		mutex_enter(&so->so_lock);
		if (!abort)
			(void)linger(so);
		mutex_exit(&so->so_lock);
		netisr_enter();
		mutex_enter(&so->so_lock);
	}
	atomic_store_explicit(&so->so_file, NULL, memory_order_relaxed);
	so_setstate(so, SS_NOFDREF, 0);
	if (so->so_pcb != NULL) {
		if (abort && pr->pr_abort != NULL)
			pr->pr_abort(so);
		else
			pr->pr_detach(so);
	}
	mutex_exit(&so->so_lock);
	netisr_exit();
	so_rele(so);
	return 0;
}

/* ---- States: so_lock held --------------------------------------------------- */

void
soisconnecting(struct socket *so)
{
	so_setstate(so, SS_ISCONNECTING,
	    SS_ISCONNECTED | SS_ISDISCONNECTING | SS_ISDISCONNECTED);
}

void
soisdisconnecting(struct socket *so)
{
	so_setstate(so, SS_ISDISCONNECTING | SS_CANTRCVMORE | SS_CANTSENDMORE,
	    SS_ISCONNECTING);
	so_notify(so, SO_WAKEALL | POLLHUP | POLLRDHUP | POLLIN |
	    POLLOUT);
}

void
socantsendmore(struct socket *so)
{
	so_setstate(so, SS_CANTSENDMORE, 0);
	so_notify(so, SO_WAKEALL | POLLHUP | POLLOUT);
}

void
socantrcvmore(struct socket *so)
{
	so_setstate(so, SS_CANTRCVMORE, 0);
	so_notify(so, SO_WAKEALL | POLLHUP | POLLRDHUP | POLLIN);
}

void
soseterror(struct socket *so, int error)
{
	KASSERT(mutex_owned(&so->so_lock));
	atomic_store_explicit(&so->so_error, error, memory_order_relaxed);
	so_notify(so, SO_WAKEALL | POLLERR | POLLIN | POLLOUT);
}

void
sohasoob(struct socket *so)
{
	so_notify(so, POLLPRI);
}

void
sorwakeup(struct socket *so)
{
	so_notify(so, POLLIN);
}

void
sowwakeup(struct socket *so)
{
	if (sb_writable(&so->so_snd) || so_is(so, SS_CANTSENDMORE))
		so_notify(so, POLLOUT);
}
