/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user's calls: RFC 9293 3.10.1 to 3.10.6, as the socket layer makes them.
 * so_lock is held, a section is open.
 */
#include <kern/proc.h>
#include <kern/string.h>

#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "netinet.h"
#include "tcp_cc.h"

/* What of t_flags a user has set: it outlives a connection. */
#define TF_USER (TF_NODELAY | TF_CORK | TF_NOTSTMP | TF_SAVESYN | TF_TFOCONN | \
	TF_INQ)

/* ---- Opening -------------------------------------------------------------------- */

/* A control block that may have had a connection before. */
static void
renew(struct tcpcb *tp)
{
	tp->t_flags &= TF_USER;
	tp->t_ca = TCP_CA_Open;
	tp->t_sacked = tp->t_lost = tp->t_reno = 0;
	tp->t_shift = tp->t_dupacks = tp->t_persists = tp->t_keepprobes = 0;
	tp->t_undo = tp->t_frto = tp->t_tlp = tp->t_rearm = 0;
	tp->t_srtt = tp->t_rttvar = tp->t_minrtt = tp->t_rcvrtt = 0;
	tp->t_rto = TCP_RTO_INIT;
	tp->t_ssthresh = UINT32_MAX / 2;
	tp->t_rack_time = tp->t_rack_rtt = 0;
	tp->t_delivered = tp->t_applim = tp->t_retx_tsval = 0;
	tp->t_retrans = 0;
	tp->t_peermss = tp->t_holemss = 0;
	tp->rcv_nxt = tp->rcv_adv = tp->irs = tp->t_lastack = 0;
	tp->snd_wnd = tp->snd_maxwnd = 0;
	tp->t_sndtime = 0;
	tp->ts_recent = 0;
	tp->t_hint.sh_mb = NULL;
}

static void
begin(struct tcpcb *tp, nstime_t now)
{
	struct tcp_vnet *tv = tcp_vnet(tcp_vn(tp));
	const struct inpcb *inp = &tp->t_inp;

	renew(tp);
	tp->iss = tcp_isn(tv, &inp->inp_laddr, inp->inp_lport,
	    &inp->inp_faddr, inp->inp_fport, now);
	tp->snd_una = tp->snd_nxt = tp->snd_up = tp->iss;
	tp->t_recover = tp->t_undo_una = tp->iss;
	tp->t_tsoff = tcp_tsoffset(tv, &inp->inp_laddr, &inp->inp_faddr);
	if (tcp_conf(tv->tv_vnet, TCPC_timestamps) == 0)
		tp->t_flags |= TF_NOTSTMP;
	tp->t_rcvscale = tcp_scale_offer(tcp_so(tp));
	tcp_mss_update(tp);
	tp->t_cwnd = tcp_initwnd(tp);
	tp->t_state = TCPS_SYN_SENT;
}

static int
tcp_connect(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct tcpcb *tp = sototcpcb(so);
	nstime_t now;
	int error;

	if (tp == NULL)
		return EINVAL;
	if (tp->t_state != TCPS_CLOSED)
		return EISCONN;
	error = in_pcbconnect(&tp->t_inp, sa, len);
	if (error != 0)
		return error;
	now = mono_now();
	begin(tp, now);
	soisconnecting(so);
	tcp_send_syn(tp, now);
	tp->t_rearm = 2;
	tcp_rexmt_set(tp, now);
	tp->t_rearm = 0;
	return 0;
}

static int
tcp_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp == NULL || tp->t_state != TCPS_CLOSED)
		return EINVAL;
	/* RFC 9293 3.9.2.3: not one of many. */
	if (len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET &&
	    in_multicast(((const struct sockaddr_in *)sa)->sin_addr.s_addr))
		return EADDRNOTAVAIL;
	return in_pcbbind(&tp->t_inp, sa, len);
}

static int
tcp_listen(struct socket *so, int backlog __maybe_unused)
{
	struct tcpcb *tp = sototcpcb(so);
	int error;

	if (tp == NULL || (tp->t_state != TCPS_CLOSED &&
	    tp->t_state != TCPS_LISTEN))
		return EINVAL;
	error = in_pcblisten(&tp->t_inp);
	if (error == 0)
		tp->t_state = TCPS_LISTEN;
	return error;
}

static int
tcp_accept(struct socket *so, struct sockaddr_storage *ss, socklen_t *lenp)
{
	return in_pcbpeeraddr(so, ss, lenp) == 0 ? 0 : ECONNABORTED;
}

/* ---- Closing -------------------------------------------------------------------- */

/* The connection ends at once; the peer hears of it, if there is one. */
static void
cut(struct tcpcb *tp)
{
	if (tcp_in(tp, TCPM(TCPS_SYN_RECEIVED) | TCPM(TCPS_ESTABLISHED) |
	    TCPM(TCPS_CLOSE_WAIT) | TCPM(TCPS_FIN_WAIT_1) |
	    TCPM(TCPS_FIN_WAIT_2)))
		tcp_send_rst(tp);
	tcp_close(tp);
}

static void
tcp_abort(struct socket *so)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp == NULL)
		return;
	if (tp->t_state == TCPS_CLOSED)
		tcp_destroy(tp);
	else
		cut(tp);
}

static void
tcp_detach(struct socket *so)
{
	struct tcpcb *tp = sototcpcb(so);
	nstime_t now;

	if (tp == NULL)
		return;
	if (tcp_in(tp, TCPM(TCPS_CLOSED) | TCPM(TCPS_LISTEN) |
	    TCPM(TCPS_SYN_SENT))) {
		tcp_abort(so);
		return;
	}
	/* RFC 2525 2.17: data that nobody will read is not acknowledged. */
	if (sb_cc(&so->so_rcv) != 0 && tp->t_state != TCPS_TIME_WAIT) {
		cut(tp);
		return;
	}
	now = mono_now();
	tcp_orphan(tp, now);
	if (so->so_pcb == NULL)
		return;
	tcp_usrclosed(tp);
	socantsendmore(so);
	tp->t_flags &= ~(TF_CORK | TF_MORE);
	(void)tcp_output(tp, now);
}

/* connect(AF_UNSPEC): as if new. */
static int
tcp_disconnect(struct socket *so)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp == NULL)
		return 0;
	if (tp->t_state != TCPS_CLOSED)
		cut(tp);
	sbflush(&so->so_rcv);
	so->so_oobmark = 0;
	so_setstate(so, 0, SS_LISTENING | SS_ISDISCONNECTED |
	    SS_CANTRCVMORE | SS_CANTSENDMORE | SS_RCVATMARK);
	atomic_store_explicit(&so->so_error, 0, memory_order_relaxed);
	return 0;
}

static int
tcp_shutdown(struct socket *so, int how)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp == NULL || tp->t_state == TCPS_CLOSED)
		return ENOTCONN;
	if (tcp_in(tp, TCPM(TCPS_LISTEN) | TCPM(TCPS_SYN_SENT))) {
		if (tp->t_state == TCPS_SYN_SENT || how != SHUT_WR)
			return tcp_disconnect(so);
		return 0;
	}
	if (how != SHUT_WR)
		socantrcvmore(so);
	if (how == SHUT_RD)
		return 0;
	socantsendmore(so);
	tcp_usrclosed(tp);
	tp->t_flags &= ~(TF_CORK | TF_MORE);
	return tcp_output(tp, mono_now());
}

/* ---- Data ------------------------------------------------------------------------ */

static int
tcp_send(struct socket *so, int flags, struct mbuf *m,
    const struct sockaddr *sa, socklen_t salen, struct mbuf *control)
{
	struct tcpcb *tp = sototcpcb(so);
	int error = 0;

	if (control != NULL)
		m_freem(control);
	if (tp == NULL)
		error = EPIPE;
	else if (__unlikely((flags & MSG_FASTOPEN) != 0 && sa != NULL &&
	    tp->t_state == TCPS_CLOSED))
		error = tcp_connect(so, sa, salen);
	else if (!tcp_in(tp, TCPM(TCPS_ESTABLISHED) | TCPM(TCPS_CLOSE_WAIT) |
	    TCPM(TCPS_SYN_SENT) | TCPM(TCPS_SYN_RECEIVED)))
		error = EPIPE;
	if (__unlikely(error != 0)) {
		m_freem(m);
		return error;
	}
	if (m != NULL)
		sbappendstream(&so->so_snd, m);
	if ((flags & MSG_MORE) != 0)
		tp->t_flags |= TF_MORE;
	else
		tp->t_flags &= ~TF_MORE;
	if (__unlikely((flags & MSG_OOB) != 0)) {
		tp->snd_up = tcp_sndseq(tp) + sb_cc(&so->so_snd);
		tp->t_flags |= TF_URGSENT | TF_FORCE;
	}
	return tcp_output(tp, mono_now());
}

static void
tcp_pr_rcvd(struct socket *so, size_t n, int flags __maybe_unused)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp != NULL)
		tcp_rcvd(tp, n);
}

static int
tcp_rcvoob(struct socket *so, uint8_t *byte, int flags)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp == NULL || (tp->t_flags & (TF_URGRCVD | TF_HADOOB)) !=
	    TF_URGRCVD)
		return EINVAL;
	if ((tp->t_flags & TF_HAVEOOB) == 0)
		return EAGAIN;
	*byte = tp->t_oob;
	if ((flags & MSG_PEEK) == 0)
		tp->t_flags = (tp->t_flags | TF_HADOOB) & ~TF_HAVEOOB;
	return 0;
}

static int
tcp_poll(struct socket *so, int events)
{
	struct tcpcb *tp = sototcpcb(so);

	if (tp != NULL && (tp->t_flags & TF_HAVEOOB) != 0)
		return events & POLLPRI;
	return 0;
}

/* tcp(7): SIOCINQ, SIOCOUTQ, SIOCATMARK. */
static int
tcp_ioctl(struct socket *so, unsigned long cmd, void *arg)
{
	struct tcpcb *tp;
	int v = 0, error = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCATMARK &&
	    cmd != SIOCOUTQNSD)
		return in_control(so, cmd, arg);
	mutex_enter(&so->so_lock);
	tp = sototcpcb(so);
	if (tp != NULL && tp->t_state == TCPS_LISTEN && cmd != SIOCATMARK)
		error = EINVAL;
	else if (cmd == SIOCINQ)
		v = (int)sb_cc(&so->so_rcv);
	else if (cmd == SIOCATMARK)
		v = so_is(so, SS_RCVATMARK);
	else if (tp != NULL)
		v = (int)sb_cc(&so->so_snd);
	if (tp != NULL && cmd == SIOCOUTQNSD && v != 0)
		v -= (int)MIN(tp->snd_nxt - tcp_sndseq(tp), (uint32_t)v);
	mutex_exit(&so->so_lock);
	return error != 0 ? error : copyout(&v, arg, sizeof(v));
}

const struct protosw tcp_protosw = {
	.pr_domain = &inet_domain,
	.pr_type = SOCK_STREAM,
	.pr_protocol = IPPROTO_TCP,
	.pr_flags = PR_CONNREQUIRED | PR_WANTRCVD | PR_LISTEN | PR_IMPLOPCL,
	.pr_attach = tcp_attach,
	.pr_detach = tcp_detach,
	.pr_abort = tcp_abort,
	.pr_bind = tcp_bind,
	.pr_listen = tcp_listen,
	.pr_connect = tcp_connect,
	.pr_accept = tcp_accept,
	.pr_disconnect = tcp_disconnect,
	.pr_shutdown = tcp_shutdown,
	.pr_rcvd = tcp_pr_rcvd,
	.pr_send = tcp_send,
	.pr_rcvoob = tcp_rcvoob,
	.pr_sockaddr = in_pcbsockaddr,
	.pr_peeraddr = in_pcbpeeraddr,
	.pr_ctloutput = tcp_ctloutput,
	.pr_ioctl = tcp_ioctl,
	.pr_poll = tcp_poll,
};
