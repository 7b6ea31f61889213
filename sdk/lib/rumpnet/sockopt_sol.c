/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The options of SOL_SOCKET: socket(7). so_lock is held.
 */
#include <kern/proc.h>

#include <linux/if.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>

#include "sock_impl.h"

#define RCVBUF_MIN	2304		/* as Linux shows them: doubled */
#define SNDBUF_MIN	4608

/* ---- Booleans ------------------------------------------------------------------ */

static const struct flag {
	int f_name;
	uint32_t f_bit;
} flags[] = {
	{ SO_DEBUG, SOO_DEBUG },
	{ SO_REUSEADDR, SOO_REUSEADDR },
	{ SO_REUSEPORT, SOO_REUSEPORT },
	{ SO_KEEPALIVE, SOO_KEEPALIVE },
	{ SO_DONTROUTE, SOO_DONTROUTE },
	{ SO_BROADCAST, SOO_BROADCAST },
	{ SO_OOBINLINE, SOO_OOBINLINE },
	{ SO_PASSCRED, SOO_PASSCRED },
	{ SO_PASSSEC, SOO_PASSSEC },
	{ SO_NO_CHECK, SOO_NO_CHECK },
	{ SO_RXQ_OVFL, SOO_RXQ_OVFL },
	{ SO_ZEROCOPY, SOO_ZEROCOPY },
	{ SO_SELECT_ERR_QUEUE, SOO_SELECTERR },
};

static const struct flag *
flag_find(int name)
{
	for (size_t i = 0; i < nitems(flags); i++) {
		if (flags[i].f_name == name)
			return &flags[i];
	}
	return NULL;
}

static int
flag_set(struct socket *so, const struct flag *f, int v)
{
	if (f->f_bit == SOO_DEBUG && v != 0 && !cred_is_root(curcred()))
		return EACCES;
	if (f->f_bit == SOO_ZEROCOPY && (v < 0 || v > 1))
		return EINVAL;
	if (v != 0)
		so->so_options |= f->f_bit;
	else
		so->so_options &= ~f->f_bit;
	return 0;
}

/* ---- Buffers ------------------------------------------------------------------- */

static int
set_bufsize(struct socket *so, struct sockbuf *sb, int v, bool force)
{
	uint64_t max = sb == &so->so_rcv ? net_rmem_max : net_wmem_max;
	uint32_t min = sb == &so->so_rcv ? RCVBUF_MIN : SNDBUF_MIN, size;

	if (force && !cred_is_root(curcred()))
		return EPERM;
	/* A negative one is a large one, unless it would be obeyed. */
	if (force)
		size = (uint32_t)MAX(v, 0);
	else
		size = (uint32_t)MIN((uint64_t)(uint32_t)v, max);
	size = MAX(MIN(size, (uint32_t)INT32_MAX / 2), min / 2);
	sb->sb_flags = (sb->sb_flags | SB_LOCKED) & ~(uint32_t)SB_AUTOSIZE;
	(void)sbreserve(sb, size);
	if (sb == &so->so_snd)
		sowwakeup(so);
	return 0;
}

static int
get_bufsize(struct sockopt *sopt, const struct sockbuf *sb)
{
	return sopt_put_int(sopt, (int)MIN(2 * (uint64_t)sb->sb_hiwat,
	    (uint64_t)INT32_MAX));
}

/* The two layouts of struct timeval are one where long has 64 bits. */
static int
set_timeo(struct sockbuf *sb, const struct sockopt *sopt)
{
	struct __kernel_sock_timeval tv;
	int error;

	error = sopt_get(sopt, &tv, sizeof(tv));
	if (error != 0)
		return error;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return EDOM;
	if (tv.tv_sec < 0)
		sb->sb_timeo = -1;
	else if (tv.tv_sec > INT64_MAX / NS_PER_SEC - 1)
		sb->sb_timeo = 0;
	else
		sb->sb_timeo = tv.tv_sec * NS_PER_SEC +
		    tv.tv_usec * NS_PER_US;
	return 0;
}

static int
get_timeo(const struct sockbuf *sb, struct sockopt *sopt)
{
	nstime_t t = MAX(sb->sb_timeo, (nstime_t)0);
	struct __kernel_sock_timeval tv = { .tv_sec = t / NS_PER_SEC,
		.tv_usec = t % NS_PER_SEC / NS_PER_US };

	return sopt_put(sopt, &tv, sizeof(tv));
}

static int
set_buflock(struct socket *so, int v)
{
	if ((v & ~SOCK_BUF_LOCK_MASK) != 0)
		return EINVAL;
	so->so_snd.sb_flags = (v & SOCK_SNDBUF_LOCK) != 0 ? SB_LOCKED :
	    SB_AUTOSIZE;
	so->so_rcv.sb_flags = (v & SOCK_RCVBUF_LOCK) != 0 ? SB_LOCKED :
	    SB_AUTOSIZE;
	return 0;
}

static int
get_buflock(const struct socket *so)
{
	return ((so->so_snd.sb_flags & SB_LOCKED) != 0 ? SOCK_SNDBUF_LOCK : 0) |
	    ((so->so_rcv.sb_flags & SB_LOCKED) != 0 ? SOCK_RCVBUF_LOCK : 0);
}

static int
get_meminfo(const struct socket *so, struct sockopt *sopt)
{
	uint32_t v[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = so->so_rcv.sb_mbcnt,
		[SK_MEMINFO_RCVBUF] = 2 * so->so_rcv.sb_hiwat,
		[SK_MEMINFO_WMEM_ALLOC] = so->so_snd.sb_mbcnt,
		[SK_MEMINFO_SNDBUF] = 2 * so->so_snd.sb_hiwat,
		[SK_MEMINFO_WMEM_QUEUED] = so->so_snd.sb_mbcnt,
		[SK_MEMINFO_DROPS] = so->so_extra != NULL ?
		    so->so_extra->sx_drops : 0,
	};

	return sopt_put(sopt, v, sizeof(v));
}

/* ---- Others of more than a number ---------------------------------------------- */

static int
set_linger(struct socket *so, const struct sockopt *sopt)
{
	struct linger l;
	int error;

	error = sopt_get(sopt, &l, sizeof(l));
	if (error != 0)
		return error;
	if (l.l_onoff == 0) {
		so->so_options &= ~(uint32_t)SOO_LINGER;
		return 0;
	}
	so->so_options |= SOO_LINGER;
	so->so_linger = (uint16_t)MIN((unsigned)l.l_linger, 65535u);
	return 0;
}

static int
get_linger(const struct socket *so, struct sockopt *sopt)
{
	struct linger l = { .l_onoff = (so->so_options & SOO_LINGER) != 0,
		.l_linger = so->so_linger };

	return sopt_put(sopt, &l, sizeof(l));
}

/* One of the two ways of stamping; off switches both off. */
static void
set_timestamp(struct socket *so, uint32_t how, bool new, int v)
{
	so->so_options &= ~(uint32_t)(SOO_TIMESTAMP | SOO_TIMESTAMPNS |
	    SOO_TSNEW);
	if (v != 0)
		so->so_options |= how | (new ? SOO_TSNEW : 0);
}

static int
get_timestamp(const struct socket *so, uint32_t how, bool new)
{
	return (so->so_options & how) != 0 &&
	    ((so->so_options & SOO_TSNEW) != 0) == new;
}

static int
set_timestamping(struct socket *so, const struct sockopt *sopt)
{
	struct soextra *sx;
	int v, error;

	error = sopt_int(sopt, &v);
	if (error != 0)
		return error;
	if ((v & ~SOF_TIMESTAMPING_MASK) != 0)
		return EINVAL;
	sx = so_extra(so);
	if (sx == NULL)
		return ENOMEM;
	if ((v & ~sx->sx_tsflags & SOF_TIMESTAMPING_OPT_ID) != 0)
		sx->sx_tskey = 0;
	sx->sx_tsflags = (uint32_t)v;
	return 0;
}

static int
set_pacing(struct socket *so, const struct sockopt *sopt)
{
	struct soextra *sx;
	uint64_t rate;
	uint32_t v;

	if (sopt_get(sopt, &rate, sizeof(rate)) != 0) {
		if (sopt_get(sopt, &v, sizeof(v)) != 0)
			return EINVAL;
		rate = v == UINT32_MAX ? UINT64_MAX : v;
	}
	sx = so_extra(so);
	if (sx == NULL)
		return ENOMEM;
	sx->sx_pacing = rate;
	return 0;
}

static int
get_pacing(const struct socket *so, struct sockopt *sopt)
{
	uint64_t rate = so->so_extra != NULL ? so->so_extra->sx_pacing :
	    UINT64_MAX;
	uint32_t v = (uint32_t)MIN(rate, (uint64_t)UINT32_MAX);

	return sopt->sopt_size >= sizeof(rate) ?
	    sopt_put(sopt, &rate, sizeof(rate)) :
	    sopt_put(sopt, &v, sizeof(v));
}

/* Numbers of the extra part. */
static int
set_extra(struct socket *so, int name, int v)
{
	struct soextra *sx = so_extra(so);

	if (sx == NULL)
		return ENOMEM;
	switch (name) {
	case SO_PEEK_OFF:
		sx->sx_peekoff = MAX(v, -1);
		return 0;
	case SO_INCOMING_CPU:
		sx->sx_incoming_cpu = v;
		return 0;
	default:
		if (v < 0)
			return EINVAL;
		if ((uint32_t)v > sx->sx_busypoll && !cred_is_root(curcred()))
			return EPERM;
		sx->sx_busypoll = (uint32_t)v;
		return 0;
	}
}

static int
get_extra(const struct socket *so, int name)
{
	const struct soextra *sx = so->so_extra;

	switch (name) {
	case SO_PEEK_OFF:
		return sx != NULL ? sx->sx_peekoff : -1;
	case SO_INCOMING_CPU:
		return sx != NULL ? sx->sx_incoming_cpu : -1;
	case SO_BUSY_POLL:
		return sx != NULL ? (int)sx->sx_busypoll : 0;
	default:
		return sx != NULL ? (int)sx->sx_tsflags : 0;
	}
}

static int
set_bindtodevice(struct socket *so, const struct sockopt *sopt)
{
	char name[IFNAMSIZ] = "";
	uint32_t index = 0;

	memcpy(name, sopt->sopt_val, MIN(sopt->sopt_size, sizeof(name) - 1));
	if (so->so_bindif != 0 && !cred_is_root(curcred()))
		return EPERM;
	if (name[0] != 0) {
		if (so_ifnames == NULL)
			return ENODEV;
		index = so_ifnames->si_index(so->so_vnet, name);
		if (index == 0)
			return ENODEV;
	}
	so->so_bindif = index;
	return 0;
}

static int
get_bindtodevice(const struct socket *so, struct sockopt *sopt)
{
	char name[IFNAMSIZ] = "";

	if (so->so_bindif == 0)
		return sopt_put(sopt, name, 0);
	if (sopt->sopt_size < IFNAMSIZ)
		return EINVAL;
	if (so_ifnames == NULL ||
	    !so_ifnames->si_name(so->so_vnet, so->so_bindif, name))
		return ENODEV;
	return sopt_put(sopt, name, strlen(name) + 1);
}

static int
set_priority(struct socket *so, int v)
{
	if ((v < 0 || v > 6) && !cred_is_root(curcred()))
		return EPERM;
	so->so_priority = (uint32_t)v;
	return 0;
}

static int
set_mark(struct socket *so, int v)
{
	if (!cred_is_root(curcred()))
		return EPERM;
	so->so_mark = (uint32_t)v;
	return 0;
}

/* ---- Setting ------------------------------------------------------------------- */

static int
set_number(struct socket *so, int name, int v)
{
	const struct flag *f = flag_find(name);

	if (f != NULL)
		return flag_set(so, f, v);
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		return set_bufsize(so, &so->so_snd, v, name == SO_SNDBUFFORCE);
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		return set_bufsize(so, &so->so_rcv, v, name == SO_RCVBUFFORCE);
	case SO_BUF_LOCK:
		return set_buflock(so, v);
	case SO_RCVLOWAT:
		so->so_rcv.sb_lowat = v < 0 ? INT32_MAX : (uint32_t)MAX(v, 1);
		return 0;
	case SO_PRIORITY:
		return set_priority(so, v);
	case SO_MARK:
		return set_mark(so, v);
	case SO_BINDTOIFINDEX:
		if (v < 0)
			return EINVAL;
		so->so_bindif = (uint32_t)v;
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		set_timestamp(so, SOO_TIMESTAMP, name == SO_TIMESTAMP_NEW, v);
		return 0;
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		set_timestamp(so, SOO_TIMESTAMPNS, name == SO_TIMESTAMPNS_NEW,
		    v);
		return 0;
	case SO_PEEK_OFF:
	case SO_INCOMING_CPU:
	case SO_BUSY_POLL:
		return set_extra(so, name, v);
	case SO_BSDCOMPAT:
		return 0;
	}
	return ENOPROTOOPT;
}

static int
set_option(struct socket *so, struct sockopt *sopt)
{
	int v, error;

	switch (sopt->sopt_name) {
	case SO_LINGER:
		return set_linger(so, sopt);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeo(&so->so_rcv, sopt);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeo(&so->so_snd, sopt);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_timestamping(so, sopt);
	case SO_MAX_PACING_RATE:
		return set_pacing(so, sopt);
	case SO_BINDTODEVICE:
		return set_bindtodevice(so, sopt);
	}
	error = sopt_int(sopt, &v);
	return error != 0 ? error : set_number(so, sopt->sopt_name, v);
}

/* ---- Getting ------------------------------------------------------------------- */

static int
get_error(struct socket *so)
{
	int error = so_takeerror(so);

	if (error == 0)
		error = atomic_exchange_explicit(&so->so_softerror, 0,
		    memory_order_relaxed);
	return error;
}

/* Whose peer it is tells the protocol; most have none. */
static int
get_peercred(struct socket *so, struct sockopt *sopt)
{
	struct ucred uc = { 0, (uid_t)-1, (gid_t)-1 };
	int error;

	error = so_proto_option(so, sopt);
	return error == ENOPROTOOPT || error == EOPNOTSUPP ?
	    sopt_put(sopt, &uc, sizeof(uc)) : error;
}

static int
get_peername(struct socket *so, struct sockopt *sopt)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;
	int error;

	if (so->so_proto->pr_peeraddr == NULL || so->so_pcb == NULL ||
	    !so_is(so, SS_ISCONNECTED))
		return ENOTCONN;
	error = so->so_proto->pr_peeraddr(so, &ss, &len);
	if (error == 0 && len < sopt->sopt_size)
		error = EINVAL;
	return error != 0 ? error : sopt_put(sopt, &ss, sopt->sopt_size);
}

static int
put_u64(struct sockopt *sopt, uint64_t v)
{
	return sopt->sopt_size < sizeof(v) ? EINVAL :
	    sopt_put(sopt, &v, sizeof(v));
}

static int
get_number(struct socket *so, int name, int *vp)
{
	const struct flag *f = flag_find(name);

	if (f != NULL) {
		*vp = (so->so_options & f->f_bit) != 0;
		return 0;
	}
	switch (name) {
	case SO_TYPE:
		*vp = so->so_type;
		return 0;
	case SO_DOMAIN:
		*vp = so->so_family;
		return 0;
	case SO_PROTOCOL:
		*vp = so->so_protocol;
		return 0;
	case SO_ERROR:
		*vp = get_error(so);
		return 0;
	case SO_ACCEPTCONN:
		*vp = so_is(so, SS_LISTENING);
		return 0;
	case SO_RCVLOWAT:
		*vp = (int)so->so_rcv.sb_lowat;
		return 0;
	case SO_SNDLOWAT:
		*vp = 1;
		return 0;
	case SO_PRIORITY:
		*vp = (int)so->so_priority;
		return 0;
	case SO_MARK:
		*vp = (int)so->so_mark;
		return 0;
	case SO_BINDTOIFINDEX:
		*vp = (int)so->so_bindif;
		return 0;
	case SO_BUF_LOCK:
		*vp = get_buflock(so);
		return 0;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		*vp = get_timestamp(so, SOO_TIMESTAMP,
		    name == SO_TIMESTAMP_NEW);
		return 0;
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		*vp = get_timestamp(so, SOO_TIMESTAMPNS,
		    name == SO_TIMESTAMPNS_NEW);
		return 0;
	case SO_PEEK_OFF:
	case SO_INCOMING_CPU:
	case SO_BUSY_POLL:
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		*vp = get_extra(so, name);
		return 0;
	case SO_INCOMING_NAPI_ID:
	case SO_BSDCOMPAT:
		*vp = 0;
		return 0;
	}
	return ENOPROTOOPT;
}

static int
get_option(struct socket *so, struct sockopt *sopt)
{
	int v, error;

	switch (sopt->sopt_name) {
	case SO_LINGER:
		return get_linger(so, sopt);
	case SO_SNDBUF:
		return get_bufsize(sopt, &so->so_snd);
	case SO_RCVBUF:
		return get_bufsize(sopt, &so->so_rcv);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return get_timeo(&so->so_rcv, sopt);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return get_timeo(&so->so_snd, sopt);
	case SO_MAX_PACING_RATE:
		return get_pacing(so, sopt);
	case SO_BINDTODEVICE:
		return get_bindtodevice(so, sopt);
	case SO_MEMINFO:
		return get_meminfo(so, sopt);
	case SO_COOKIE:
		return put_u64(sopt, so_cookie(so));
	case SO_NETNS_COOKIE:
		return put_u64(sopt, so->so_vnet->vn_id + 1);
	case SO_PEERCRED:
		return get_peercred(so, sopt);
	case SO_PEERNAME:
		return get_peername(so, sopt);
	}
	error = get_number(so, sopt->sopt_name, &v);
	return error != 0 ? error : sopt_put_int(sopt, v);
}

/* ---- Both ---------------------------------------------------------------------- */

/* Options that protocols want to hear of. */
static bool
passed_on(int name)
{
	switch (name) {
	case SO_KEEPALIVE:
	case SO_REUSEADDR:
	case SO_REUSEPORT:
	case SO_BINDTODEVICE:
	case SO_BINDTOIFINDEX:
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVLOWAT:
	case SO_PRIORITY:
	case SO_MARK:
	case SO_MAX_PACING_RATE:
	case SO_PASSCRED:
		return true;
	}
	return false;
}

/*
 * What the layer does not know is the protocol's; of what it knows the
 * protocol is told, which may have nothing to say.
 */
int
so_option(struct socket *so, struct sockopt *sopt)
{
	bool get = sopt->sopt_dir == SOPT_GET;
	int error;

	error = get ? get_option(so, sopt) : set_option(so, sopt);
	if (error == ENOPROTOOPT)
		return so_proto_option(so, sopt);
	if (error == 0 && !get && passed_on(sopt->sopt_name)) {
		error = so_proto_option(so, sopt);
		if (error == ENOPROTOOPT || error == EOPNOTSUPP)
			error = 0;
	}
	return error;
}
