/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports: who may have which (bind(2), ip(7), socket(7) on SO_REUSEADDR and
 * SO_REUSEPORT), and choosing one (RFC 6056 3.3.4 for connections, in
 * in_pcb_connect.c).
 */
#include <kern/assert.h>
#include <kern/kmem.h>

#include "in_pcb_impl.h"

/* ---- Ports' entries: t_lock ----------------------------------------------- */

static inline uint32_t
port_slot(const struct inpcbtable *t, uint16_t port)
{
	return be16toh(port) & t->t_portmask;
}

struct inpport *
inpport_find(struct inpcbtable *t, uint16_t port)
{
	struct inpport *pp = t->t_ports[port_slot(t, port)];

	while (pp != NULL && pp->ipp_port != port)
		pp = pp->ipp_next;
	return pp;
}

static void
ports_grow(struct inpcbtable *t)
{
	uint32_t i, n = (t->t_portmask + 1) * 4, oldmask = t->t_portmask;
	struct inpport **old = t->t_ports, **new, *pp, *next;

	new = kmem_zalloc(n * sizeof(new[0]), KM_NORECLAIM);
	if (new == NULL)
		return;
	t->t_ports = new;
	t->t_portmask = n - 1;
	for (i = 0; i <= oldmask; i++) {
		for (pp = old[i]; pp != NULL; pp = next) {
			next = pp->ipp_next;
			pp->ipp_next = new[port_slot(t, pp->ipp_port)];
			new[port_slot(t, pp->ipp_port)] = pp;
		}
	}
	kmem_free(old, ((size_t)oldmask + 1) * sizeof(old[0]));
}

static struct inpport *
inpport_make(struct inpcbtable *t, uint16_t port)
{
	struct inpport *pp = kmem_zalloc(sizeof(*pp), KM_NORECLAIM);

	if (pp == NULL)
		return NULL;
	if (t->t_nports > t->t_portmask && t->t_portmask < 0x3fff)
		ports_grow(t);
	pp->ipp_port = port;
	list_init(&pp->ipp_inps);
	pp->ipp_next = t->t_ports[port_slot(t, port)];
	t->t_ports[port_slot(t, port)] = pp;
	t->t_nports++;
	return pp;
}

int
inpport_hold(struct inpcb *inp, uint16_t port, bool bound)
{
	struct inpcbtable *t = inp->inp_table;
	struct inpport *pp;

	KASSERT(spin_owned(&t->t_lock) && inp->inp_port == NULL);
	pp = inpport_find(t, port);
	if (pp == NULL)
		pp = inpport_make(t, port);
	if (pp == NULL)
		return ENOMEM;
	list_insert_tail(&pp->ipp_inps, &inp->inp_portlink);
	inp->inp_port = pp;
	if (bound) {
		pp->ipp_nbound++;
		inp->inp_flags |= INP_PORTBOUND;
	}
	return 0;
}

void
inpport_rele(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	struct inpport *pp = inp->inp_port, **ppp;

	KASSERT(spin_owned(&t->t_lock));
	if (pp == NULL)
		return;
	list_remove(&inp->inp_portlink);
	inp->inp_port = NULL;
	if ((inp->inp_flags & INP_PORTBOUND) != 0)
		pp->ipp_nbound--;
	inp->inp_flags &= ~(uint32_t)INP_PORTBOUND;
	if (!list_empty(&pp->ipp_inps))
		return;
	for (ppp = &t->t_ports[port_slot(t, pp->ipp_port)]; *ppp != pp;
	    ppp = &(*ppp)->ipp_next)
		continue;
	*ppp = pp->ipp_next;
	t->t_nports--;
	kmem_free(pp, sizeof(*pp));
}

/* ---- Who may share one ---------------------------------------------------- */

/* Options of a socket that is not locked. */
static inline uint32_t
options(const struct inpcb *inp)
{
	return __atomic_load_n(&inp->inp_socket->so_options,
	    __ATOMIC_RELAXED);
}

static inline uint32_t
bindif(const struct inpcb *inp)
{
	return __atomic_load_n(&inp->inp_socket->so_bindif,
	    __ATOMIC_RELAXED);
}

/*
 * Two blocks whose addresses and interfaces overlap. SO_REUSEADDR on both lets
 * datagram sockets share, and streams as long as none listens; SO_REUSEPORT on
 * both lets all share that belong to one user. A port to be chosen by us is shared with
 * nobody.
 */
static bool
pair_conflicts(const struct inpcb *inp, const struct inpcb *other,
    bool choosing)
{
	uint32_t both = options(inp) & options(other);
	bool stream = (inp->inp_flags & INP_DGRAM) == 0;

	if ((both & SOO_REUSEADDR) != 0) {
		if (!stream)
			return false;
		if (!so_is(other->inp_socket, SS_LISTENING))
			return choosing;
	}
	if ((both & SOO_REUSEPORT) != 0 && !(choosing && stream))
		return inp->inp_socket->so_uid != other->inp_socket->so_uid;
	return true;
}

bool
inp_conflicts(const struct inpcb *inp, const struct inpport *pp,
    const union inaddr *laddr, bool choosing)
{
	const struct inpcb *other;
	struct list *n;

	LIST_FOREACH(n, &pp->ipp_inps) {
		other = container_of(n, struct inpcb, inp_portlink);
		if (other == inp)
			continue;
		if (bindif(inp) != 0 && bindif(other) != 0 &&
		    bindif(inp) != bindif(other))
			continue;
		if (!inaddr_any(laddr) && !inaddr_any(&other->inp_laddr) &&
		    !inaddr_eq(laddr, &other->inp_laddr))
			continue;
		if (pair_conflicts(inp, other, choosing))
			return true;
	}
	return false;
}

/* ---- Choosing one --------------------------------------------------------- */

void
inp_port_range(const struct inpcbtable *t, uint32_t *first, uint32_t *count)
{
	const struct vnet_inet *vi = vnet_inet(t->t_vnet);
	uint32_t lo = (uint32_t)ip_conf(vi, IPC_ip_local_port_first);
	uint32_t hi = (uint32_t)ip_conf(vi, IPC_ip_local_port_last);

	*first = MIN(lo, hi);
	*count = MAX(lo, hi) - *first + 1;
}

/* A port that nobody has; then, one that can be shared. */
int
inp_port_choose(struct inpcb *inp, const union inaddr *laddr)
{
	struct inpcbtable *t = inp->inp_table;
	struct inpport *pp, *shared = NULL;
	uint32_t first, count, start, i;
	uint16_t port;

	KASSERT(spin_owned(&t->t_lock));
	inp_port_range(t, &first, &count);
	(void)random_bytes(&start, sizeof(start));
	for (i = 0; i < count; i++) {
		port = htobe16(first + (start + i) % count);
		pp = inpport_find(t, port);
		if (pp == NULL)
			return inpport_hold(inp, port, true);
		if (shared == NULL && !inp_conflicts(inp, pp, laddr, true))
			shared = pp;
	}
	if (shared == NULL)
		return EADDRINUSE;
	return inpport_hold(inp, shared->ipp_port, true);
}

/* ---- bind(2) -------------------------------------------------------------- */

static int
port_take(struct inpcb *inp, const union inaddr *laddr, uint16_t port)
{
	struct inpport *pp;

	if (port == 0)
		return inp_port_choose(inp, laddr);
	pp = inpport_find(inp->inp_table, port);
	if (pp != NULL && inp_conflicts(inp, pp, laddr, false))
		return EADDRINUSE;
	return inpport_hold(inp, port, true);
}

static int
bind_locked(struct inpcb *inp, const union inaddr *laddr, uint16_t port)
{
	static const union inaddr any;
	int error;

	if (port == 0 && (inp->inp_flags & INP_PORTLATE) != 0) {
		inp_addr_write(&inp->inp_laddr, laddr);
		return 0;
	}
	error = port_take(inp, laddr, port);
	if (error == 0)
		inp_relink(inp, laddr, inp->inp_port->ipp_port, &any, 0,
		    (inp->inp_flags & INP_DGRAM) != 0);
	return error;
}

int
in_pcbaddr_check(const struct inpcb *inp, uint32_t addr, bool *notsrc)
{
	struct vnet *vn = inp->inp_socket->so_vnet;
	enum in_kind kind;

	epoch_enter();
	kind = in_kind(vn, addr);
	epoch_exit();
	*notsrc = kind == INK_MCAST || kind == INK_BCAST;
	if (kind == INK_UNICAST &&
	    (inp->inp_flags & (INP_FREEBIND | INP_TRANSPARENT)) == 0 &&
	    ip_conf(vnet_inet(vn), IPC_ip_nonlocal_bind) == 0)
		return EADDRNOTAVAIL;
	return 0;
}

int
in_pcbbind(struct inpcb *inp, const struct sockaddr *sa, socklen_t len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;
	struct inpcbtable *t = inp->inp_table;
	struct vnet_inet *vi = vnet_inet(inp->inp_socket->so_vnet);
	union inaddr laddr;
	bool notsrc;
	int error;

	if (len < sizeof(*sin))
		return EINVAL;
	/* ip(7): AF_UNSPEC with INADDR_ANY is taken for AF_INET. */
	if (sin->sin_family != AF_INET && (sin->sin_family != AF_UNSPEC ||
	    sin->sin_addr.s_addr != 0))
		return EAFNOSUPPORT;
	laddr = inaddr4(sin->sin_addr.s_addr);
	error = in_pcbaddr_check(inp, laddr.a4, &notsrc);
	if (error != 0)
		return error;
	if (sin->sin_port != 0 && be16toh(sin->sin_port) <
	    ip_conf(vi, IPC_ip_unprivileged_port_start) &&
	    !cred_is_root(curcred()))
		return EACCES;
	if (inp->inp_lport != 0 ||
	    (inp->inp_flags & (INP_CONNECTED | INP_BINDADDR)) != 0)
		return EINVAL;
	spin_lock(&t->t_lock);
	error = bind_locked(inp, &laddr, sin->sin_port);
	spin_unlock(&t->t_lock);
	if (error != 0)
		return error;
	if (laddr.a4 != 0)
		inp->inp_flags |= INP_BINDADDR;
	if (sin->sin_port != 0)
		inp->inp_flags |= INP_BINDPORT;
	if (notsrc)
		inp->inp_flags |= INP_NOTSRC;
	return 0;
}

int
in_pcblisten(struct inpcb *inp)
{
	struct inpcbtable *t = inp->inp_table;
	static const union inaddr any;
	int error = 0;

	if ((inp->inp_flags & INP_CONNECTED) != 0)
		return EINVAL;
	spin_lock(&t->t_lock);
	if (inp->inp_port == NULL)
		error = inp_port_choose(inp, &inp->inp_laddr);
	else if (inp_conflicts(inp, inp->inp_port, &inp->inp_laddr, false))
		error = EADDRINUSE;	/* another one listens by now */
	if (error == 0 && (inp->inp_flags & INP_BOUND) == 0)
		inp_relink(inp, &inp->inp_laddr, inp->inp_port->ipp_port,
		    &any, 0, true);
	spin_unlock(&t->t_lock);
	return error;
}
