/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that sockets are members of: RFC 1112, RFC 3376 3 (source filters of a
 * socket), ip(7).
 *
 * Joining and leaving an interface's group takes the interfaces' lock, which
 * comes before any socket's: so_lock is left over it, the socket's file being
 * in use. What a closed socket was a member of is left on a kernel thread.
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "netinet.h"

/* [o] so_lock of the socket, but for what is constant. */
struct inpmembership {
	struct inpmembership *ms_next;
	struct ifnet *ms_ifp;		/* constant; reference */
	uint32_t ms_group;		/* constant */
	bool ms_include;		/* sources are those wanted, or not */
	uint32_t ms_nsources, ms_size;
	uint32_t *ms_sources;
	struct work ms_work;
};

static struct workqueue *mcast_wq;

int
in_mcast_init(void)
{
	return workqueue_create("mcast", 1, &mcast_wq);
}

static void
membership_free(struct inpmembership *ms)
{
	if_rele(ms->ms_ifp);
	kmem_free(ms->ms_sources, ms->ms_size * sizeof(uint32_t));
	kmem_free(ms, sizeof(*ms));
}

/* No socket lock is held. */
static void
membership_leave(struct inpmembership *ms)
{
	union inaddr group = inaddr4(ms->ms_group);

	if (if_mcast_leave(ms->ms_ifp, AF_INET, &group) == 0)
		igmp_left(ms->ms_ifp, ms->ms_group);
	membership_free(ms);
}

static void
leave_work(struct work *wk)
{
	membership_leave(container_of(wk, struct inpmembership, ms_work));
}

void
in_mcast_leave_all(struct inpcb *inp)
{
	struct inpmembership *ms;

	while ((ms = inp->inp_more->im_groups) != NULL) {
		inp->inp_more->im_groups = ms->ms_next;
		work_init(&ms->ms_work, leave_work);
		(void)workqueue_enqueue(mcast_wq, &ms->ms_work);
	}
}

static struct inpmembership **
membership_find(struct inpcb *inp, uint32_t group, uint32_t ifindex)
{
	struct inpmembership **msp;

	if (inp->inp_more == NULL)
		return NULL;
	for (msp = &inp->inp_more->im_groups; *msp != NULL;
	    msp = &(*msp)->ms_next) {
		if ((*msp)->ms_group == group && (ifindex == 0 ||
		    (*msp)->ms_ifp->if_index == ifindex))
			return msp;
	}
	return NULL;
}

static uint32_t *
source_find(const struct inpmembership *ms, uint32_t src)
{
	uint32_t i;

	for (i = 0; i < ms->ms_nsources; i++) {
		if (ms->ms_sources[i] == src)
			return &ms->ms_sources[i];
	}
	return NULL;
}

bool
in_mcast_wants(struct inpcb *inp, const struct inpkt *pk)
{
	struct inpmembership **msp;

	msp = membership_find(inp, pk->ip_dst.a4, pk->ip_ifp->if_index);
	if (msp == NULL)
		return (inp->inp_flags & INP_MCASTALL) != 0;
	return (source_find(*msp, pk->ip_src.a4) != NULL) ==
	    (*msp)->ms_include;
}

void
in_mcastout(struct inpcb *inp, struct inout *io)
{
	if (__likely(!in_multicast(io->io_dst.a4)))
		return;
	io->io_ttl = inp->inp_mttl;
	if ((inp->inp_flags & INP_MCASTLOOP) != 0)
		io->io_flags |= IO_MCASTLOOP;
	if (io->io_oif == 0)
		io->io_oif = inp->inp_mcastif;
	if (inaddr_any(&io->io_src) && inp->inp_more != NULL)
		io->io_src = inaddr4(inp->inp_more->im_mcastaddr);
}

/* ---- Joining, leaving ------------------------------------------------------ */

/* Which interface is meant. Referenced; NULL: none. */
static struct ifnet *
interface_of(struct vnet *vn, uint32_t ifindex, uint32_t addr, uint32_t group)
{
	struct route_key rk = {
		.rk_family = AF_INET,
		.rk_dst = inaddr4(group),
	};
	struct ifnet *ifp = NULL;
	struct nexthop *nh;

	epoch_enter();
	if (ifindex != 0)
		ifp = if_byindex(vn, ifindex);
	else if (addr != 0)
		ifp = in_addrs_ifp(vnet_inet(vn), addr);
	else if (route_lookup(vn, &rk, &nh) == 0)
		ifp = nh->nh_ifp;
	if (ifp != NULL)
		if_hold(ifp);
	epoch_exit();
	return ifp;
}

/* What the options' structures tell. */
struct greq {
	uint32_t gr_group, gr_source;
	uint32_t gr_ifindex, gr_addr;
};

static struct inpmembership *
membership_make(struct vnet *vn, const struct greq *gr)
{
	struct inpmembership *ms;
	struct ifnet *ifp;

	ms = kmem_zalloc(sizeof(*ms), 0);
	if (ms == NULL)
		return NULL;
	ifp = interface_of(vn, gr->gr_ifindex, gr->gr_addr, gr->gr_group);
	if (ifp == NULL) {
		kmem_free(ms, sizeof(*ms));
		return NULL;
	}
	ms->ms_ifp = ifp;
	ms->ms_group = gr->gr_group;
	return ms;
}

/* On the interface; so_lock is left over it. The entry is the socket's. */
static int
membership_enter(struct socket *so, struct inpmembership *ms)
{
	struct inpcb *inp = sotoinpcb(so);
	union inaddr group = inaddr4(ms->ms_group);
	struct inpmembership **msp;
	int error;

	ms->ms_next = inp->inp_more->im_groups;
	inp->inp_more->im_groups = ms;
	inp->inp_more->im_ngroups++;
	mutex_exit(&so->so_lock);
	error = if_mcast_join(ms->ms_ifp, AF_INET, &group);
	if (error == 0)
		igmp_joined(ms->ms_ifp, ms->ms_group);
	mutex_enter(&so->so_lock);
	if (error == 0)
		return 0;
	msp = membership_find(inp, ms->ms_group, ms->ms_ifp->if_index);
	if (msp != NULL && *msp == ms) {
		*msp = ms->ms_next;
		inp->inp_more->im_ngroups--;
		membership_free(ms);
	}
	return error;
}

static int
group_join(struct socket *so, const struct greq *gr,
    struct inpmembership **out)
{
	struct inpcb *inp = sotoinpcb(so);
	struct inpmembership *ms;
	struct inpmore *im;

	if (so->so_type == SOCK_STREAM)
		return EPROTO;
	if (!in_multicast(gr->gr_group))
		return EINVAL;
	im = in_pcbmore(inp);
	if (im == NULL)
		return ENOBUFS;
	ms = membership_make(so->so_vnet, gr);
	if (ms == NULL)
		return ENODEV;
	if (membership_find(inp, ms->ms_group, ms->ms_ifp->if_index) != NULL) {
		membership_free(ms);
		return EADDRINUSE;
	}
	if (im->im_ngroups >= ip_conf(vnet_inet(so->so_vnet),
	    IPC_igmp_max_memberships)) {
		membership_free(ms);
		return ENOBUFS;
	}
	*out = ms;
	return 0;
}

static int
any_source_join(struct socket *so, const struct greq *gr)
{
	struct inpmembership *ms;
	int error;

	error = group_join(so, gr, &ms);
	return error != 0 ? error : membership_enter(so, ms);
}

static struct inpmembership **
membership_named(struct socket *so, const struct greq *gr, int *error)
{
	struct inpmembership **msp = NULL;
	struct ifnet *ifp = NULL;
	uint32_t ifindex = gr->gr_ifindex;

	*error = EINVAL;
	if (!in_multicast(gr->gr_group))
		return NULL;
	*error = ENODEV;
	if (ifindex == 0 && gr->gr_addr != 0) {
		ifp = interface_of(so->so_vnet, 0, gr->gr_addr, 0);
		if (ifp == NULL)
			return NULL;
		ifindex = ifp->if_index;
		if_rele(ifp);
	}
	*error = EADDRNOTAVAIL;
	msp = membership_find(sotoinpcb(so), gr->gr_group, ifindex);
	return msp;
}

static void
group_leave(struct socket *so, struct inpmembership **msp)
{
	struct inpmembership *ms = *msp;

	*msp = ms->ms_next;
	sotoinpcb(so)->inp_more->im_ngroups--;
	mutex_exit(&so->so_lock);
	membership_leave(ms);
	mutex_enter(&so->so_lock);
}

/* ---- Sources ---------------------------------------------------------------- */

static int
source_add(struct socket *so, struct inpmembership *ms, uint32_t src)
{
	uint32_t n, *new;

	if (source_find(ms, src) != NULL)
		return EADDRNOTAVAIL;
	if (ms->ms_nsources >= ip_conf(vnet_inet(so->so_vnet),
	    IPC_igmp_max_msf))
		return ENOBUFS;
	if (ms->ms_nsources == ms->ms_size) {
		n = ms->ms_size + 4;
		new = kmem_realloc(ms->ms_sources, ms->ms_size *
		    sizeof(uint32_t), n * sizeof(uint32_t), 0);
		if (new == NULL)
			return ENOBUFS;
		ms->ms_sources = new;
		ms->ms_size = n;
	}
	ms->ms_sources[ms->ms_nsources++] = src;
	return 0;
}

static int
source_remove(struct inpmembership *ms, uint32_t src)
{
	uint32_t *s = source_find(ms, src);

	if (s == NULL)
		return EADDRNOTAVAIL;
	*s = ms->ms_sources[--ms->ms_nsources];
	return 0;
}

static int
source_join(struct socket *so, const struct greq *gr)
{
	struct inpmembership **msp, *ms;
	int error;

	msp = membership_named(so, gr, &error);
	if (msp != NULL) {
		if (!(*msp)->ms_include)
			return EINVAL;
		return source_add(so, *msp, gr->gr_source);
	}
	error = group_join(so, gr, &ms);
	if (error != 0)
		return error;
	ms->ms_include = true;
	error = source_add(so, ms, gr->gr_source);
	if (error != 0) {
		membership_free(ms);
		return error;
	}
	return membership_enter(so, ms);
}

static int
source_leave(struct socket *so, const struct greq *gr)
{
	struct inpmembership **msp;
	int error;

	msp = membership_named(so, gr, &error);
	if (msp == NULL)
		return error;
	if (!(*msp)->ms_include)
		return EINVAL;
	error = source_remove(*msp, gr->gr_source);
	if (error == 0 && (*msp)->ms_nsources == 0)
		group_leave(so, msp);
	return error;
}

static int
source_block(struct socket *so, const struct greq *gr, bool block)
{
	struct inpmembership **msp;
	int error;

	msp = membership_named(so, gr, &error);
	if (msp == NULL)
		return error == EADDRNOTAVAIL ? EINVAL : error;
	if ((*msp)->ms_include)
		return EINVAL;
	return block ? source_add(so, *msp, gr->gr_source) :
	    source_remove(*msp, gr->gr_source);
}

/* ---- Options ---------------------------------------------------------------- */

/* struct ip_mreq, or the longer ip_mreqn. */
static int
mreq_get(const struct sockopt *sopt, struct greq *gr)
{
	struct ip_mreqn mr;
	size_t n = sopt->sopt_size >= sizeof(mr) ? sizeof(mr) :
	    sizeof(struct ip_mreq);
	int error;

	memset(&mr, 0, sizeof(mr));
	memset(gr, 0, sizeof(*gr));
	error = sopt_get(sopt, &mr, n);
	gr->gr_group = mr.imr_multiaddr.s_addr;
	gr->gr_addr = mr.imr_address.s_addr;
	gr->gr_ifindex = (uint32_t)mr.imr_ifindex;
	return error;
}

static int
mreq_source_get(const struct sockopt *sopt, struct greq *gr)
{
	struct ip_mreq_source mr;
	int error;

	memset(gr, 0, sizeof(*gr));
	error = sopt_get(sopt, &mr, sizeof(mr));
	if (error != 0)
		return error;
	gr->gr_group = mr.imr_multiaddr;
	gr->gr_addr = mr.imr_interface;
	gr->gr_source = mr.imr_sourceaddr;
	return 0;
}

/* struct group_req or, with a source, group_source_req (RFC 3678). */
static int
greq_get(const struct sockopt *sopt, struct greq *gr, bool source)
{
	struct group_source_req gs;
	const struct sockaddr_in *sin;
	int error;

	memset(&gs, 0, sizeof(gs));
	memset(gr, 0, sizeof(*gr));
	error = sopt_get(sopt, &gs, source ? sizeof(gs) :
	    sizeof(struct group_req));
	if (error != 0)
		return error;
	sin = (const struct sockaddr_in *)&gs.gsr_group;
	if (sin->sin_family != AF_INET)
		return EINVAL;
	gr->gr_group = sin->sin_addr.s_addr;
	gr->gr_ifindex = gs.gsr_interface;
	sin = (const struct sockaddr_in *)&gs.gsr_source;
	if (source && sin->sin_family != AF_INET)
		return EADDRNOTAVAIL;
	gr->gr_source = sin->sin_addr.s_addr;
	return 0;
}

static int
outgoing_set(struct socket *so, const struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	struct ifnet *ifp = NULL;
	struct inpmore *im;
	struct greq gr;
	uint32_t addr;
	int error;

	if (so->so_type == SOCK_STREAM)
		return EINVAL;
	memset(&gr, 0, sizeof(gr));
	error = sopt->sopt_size >= sizeof(struct ip_mreq) ?
	    mreq_get(sopt, &gr) : sopt_get(sopt, &gr.gr_addr, 4);
	if (error != 0)
		return error;
	addr = gr.gr_addr;
	im = in_pcbmore(inp);
	if (im == NULL)
		return ENOBUFS;
	if (gr.gr_ifindex == 0 && addr == 0) {
		inp->inp_mcastif = im->im_mcastaddr = 0;
		return 0;
	}
	ifp = interface_of(so->so_vnet, gr.gr_ifindex, addr, 0);
	if (ifp == NULL)
		return EADDRNOTAVAIL;
	inp->inp_mcastif = ifp->if_index;
	im->im_mcastaddr = addr;
	if_rele(ifp);
	return 0;
}

static int
any_source_leave(struct socket *so, const struct greq *gr)
{
	struct inpmembership **msp;
	int error;

	msp = membership_named(so, gr, &error);
	if (msp == NULL)
		return error;
	group_leave(so, msp);
	return 0;
}

static int
source_option(struct socket *so, int name, const struct greq *gr)
{
	switch (name) {
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		return source_join(so, gr);
	case IP_DROP_SOURCE_MEMBERSHIP:
	case MCAST_LEAVE_SOURCE_GROUP:
		return source_leave(so, gr);
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:
		return source_block(so, gr, true);
	default:
		return source_block(so, gr, false);
	}
}

int
in_mcast_setopt(struct socket *so, const struct sockopt *sopt)
{
	struct greq gr;
	int error;

	switch (sopt->sopt_name) {
	case IP_MULTICAST_IF:
		return outgoing_set(so, sopt);
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
		error = mreq_get(sopt, &gr);
		break;
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		error = greq_get(sopt, &gr, false);
		break;
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
		error = mreq_source_get(sopt, &gr);
		return error != 0 ? error : source_option(so,
		    sopt->sopt_name, &gr);
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		error = greq_get(sopt, &gr, true);
		return error != 0 ? error : source_option(so,
		    sopt->sopt_name, &gr);
	default:
		return ENOPROTOOPT;
	}
	if (error != 0)
		return error;
	return sopt->sopt_name == IP_ADD_MEMBERSHIP ||
	    sopt->sopt_name == MCAST_JOIN_GROUP ? any_source_join(so, &gr) :
	    any_source_leave(so, &gr);
}

int
in_mcast_getopt(struct socket *so, struct sockopt *sopt)
{
	const struct inpmore *im = sotoinpcb(so)->inp_more;
	uint32_t addr = im != NULL ? im->im_mcastaddr : 0;

	if (sopt->sopt_name != IP_MULTICAST_IF)
		return ENOPROTOOPT;
	return sopt_put(sopt, &addr, sizeof(addr));
}
