/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_IP: ip(7).
 */
#include <kern/assert.h>

#include "netinet.h"

/* Options that are one bit of the block. */
static const struct {
	int name;
	uint32_t flag;
} flag_options[] = {
	{ IP_PKTINFO, INP_PKTINFO },
	{ IP_RECVTTL, INP_RECVTTL },
	{ IP_RECVTOS, INP_RECVTOS },
	{ IP_RECVERR, INP_RECVERR },
	{ IP_RECVOPTS, INP_RECVOPTS },
	{ IP_RETOPTS, INP_RETOPTS },
	{ IP_RECVORIGDSTADDR, INP_RECVORIGDST },
	{ IP_FREEBIND, INP_FREEBIND },
	{ IP_TRANSPARENT, INP_TRANSPARENT },
	{ IP_BIND_ADDRESS_NO_PORT, INP_PORTLATE },
	{ IP_HDRINCL, INP_HDRINCL },
	{ IP_MULTICAST_LOOP, INP_MCASTLOOP },
	{ IP_MULTICAST_ALL, INP_MCASTALL },
};

static uint32_t
flag_of(int name)
{
	unsigned i;

	for (i = 0; i < nitems(flag_options); i++) {
		if (flag_options[i].name == name)
			return flag_options[i].flag;
	}
	return 0;
}

/* ip(7): an int, or a byte. */
static int
value_get(const struct sockopt *sopt, int *vp)
{
	uint8_t byte;
	int error;

	if (sopt->sopt_size >= sizeof(*vp))
		return sopt_get(sopt, vp, sizeof(*vp));
	error = sopt_get(sopt, &byte, 1);
	*vp = byte;
	return error;
}

static int
flag_set(struct socket *so, int name, uint32_t flag, int v)
{
	struct inpcb *inp = sotoinpcb(so);

	switch (name) {
	case IP_HDRINCL:
		if (so->so_type != SOCK_RAW)
			return ENOPROTOOPT;
		break;
	case IP_TRANSPARENT:
		if (v != 0 && !cred_is_root(curcred()))
			return EPERM;
		break;
	case IP_MULTICAST_ALL:
		if (v != 0 && v != 1)
			return EINVAL;
		break;
	}
	if (v != 0)
		inp->inp_flags |= flag;
	else
		inp->inp_flags &= ~flag;
	return 0;
}

/* RFC 2474, RFC 3168: a stream's ECN bits are its protocol's. */
static void
tos_set(struct socket *so, int v)
{
	struct inpcb *inp = sotoinpcb(so);

	if (so->so_type == SOCK_STREAM)
		v = (v & ~IP_ECNMASK) | (inp->inp_tos & IP_ECNMASK);
	inp->inp_tos = (uint8_t)v;
}

static int
ranged_set(uint8_t *field, int v, int lo, int hi)
{
	if (v < lo || v > hi)
		return EINVAL;
	*field = (uint8_t)v;
	return 0;
}

static int
ttl_set(struct inpcb *inp, int v)
{
	if (v == -1) {
		inp->inp_ttl = 0;
		return 0;
	}
	return ranged_set(&inp->inp_ttl, v, 1, 255);
}

static int
mttl_set(struct socket *so, int v)
{
	if (so->so_type == SOCK_STREAM)
		return EINVAL;
	return ranged_set(&sotoinpcb(so)->inp_mttl, v == -1 ? 1 : v, 0, 255);
}

static int
options_set(struct inpcb *inp, const struct sockopt *sopt)
{
	struct ip_optstate os;
	struct inpmore *im;
	uint8_t opts[IP_MAXOPT];
	size_t n = sopt->sopt_size;
	int error;

	if (n > IP_MAXOPT)
		return EINVAL;
	memset(opts, 0, sizeof(opts));
	error = sopt_get(sopt, opts, n);
	if (error != 0)
		return error;
	if (ip_options_check(opts, (unsigned)n, &os) != 0)
		return EINVAL;
	/* Nobody forwards by source routes (RFC 7126 4.3). */
	if (os.os_srr != 0)
		return EPERM;
	im = in_pcbmore(inp);
	if (im == NULL)
		return ENOBUFS;
	memcpy(im->im_opts, opts, sizeof(opts));
	inp->inp_optlen = (uint8_t)roundup2(n, 4u);
	return 0;
}

static int
in_setopt(struct socket *so, const struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	uint32_t flag = flag_of(sopt->sopt_name);
	int v, error;

	if (sopt->sopt_name == IP_OPTIONS)
		return options_set(inp, sopt);
	error = in_mcast_setopt(so, sopt);
	if (error != ENOPROTOOPT)
		return error;
	if (flag == 0 && sopt->sopt_name != IP_TOS &&
	    sopt->sopt_name != IP_TTL && sopt->sopt_name != IP_MTU_DISCOVER &&
	    sopt->sopt_name != IP_MINTTL &&
	    sopt->sopt_name != IP_MULTICAST_TTL)
		return ENOPROTOOPT;
	error = value_get(sopt, &v);
	if (error != 0)
		return error;
	if (flag != 0)
		return flag_set(so, sopt->sopt_name, flag, v);
	switch (sopt->sopt_name) {
	case IP_TOS:
		tos_set(so, v);
		return 0;
	case IP_TTL:
		return ttl_set(inp, v);
	case IP_MULTICAST_TTL:
		return mttl_set(so, v);
	case IP_MINTTL:
		return ranged_set(&inp->inp_minttl, v, 0, 255);
	default:
		return ranged_set(&inp->inp_mtudisc, v, IP_PMTUDISC_DONT,
		    IP_PMTUDISC_OMIT);
	}
}

static int
mtu_get(struct inpcb *inp, int *vp)
{
	struct inout io;

	if ((inp->inp_flags & INP_CONNECTED) == 0)
		return ENOTCONN;
	in_pcbout(inp, &io);
	io.io_rc = NULL;
	*vp = (int)in_pathmtu(&io);
	return *vp != 0 ? 0 : ENOTCONN;
}

/* ip(7): less than an int is asked for, and it fits a byte. */
static int
value_put(struct sockopt *sopt, int v)
{
	uint8_t byte = (uint8_t)v;

	if (sopt->sopt_size > 0 && sopt->sopt_size < sizeof(v) && v >= 0 &&
	    v <= 255)
		return sopt_put(sopt, &byte, 1);
	return sopt_put_int(sopt, v);
}

static int
in_getopt(struct socket *so, struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	uint32_t flag = flag_of(sopt->sopt_name);
	int v, error;

	error = in_mcast_getopt(so, sopt);
	if (error != ENOPROTOOPT)
		return error;
	switch (sopt->sopt_name) {
	case IP_OPTIONS:
		return sopt_put(sopt, inp->inp_more != NULL ?
		    inp->inp_more->im_opts : NULL, inp->inp_optlen);
	case IP_TOS:
		v = inp->inp_tos;
		break;
	case IP_TTL:
		v = inp->inp_ttl != 0 ? inp->inp_ttl : (int)ip_conf(
		    vnet_inet(so->so_vnet), IPC_ip_default_ttl);
		break;
	case IP_MULTICAST_TTL:
		v = inp->inp_mttl;
		break;
	case IP_MINTTL:
		v = inp->inp_minttl;
		break;
	case IP_MTU_DISCOVER:
		v = inp->inp_mtudisc;
		break;
	case IP_MTU:
		error = mtu_get(inp, &v);
		if (error != 0)
			return error;
		break;
	default:
		if (flag == 0)
			return ENOPROTOOPT;
		v = (inp->inp_flags & flag) != 0;
		break;
	}
	return value_put(sopt, v);
}

int
in_ctloutput(struct socket *so, struct sockopt *sopt)
{
	KASSERT(mutex_owned(&so->so_lock));
	if (sopt->sopt_level != SOL_IP)
		return ENOPROTOOPT;
	return sopt->sopt_dir == SOPT_SET ? in_setopt(so, sopt) :
	    in_getopt(so, sopt);
}

int
in_control(struct socket *so, unsigned long cmd, void *arg)
{
	return if_ioctl(so->so_vnet, cmd, arg);
}
