/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of AF_NETLINK: netlink(7).
 *
 * A socket is on its vnet's list while it is open; senders walk the list in an
 * epoch, and look at so_pcb under so_lock. One that loses a message hears of it
 * (ENOBUFS) once, and gets no more before it has read what it has.
 * Lock order: so_lock -> nlv_lock; ns_dumplock -> so_lock.
 */
#include <kern/proc.h>

#include <linux/rtnetlink.h>

#include "netlink.h"

#define NL_EVENTS	16384	/* that wait for the end of a section */

static struct lock_class nlvnet_lc = LOCK_CLASS("netlink", 0);
static struct lock_class dump_lc = LOCK_CLASS("netlink dump", 0);

static const struct nlproto user_proto = {
	.nlp_protocol = NETLINK_USERSOCK,
	.nlp_groups = 32,
	.nlp_users = true,
};

static const struct nlproto *const protos[] = {
	&rtnl_proto, &user_proto,
};

static inline struct nlsock *
nlsock(const struct socket *so)
{
	return so->so_pcb;
}

/* ---- Receiving buffers -------------------------------------------------------------- */

/* What a message's source is, behind its address. */
static void
set_source(struct mbuf *m, uint32_t portid, unsigned group,
    const struct ucred *uc)
{
	struct sockaddr_nl snl = { .nl_family = AF_NETLINK,
	    .nl_pid = portid };

	_Static_assert(sizeof(snl) + sizeof(*uc) <= sizeof(m->m_ph.ph_from),
	    "a netlink message's source");
	if (group > 0 && group <= 32)
		snl.nl_groups = 1u << (group - 1);
	memcpy(m->m_ph.ph_from, &snl, sizeof(snl));
	memcpy(m->m_ph.ph_from + sizeof(snl), uc, sizeof(*uc));
	m->m_ph.ph_mark = group;
}

/* so_lock held. */
static void
overrun(struct nlsock *ns)
{
	so_dropped(ns->ns_so);
	if (!ns->ns_overrun && (ns->ns_flags & NS_NOENOBUFS) == 0)
		soseterror(ns->ns_so, ENOBUFS);
	ns->ns_overrun = true;
}

/* m is taken over; NULL: one was lost. In an epoch, or the socket is in use. */
static int
deliver(struct nlsock *ns, struct mbuf *m)
{
	struct socket *so = ns->ns_so;
	int error = 0;

	mutex_enter(&so->so_lock);
	if (so->so_pcb != ns) {
		error = ECONNREFUSED;
	} else if (m == NULL || ns->ns_overrun ||
	    !sbappendrecord(&so->so_rcv, m, NULL)) {
		overrun(ns);
		error = ENOBUFS;
	} else {
		m = NULL;
		sorwakeup(so);
	}
	mutex_exit(&so->so_lock);
	m_freem(m);
	return error;
}

void
nl_unicast(struct nlsock *ns, struct mbuf *m)
{
	static const struct ucred kernel;

	set_source(m, 0, 0, &kernel);
	netisr_enter();
	(void)deliver(ns, m);
	netisr_exit();
}

/* ---- Groups ------------------------------------------------------------------------- */

static inline bool
is_member(struct nlsock *ns, unsigned group)
{
	return (atomic_load_explicit(&ns->ns_groups, memory_order_relaxed) &
	    UINT64_C(1) << (group - 1)) != 0;
}

#define FOREACH_SOCK(ns, nv)						\
	for ((ns) = atomic_load_explicit(&(nv)->nlv_socks,		\
	    memory_order_acquire); (ns) != NULL; (ns) =			\
	    atomic_load_explicit(&(ns)->ns_next, memory_order_acquire))

/* A copy for each member but one; m remains the caller's. NULL: it was lost. */
static void
broadcast(struct vnet *vn, const struct nlproto *proto, unsigned group,
    struct mbuf *m, const struct nlsock *but)
{
	struct nlsock *ns;

	epoch_enter();
	FOREACH_SOCK(ns, nlvnet(vn))
		if (ns != but && ns->ns_proto == proto && is_member(ns, group))
			(void)deliver(ns, m == NULL ? NULL :
			    m_copym(m, 0, SIZE_MAX, M_PKTHDR));
	epoch_exit();
}

static void
set_groups(struct nlsock *ns, uint64_t groups)
{
	struct nlvnet *nv = nlvnet(ns->ns_so->so_vnet);
	uint64_t old = atomic_exchange(&ns->ns_groups, groups), bit;
	unsigned i;

	if (ns->ns_proto != &rtnl_proto)
		return;
	for (i = 1; i <= NL_GROUPS; i++) {
		bit = UINT64_C(1) << (i - 1);
		if ((groups & ~old & bit) != 0)
			atomic_fetch_add(&nv->nlv_members[i], 1);
		else if ((old & ~groups & bit) != 0)
			atomic_fetch_sub(&nv->nlv_members[i], 1);
	}
}

bool
nl_heard(struct vnet *vn, unsigned group)
{
	struct nlvnet *nv = nlvnet(vn);

	return nv != NULL && atomic_load_explicit(&nv->nlv_members[group],
	    memory_order_relaxed) != 0;
}

void
nl_notify_lost(struct vnet *vn, unsigned group)
{
	atomic_fetch_or(&nlvnet(vn)->nlv_lost, UINT64_C(1) << (group - 1));
}

void
nl_notify(struct vnet *vn, unsigned group, const void *msg, size_t n)
{
	static const struct ucred kernel;
	struct mbuf *m = m_devget(msg, n, 0);

	if (m != NULL)
		set_source(m, 0, group, &kernel);
	if (m == NULL || netqueue_put(&nlvnet(vn)->nlv_events, m) != 0)
		nl_notify_lost(vn, group);
}

static void
events_input(struct netqueue *nq, struct mbuf *batch)
{
	struct nlvnet *nv = container_of(nq, struct nlvnet, nlv_events);
	struct mbuf *m, *next;
	uint64_t lost;
	unsigned i;

	for (m = batch; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		broadcast(nv->nlv_vnet, &rtnl_proto, m->m_ph.ph_mark, m, NULL);
		m_freem(m);
	}
	if (atomic_load(&nv->nlv_lost) == 0)
		return;
	lost = atomic_exchange(&nv->nlv_lost, 0);
	for (i = 1; i <= NL_GROUPS; i++)
		if ((lost & UINT64_C(1) << (i - 1)) != 0)
			broadcast(nv->nlv_vnet, &rtnl_proto, i, NULL, NULL);
}

/* ---- Port numbers -------------------------------------------------------------------- */

/* In an epoch, or with nlv_lock. */
static struct nlsock *
find_port(struct nlvnet *nv, const struct nlproto *proto, uint32_t portid)
{
	struct nlsock *ns;

	FOREACH_SOCK(ns, nv)
		if (ns->ns_proto == proto &&
		    atomic_load(&ns->ns_portid) == portid)
			return ns;
	return NULL;
}

/* so_lock held. portid 0: any, that of the process first. */
static int
set_port(struct nlsock *ns, uint32_t portid)
{
	struct nlvnet *nv = nlvnet(ns->ns_so->so_vnet);
	uint32_t want = portid != 0 ? portid : (uint32_t)curproc->p_pid;
	int error = 0;

	spin_lock(&nv->nlv_lock);
	while (want == 0 || find_port(nv, ns->ns_proto, want) != NULL) {
		if (portid != 0) {
			error = EADDRINUSE;
			break;
		}
		/* As Linux: "negative" ones. */
		if (nv->nlv_autobind < 0x80000000u)
			nv->nlv_autobind = (uint32_t)-4097;
		want = nv->nlv_autobind--;
	}
	if (error == 0)
		atomic_store(&ns->ns_portid, want);
	spin_unlock(&nv->nlv_lock);
	return error;
}

static int
autobind(struct nlsock *ns)
{
	return atomic_load(&ns->ns_portid) != 0 ? 0 : set_port(ns, 0);
}

static int
get_addr(const struct sockaddr *sa, socklen_t len, struct sockaddr_nl *snl)
{
	if (len < sizeof(*snl))
		return EINVAL;
	memcpy(snl, sa, sizeof(*snl));
	return snl->nl_family == AF_NETLINK ? 0 : EINVAL;
}

static uint64_t
all_groups(const struct nlproto *proto)
{
	return proto->nlp_groups >= 64 ? UINT64_MAX :
	    (UINT64_C(1) << proto->nlp_groups) - 1;
}

static int
nl_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct nlsock *ns = nlsock(so);
	struct sockaddr_nl snl;
	int error;

	error = get_addr(sa, len, &snl);
	if (error != 0)
		return error;
	if (atomic_load(&ns->ns_portid) == 0)
		error = set_port(ns, snl.nl_pid);
	else if (snl.nl_pid != atomic_load(&ns->ns_portid))
		error = EINVAL;
	if (error == 0)
		set_groups(ns, (atomic_load(&ns->ns_groups) &
		    ~UINT64_C(0xffffffff)) | (snl.nl_groups &
		    all_groups(ns->ns_proto)));
	return error;
}

/* May it send to others than the kernel? */
static bool
may_send(const struct nlsock *ns)
{
	return ns->ns_proto->nlp_users ||
	    (cred_is_root(ns->ns_so->so_cred) && cred_is_root(curcred()));
}

static int
nl_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct nlsock *ns = nlsock(so);
	struct sockaddr_nl snl;
	int error;

	error = get_addr(sa, len, &snl);
	if (error != 0)
		return error;
	if ((snl.nl_pid != 0 || snl.nl_groups != 0) && !may_send(ns))
		return EPERM;
	error = autobind(ns);
	if (error != 0)
		return error;
	ns->ns_dst = snl.nl_pid;
	ns->ns_dstgroups = snl.nl_groups;
	soisconnected(so);
	return 0;
}

static int
nl_disconnect(struct socket *so)
{
	nlsock(so)->ns_dst = nlsock(so)->ns_dstgroups = 0;
	so_setstate(so, 0, SS_ISCONNECTED);
	return 0;
}

static int
put_addr(struct sockaddr_storage *ss, socklen_t *lenp, uint32_t portid,
    uint32_t groups)
{
	struct sockaddr_nl snl = { .nl_family = AF_NETLINK,
	    .nl_pid = portid, .nl_groups = groups };

	memcpy(ss, &snl, sizeof(snl));
	*lenp = sizeof(snl);
	return 0;
}

static int
nl_sockaddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	struct nlsock *ns = nlsock(so);

	return put_addr(ss, lenp, atomic_load(&ns->ns_portid),
	    (uint32_t)atomic_load(&ns->ns_groups));
}

static int
nl_peeraddr(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	return put_addr(ss, lenp, nlsock(so)->ns_dst,
	    nlsock(so)->ns_dstgroups);
}

/* ---- Life ------------------------------------------------------------------------------ */

static const struct nlproto *
proto_of(int protocol)
{
	size_t i;

	for (i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i]->nlp_protocol == protocol)
			return protos[i];
	return NULL;
}

static int
nl_attach(struct socket *so, int protocol)
{
	const struct nlproto *proto = proto_of(protocol);
	struct nlvnet *nv = nlvnet(so->so_vnet);
	struct nlsock *ns;

	if (proto == NULL)
		return EPROTONOSUPPORT;
	ns = kmem_zalloc(sizeof(*ns), 0);
	if (ns == NULL)
		return ENOMEM;
	ns->ns_so = so;
	ns->ns_proto = proto;
	mutex_init(&ns->ns_dumplock, &dump_lc);
	so->so_pcb = ns;
	spin_lock(&nv->nlv_lock);
	atomic_init(&ns->ns_next, atomic_load(&nv->nlv_socks));
	atomic_store_explicit(&nv->nlv_socks, ns, memory_order_release);
	spin_unlock(&nv->nlv_lock);
	return 0;
}

static void
nlsock_free(struct epoch_entry *ee)
{
	struct nlsock *ns = container_of(ee, struct nlsock, ns_epoch);

	mutex_fini(&ns->ns_dumplock);
	kmem_free(ns, sizeof(*ns));
}

static void
nl_detach(struct socket *so)
{
	struct nlvnet *nv = nlvnet(so->so_vnet);
	struct nlsock *ns = nlsock(so), *p;
	_Atomic(struct nlsock *) *pp = &nv->nlv_socks;

	set_groups(ns, 0);
	spin_lock(&nv->nlv_lock);
	while ((p = atomic_load(pp)) != ns)
		pp = &p->ns_next;
	atomic_store(pp, atomic_load(&ns->ns_next));
	spin_unlock(&nv->nlv_lock);
	so->so_pcb = NULL;
	/* Nobody else has the socket: its file is gone. */
	nl_dump_end(ns);
	epoch_defer(&ns->ns_epoch, nlsock_free);
}

/* ---- Sending ---------------------------------------------------------------------------- */

/* To other sockets; m is taken over. */
static int
send_users(struct nlsock *ns, uint32_t portid, uint32_t groups,
    struct mbuf *m)
{
	struct vnet *vn = ns->ns_so->so_vnet;
	const struct cred *cr = curcred();
	struct ucred uc = { curproc->p_pid, cr->cr_uid, cr->cr_gid };
	struct nlsock *to;
	int error = 0;

	netisr_enter();
	set_source(m, atomic_load(&ns->ns_portid),
	    groups != 0 ? (unsigned)__builtin_ctz(groups) + 1 : 0, &uc);
	if (groups != 0)
		broadcast(vn, ns->ns_proto, m->m_ph.ph_mark, m, ns);
	if (portid != 0) {
		epoch_enter();
		to = find_port(nlvnet(vn), ns->ns_proto, portid);
		error = to == NULL ? ECONNREFUSED : deliver(to, m);
		if (to != NULL)
			m = NULL;
		epoch_exit();
		/* Who sends hears of a full buffer as of no room now. */
		if (error == ENOBUFS)
			error = EAGAIN;
	}
	netisr_exit();
	m_freem(m);
	return error;
}

static int
destination(struct nlsock *ns, const struct sockaddr *sa, socklen_t salen,
    struct sockaddr_nl *to)
{
	int error = 0;

	mutex_enter(&ns->ns_so->so_lock);
	if (sa != NULL) {
		error = get_addr(sa, salen, to);
		if (error == 0 && (to->nl_pid != 0 || to->nl_groups != 0) &&
		    !may_send(ns))
			error = EPERM;
	} else {
		*to = (struct sockaddr_nl){ .nl_pid = ns->ns_dst,
		    .nl_groups = ns->ns_dstgroups };
	}
	if (error == 0)
		error = autobind(ns);
	mutex_exit(&ns->ns_so->so_lock);
	return error;
}

static int
send_kernel(struct nlsock *ns, const struct mbuf *m)
{
	size_t n = m->m_ph.ph_len;
	uint8_t *msg;

	if (ns->ns_proto->nlp_request == NULL)
		return ECONNREFUSED;
	msg = kmem_alloc(MAX(n, (size_t)1), 0);
	if (msg == NULL)
		return ENOBUFS;
	m_copydata(m, 0, n, msg);
	(void)nl_input(ns, msg, n);
	kmem_free(msg, MAX(n, (size_t)1));
	return 0;
}

static int
nl_sosend(struct socket *so, const struct sockaddr *sa, socklen_t salen,
    struct uio *uio, struct mbuf *control, int flags)
{
	struct nlsock *ns = nlsock(so);
	size_t n = uio->uio_resid;
	struct sockaddr_nl to;
	struct mbuf *m;
	int error;

	m_freem(control);
	if ((flags & MSG_OOB) != 0)
		return EOPNOTSUPP;
	error = destination(ns, sa, salen, &to);
	if (error != 0)
		return error;
	if (n > so->so_snd.sb_hiwat || n > INT32_MAX / 2)
		return EMSGSIZE;
	if (n == 0)
		return ENODATA;
	error = m_uiomove_in(uio, n, 0, M_PKTHDR, &m);
	if (error == 0 && to.nl_pid == 0 && to.nl_groups == 0) {
		error = send_kernel(ns, m);
		m_freem(m);
	} else if (error == 0) {
		error = send_users(ns, to.nl_pid, to.nl_groups, m);
	}
	if (error != 0)
		uio->uio_resid = n;
	return error;
}

/* ---- Receiving --------------------------------------------------------------------------- */

static int
nl_soreceive(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp,
    struct uio *uio, struct cmsgbuf *cb, int *flagsp)
{
	struct nlsock *ns = nlsock(so);
	uint32_t n = (uint32_t)MIN(uio->uio_resid, (size_t)NL_PIECE_MAX);
	int error, flags = *flagsp;

	if (n > atomic_load_explicit(&ns->ns_maxrecv, memory_order_relaxed))
		atomic_store_explicit(&ns->ns_maxrecv, n,
		    memory_order_relaxed);
	/* What was lost is told before what is there. */
	error = atomic_load_explicit(&so->so_error, memory_order_relaxed) == 0 ?
	    0 : atomic_exchange(&so->so_error, 0);
	if (error == 0)
		error = soreceive(so, ss, lenp, uio, cb, flagsp);
	if (error != 0 || (flags & MSG_PEEK) != 0)
		return error;
	if (__unlikely(__atomic_load_n(&ns->ns_overrun, __ATOMIC_RELAXED))) {
		mutex_enter(&so->so_lock);
		if (so->so_rcv.sb_mb == NULL)
			ns->ns_overrun = false;
		mutex_exit(&so->so_lock);
	}
	nl_dump_more(ns);
	return 0;
}

static void
nl_cmsg(struct socket *so, const struct mbuf *m, struct cmsgbuf *cb)
{
	struct nl_pktinfo info = { .group = m->m_ph.ph_mark };
	struct ucred uc;

	if ((nlsock(so)->ns_flags & NS_PKTINFO) != 0)
		cmsg_put(cb, SOL_NETLINK, NETLINK_PKTINFO, &info,
		    sizeof(info));
	if ((so->so_options & SOO_PASSCRED) != 0) {
		memcpy(&uc, m->m_ph.ph_from + sizeof(struct sockaddr_nl),
		    sizeof(uc));
		cmsg_put(cb, SOL_SOCKET, SCM_CREDENTIALS, &uc, sizeof(uc));
	}
}

/* ---- Options ------------------------------------------------------------------------------ */

static uint32_t
flag_of(int name)
{
	switch (name) {
	case NETLINK_PKTINFO:
		return NS_PKTINFO;
	case NETLINK_BROADCAST_ERROR:
		return NS_BCASTERR;
	case NETLINK_NO_ENOBUFS:
		return NS_NOENOBUFS;
	case NETLINK_CAP_ACK:
		return NS_CAPACK;
	case NETLINK_EXT_ACK:
		return NS_EXTACK;
	case NETLINK_GET_STRICT_CHK:
		return NS_STRICT;
	}
	return 0;
}

static int
set_membership(struct nlsock *ns, bool add, int group)
{
	uint64_t groups = atomic_load(&ns->ns_groups), bit;

	if (group < 1 || (unsigned)group > ns->ns_proto->nlp_groups)
		return EINVAL;
	bit = UINT64_C(1) << (group - 1);
	set_groups(ns, add ? groups | bit : groups & ~bit);
	return 0;
}

static int
set_option(struct nlsock *ns, struct sockopt *sopt)
{
	uint32_t flag = flag_of(sopt->sopt_name);
	int error, v;

	error = sopt_int(sopt, &v);
	if (error != 0)
		return error;
	switch (sopt->sopt_name) {
	case NETLINK_ADD_MEMBERSHIP:
		return set_membership(ns, true, v);
	case NETLINK_DROP_MEMBERSHIP:
		return set_membership(ns, false, v);
	}
	if (flag == 0)
		return ENOPROTOOPT;
	__atomic_store_n(&ns->ns_flags, v != 0 ? ns->ns_flags | flag :
	    ns->ns_flags & ~flag, __ATOMIC_RELAXED);
	if (flag == NS_NOENOBUFS && v != 0)
		ns->ns_overrun = false;
	return 0;
}

static int
get_option(struct nlsock *ns, struct sockopt *sopt)
{
	uint32_t flag = flag_of(sopt->sopt_name);
	uint64_t groups;

	if (sopt->sopt_name == NETLINK_LIST_MEMBERSHIPS) {
		groups = atomic_load(&ns->ns_groups);
		return sopt_put(sopt, &groups,
		    ns->ns_proto->nlp_groups > 32 ? 8 : 4);
	}
	if (flag == 0)
		return ENOPROTOOPT;
	if (sopt->sopt_size < sizeof(int))
		return EINVAL;
	return sopt_put_int(sopt, (ns->ns_flags & flag) != 0);
}

static int
nl_ctloutput(struct socket *so, struct sockopt *sopt)
{
	if (sopt->sopt_level != SOL_NETLINK)
		return ENOPROTOOPT;
	return sopt->sopt_dir == SOPT_SET ? set_option(nlsock(so), sopt) :
	    get_option(nlsock(so), sopt);
}

/* ---- Registration ------------------------------------------------------------------------- */

static int
nl_vnet_init(struct vnet *vn, void **datap)
{
	struct nlvnet *nv;
	int error;

	nv = kmem_zalloc(sizeof(*nv), 0);
	if (nv == NULL)
		return ENOMEM;
	nv->nlv_vnet = vn;
	spin_init(&nv->nlv_lock, &nlvnet_lc);
	error = netqueue_init(&nv->nlv_events, NL_EVENTS, events_input);
	if (error != 0) {
		spin_fini(&nv->nlv_lock);
		kmem_free(nv, sizeof(*nv));
		return error;
	}
	*datap = nv;
	return 0;
}

static void
nl_vnet_fini(struct vnet *vn, void *data)
{
	struct nlvnet *nv = data;

	/* News that come later are for nobody. */
	vn->vn_data[VNET_NETLINK] = NULL;
	netqueue_fini(&nv->nlv_events);
	spin_fini(&nv->nlv_lock);
	kmem_free(nv, sizeof(*nv));
}

static const struct vnet_ops nl_vnet_ops = {
	.vo_slot = VNET_NETLINK,
	.vo_init = nl_vnet_init,
	.vo_fini = nl_vnet_fini,
};

static struct domain netlink_domain;

#define NL_PROTOSW(type) {						\
	.pr_domain = &netlink_domain,					\
	.pr_type = (type),						\
	.pr_flags = PR_ATOMIC | PR_ADDR,				\
	.pr_attach = nl_attach,						\
	.pr_detach = nl_detach,						\
	.pr_bind = nl_bind,						\
	.pr_connect = nl_connect,					\
	.pr_disconnect = nl_disconnect,					\
	.pr_sockaddr = nl_sockaddr,					\
	.pr_peeraddr = nl_peeraddr,					\
	.pr_ctloutput = nl_ctloutput,					\
	.pr_cmsg = nl_cmsg,						\
	.pr_sosend = nl_sosend,						\
	.pr_soreceive = nl_soreceive,					\
}

static const struct protosw nl_raw_sw = NL_PROTOSW(SOCK_RAW),
    nl_dgram_sw = NL_PROTOSW(SOCK_DGRAM);
static const struct protosw *const nl_protosw[] = {
	&nl_raw_sw, &nl_dgram_sw, NULL
};

static struct domain netlink_domain = {
	.dom_family = AF_NETLINK,
	.dom_name = "netlink",
	.dom_protosw = nl_protosw,
};

int
netlink_init(void)
{
	int error;

	error = vnet_register(&nl_vnet_ops);
	if (error == 0)
		error = domain_register(&netlink_domain);
	if (error == 0)
		rtnl_init();
	return error;
}
