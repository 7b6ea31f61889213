/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options: tcp(7), linux/tcp.h. so_lock is held, a section is open.
 */
#include <kern/string.h>

#include "netinet.h"
#include "tcp_cc.h"

#define CC_NAME_MAX	16		/* TCP_CA_NAME_MAX of the kernel */
#define MSS_MIN		88		/* TCP_MIN_MSS */
#define MSS_MAX		32767		/* MAX_TCP_WINDOW */
#define CLAMP_MIN	1152		/* half of SOCK_MIN_RCVBUF */
#define LINGER2_MAX	120

/* ---- Setting --------------------------------------------------------------------- */

static void
set_flag(struct tcpcb *tp, uint32_t flag, bool on)
{
	tp->t_flags = on ? tp->t_flags | flag : tp->t_flags & ~flag;
}

/* Data that waited may go now. */
static int
push(struct tcpcb *tp)
{
	return tcp_in(tp, TCPM_SENDING) ? tcp_output(tp, mono_now()) : 0;
}

static int
set_u8(uint8_t *p, int v, int lo, int hi)
{
	if (v < lo || v > hi)
		return EINVAL;
	*p = (uint8_t)v;
	return 0;
}

static int
set_keep(struct tcpcb *tp, uint16_t *p, int v)
{
	if (v < 1 || v > 32767)
		return EINVAL;
	*p = (uint16_t)v;
	tcp_keep_set(tp, mono_now());
	return 0;
}

static int
set_maxseg(struct tcpcb *tp, int v)
{
	if (v != 0 && (v < MSS_MIN || v > MSS_MAX))
		return EINVAL;
	tp->t_usermss = (uint16_t)v;
	if (!tcp_in(tp, TCPM(TCPS_CLOSED) | TCPM(TCPS_LISTEN)))
		tcp_mss_update(tp);
	return 0;
}

static int
set_clamp(struct tcpcb *tp, int v)
{
	if (v == 0 && tp->t_state != TCPS_CLOSED)
		return EINVAL;
	tp->t_clamp = v == 0 ? 0 : (uint32_t)MAX(v, CLAMP_MIN);
	return 0;
}

static int
set_quickack(struct tcpcb *tp, int v)
{
	tp->t_quickacks = (v & 1) != 0 ? UINT8_MAX : 0;
	if ((v & 1) != 0 && (tp->t_flags & TF_DELACK) != 0)
		tcp_send_ack(tp, mono_now());
	return 0;
}

/* Time-outs of 1, 2, 4 ... seconds that cover so many. */
static int
set_defer_accept(struct tcpcb *tp, int secs)
{
	int n = 0, period = 1, sum = 1;

	if (secs > 0) {
		for (n = 1; secs > sum && n < (int)UINT8_MAX; n++) {
			period = MIN(2 * period, 120);
			sum += period;
		}
	}
	tp->t_deferaccept = (uint8_t)n;
	return 0;
}

static int
get_defer_accept(const struct tcpcb *tp)
{
	int n, period = 1, sum = 0;

	for (n = 0; n < tp->t_deferaccept; n++) {
		sum += period;
		period = MIN(2 * period, 120);
	}
	return sum;
}

static int
set_congestion(struct tcpcb *tp, const struct sockopt *sopt)
{
	char name[CC_NAME_MAX];
	const struct tcp_cc *cc;
	size_t n = MIN(sopt->sopt_size, sizeof(name) - 1);

	if (sopt->sopt_size < 1)
		return EINVAL;
	memcpy(name, sopt->sopt_val, n);
	name[n] = 0;
	cc = tcp_cc_find(name);
	return cc == NULL ? ENOENT : tcp_cc_set(tp, cc);
}

static int
set_savesyn(struct tcpcb *tp, int v)
{
	if (v < 0 || v > 1)
		return EINVAL;
	set_flag(tp, TF_SAVESYN, v != 0);
	return 0;
}

static int
set_fastopen(struct tcpcb *tp, int v)
{
	if (v < 0 || !tcp_in(tp, TCPM(TCPS_CLOSED) | TCPM(TCPS_LISTEN)))
		return EINVAL;
	tp->t_fastopen = (uint16_t)MIN(v, (int)UINT16_MAX);
	return 0;
}

static int
set_fastopen_connect(struct tcpcb *tp, int v)
{
	if (v < 0 || v > 1 || tp->t_state != TCPS_CLOSED)
		return EINVAL;
	if ((tcp_conf(tcp_vn(tp), TCPC_fastopen) & 1) == 0)
		return EOPNOTSUPP;
	set_flag(tp, TF_TFOCONN, v != 0);
	return 0;
}

static int
set_option(struct tcpcb *tp, int name, int v)
{
	switch (name) {
	case TCP_NODELAY:
		set_flag(tp, TF_NODELAY, v != 0);
		return push(tp);
	case TCP_CORK:
		set_flag(tp, TF_CORK, v != 0);
		return push(tp);
	case TCP_MAXSEG:
		return set_maxseg(tp, v);
	case TCP_KEEPIDLE:
		return set_keep(tp, &tp->t_keepidle, v);
	case TCP_KEEPINTVL:
		return set_keep(tp, &tp->t_keepintvl, v);
	case TCP_KEEPCNT:
		return set_u8(&tp->t_keepcnt, v, 1, 127);
	case TCP_SYNCNT:
		return set_u8(&tp->t_syncnt, v, 1, 127);
	case TCP_LINGER2:
		tp->t_linger2 = v < 0 ? -1 : MIN(v, LINGER2_MAX);
		return 0;
	case TCP_DEFER_ACCEPT:
		return set_defer_accept(tp, v);
	case TCP_WINDOW_CLAMP:
		return set_clamp(tp, v);
	case TCP_QUICKACK:
		return set_quickack(tp, v);
	case TCP_USER_TIMEOUT:
		if (v < 0)
			return EINVAL;
		tp->t_utimeout = (uint32_t)v;
		return 0;
	case TCP_FASTOPEN:
		return set_fastopen(tp, v);
	case TCP_FASTOPEN_CONNECT:
		return set_fastopen_connect(tp, v);
	case TCP_SAVE_SYN:
		return set_savesyn(tp, v);
	case TCP_THIN_DUPACK:
		/* Linux knows it and does nothing either. */
		return v < 0 || v > 1 ? EINVAL : 0;
	case TCP_TIMESTAMP:
	case TCP_REPAIR:
	case TCP_REPAIR_QUEUE:
	case TCP_REPAIR_OPTIONS:
	case TCP_REPAIR_WINDOW:
	case TCP_QUEUE_SEQ:
		return EPERM;
	default:
		return ENOPROTOOPT;
	}
}

/* ---- Getting ---------------------------------------------------------------------- */

static int
get_info(struct tcpcb *tp, struct sockopt *sopt)
{
	struct tcp_info ti;

	tcp_info(tp, &ti);
	return sopt_put(sopt, &ti, sizeof(ti));
}

static int
get_congestion(struct tcpcb *tp, struct sockopt *sopt)
{
	char name[CC_NAME_MAX];

	memset(name, 0, sizeof(name));
	strlcpy(name, tp->t_cc->tc_name, sizeof(name));
	return sopt_put(sopt, name, sizeof(name));
}

static int
get_cc_info(struct tcpcb *tp, struct sockopt *sopt)
{
	uint64_t buf[8];
	size_t n = 0;

	if (tp->t_cc->tc_info != NULL)
		n = tp->t_cc->tc_info(tp, buf);
	return sopt_put(sopt, buf, n);
}

/* tcp(7) TCP_SAVED_SYN: once, and whole. */
static int
get_saved_syn(struct tcpcb *tp, struct sockopt *sopt)
{
	struct tcp_extra *te = tp->t_extra;
	int error;

	if (te == NULL || te->te_syn == NULL) {
		sopt->sopt_size = 0;
		return 0;
	}
	if (sopt->sopt_size < te->te_synlen)
		return EINVAL;
	error = sopt_put(sopt, te->te_syn, te->te_synlen);
	kmem_free(te->te_syn, te->te_synlen);
	te->te_syn = NULL;
	return error;
}

static int
get_maxseg(const struct tcpcb *tp)
{
	if (tcp_in(tp, TCPM(TCPS_CLOSED) | TCPM(TCPS_LISTEN)))
		return tp->t_usermss != 0 ? tp->t_usermss :
		    (int)TCP_MSS_DEFAULT;
	return (int)tcp_mss(tp);
}

static int
or_default(const struct tcpcb *tp, uint32_t v, enum tcp_tunable c)
{
	return v != 0 ? (int)v : (int)tcp_conf(tcp_vn(tp), c);
}

static int
get_option(struct tcpcb *tp, int name, int *vp)
{
	switch (name) {
	case TCP_NODELAY:
		*vp = (tp->t_flags & TF_NODELAY) != 0;
		return 0;
	case TCP_CORK:
		*vp = (tp->t_flags & TF_CORK) != 0;
		return 0;
	case TCP_MAXSEG:
		*vp = get_maxseg(tp);
		return 0;
	case TCP_KEEPIDLE:
		*vp = or_default(tp, tp->t_keepidle, TCPC_keepalive_time);
		return 0;
	case TCP_KEEPINTVL:
		*vp = or_default(tp, tp->t_keepintvl, TCPC_keepalive_intvl);
		return 0;
	case TCP_KEEPCNT:
		*vp = or_default(tp, tp->t_keepcnt, TCPC_keepalive_probes);
		return 0;
	case TCP_SYNCNT:
		*vp = or_default(tp, tp->t_syncnt, TCPC_syn_retries);
		return 0;
	case TCP_LINGER2:
		*vp = tp->t_linger2 < 0 ? -1 : or_default(tp,
		    (uint32_t)tp->t_linger2, TCPC_fin_timeout);
		return 0;
	case TCP_DEFER_ACCEPT:
		*vp = get_defer_accept(tp);
		return 0;
	case TCP_WINDOW_CLAMP:
		*vp = (int)tp->t_clamp;
		return 0;
	case TCP_QUICKACK:
		*vp = tp->t_quickacks != 0;
		return 0;
	case TCP_USER_TIMEOUT:
		*vp = (int)tp->t_utimeout;
		return 0;
	case TCP_FASTOPEN:
		*vp = tp->t_fastopen;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*vp = (tp->t_flags & TF_TFOCONN) != 0;
		return 0;
	case TCP_SAVE_SYN:
		*vp = (tp->t_flags & TF_SAVESYN) != 0;
		return 0;
	case TCP_THIN_DUPACK:
		*vp = 0;
		return 0;
	case TCP_TIMESTAMP:
		*vp = (int)(tcp_tsclock(mono_now()) + tp->t_tsoff);
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

static int
tcp_getopt(struct tcpcb *tp, struct sockopt *sopt)
{
	int v, error;

	switch (sopt->sopt_name) {
	case TCP_INFO:
		return get_info(tp, sopt);
	case TCP_CONGESTION:
		return get_congestion(tp, sopt);
	case TCP_CC_INFO:
		return get_cc_info(tp, sopt);
	case TCP_SAVED_SYN:
		return get_saved_syn(tp, sopt);
	default:
		error = get_option(tp, sopt->sopt_name, &v);
		return error != 0 ? error : sopt_put_int(sopt, v);
	}
}

static int
tcp_setopt(struct tcpcb *tp, struct sockopt *sopt)
{
	int v, error;

	if (sopt->sopt_name == TCP_CONGESTION)
		return set_congestion(tp, sopt);
	error = sopt_int(sopt, &v);
	return error != 0 ? error : set_option(tp, sopt->sopt_name, v);
}

int
tcp_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct tcpcb *tp = sototcpcb(so);
	int error;

	if (tp == NULL)
		return EINVAL;
	if (sopt->sopt_level == IPPROTO_TCP)
		return sopt->sopt_dir == SOPT_GET ? tcp_getopt(tp, sopt) :
		    tcp_setopt(tp, sopt);
	if (sopt->sopt_level == SOL_SOCKET) {
		/* The layer has done it, and tells. */
		if (sopt->sopt_name == SO_KEEPALIVE)
			tcp_keep_set(tp, mono_now());
		return 0;
	}
	error = in_ctloutput(so, sopt);
	if (error == 0 && sopt->sopt_dir == SOPT_SET &&
	    tcp_in(tp, TCPM_SENDING))
		tcp_mss_update(tp);
	return error;
}
