/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for sockets, and waking who waits.
 *
 * Wake-ups are kept until the end of the section in which something changed
 * (so_wakes): by then so_lock is free, and the woken thread does not run into
 * it; and a batch of packets wakes a reader once. Where nobody waits, a
 * change costs two loads.
 */
#include <kern/ifnet.h>

#include "sock_impl.h"

#define POLL_BUDGET 64			/* packets */

static inline bool
cv_awaited(struct kcondvar *cv)
{
	return atomic_load_explicit(&cv->cv_waiters, memory_order_relaxed) !=
	    0;
}

static inline bool
polled(struct socket *so)
{
	return atomic_load_explicit(&so->so_poll.ph_count,
	    memory_order_relaxed) != 0;
}

/* What poll(2) calls these bits, all of them. */
static int
poll_bits(uint32_t events)
{
	int bits = (int)(events & ~SO_WAKEALL);

	if ((events & POLLIN) != 0)
		bits |= POLLRDNORM;
	if ((events & POLLOUT) != 0)
		bits |= POLLWRNORM | POLLWRBAND;
	return bits;
}

static void
wake(struct socket *so, uint32_t events)
{
	if ((events & SO_WAKEALL) != 0) {
		cv_broadcast(&so->so_rcv.sb_cv);
		cv_broadcast(&so->so_snd.sb_cv);
	} else {
		if ((events & POLLIN) != 0)
			cv_signal(&so->so_rcv.sb_cv);
		if ((events & POLLOUT) != 0)
			cv_signal(&so->so_snd.sb_cv);
	}
	if (polled(so))
		poll_notify(&so->so_poll, poll_bits(events));
}

/* The end of the section. */
static void
wake_deferred(struct network *nw)
{
	struct socket *so = container_of(nw, struct socket, so_wake);

	wake(so, atomic_exchange(&so->so_wakes, 0));
	so_rele(so);
}

void
so_wake_init(struct socket *so)
{
	so->so_wake.nw_fn = wake_deferred;
	atomic_init(&so->so_wake.nw_queued, false);
	atomic_init(&so->so_wakes, 0);
}

/*
 * Who waits counted itself with so_lock held, and so did who polls, before it
 * looked at the socket with so_lock held: no fence is needed to see them.
 */
void
so_notify(struct socket *so, uint32_t events)
{
	KASSERT(mutex_owned(&so->so_lock));
	if (!cv_awaited(&so->so_rcv.sb_cv) && !cv_awaited(&so->so_snd.sb_cv) &&
	    !polled(so))
		return;
	if (!netisr_inside()) {
		wake(so, events);
		return;
	}
	(void)atomic_fetch_or(&so->so_wakes, events);
	so_hold(so);
	if (!netisr_defer(&so->so_wake))
		so_rele(so);
}

/*
 * A thread that waits for the network drives it: it takes the packets of the
 * interface that its socket's come from, while no other does.
 */
struct waiter {
	struct cv_driver w_driver;
	struct ifnet *w_ifp;		/* reference */
};

static bool
waiter_poll(struct cv_driver *cd)
{
	struct ifnet *ifp = container_of(cd, struct waiter, w_driver)->w_ifp;

	return ifp->if_ops->ifo_poll(ifp, POLL_BUDGET) > 0;
}

static int
waiter_park(struct cv_driver *cd, _Atomic uint32_t *word, uint32_t expected,
    nstime_t deadline)
{
	struct ifnet *ifp = container_of(cd, struct waiter, w_driver)->w_ifp;

	return ifp->if_ops->ifo_park(ifp, word, expected, deadline);
}

static void
waiter_end(struct cv_driver *cd)
{
	struct ifnet *ifp = container_of(cd, struct waiter, w_driver)->w_ifp;

	(void)ifp->if_ops->ifo_drive(ifp, false);
	if_rele(ifp);
}

void
so_from(struct socket *so, struct ifnet *ifp)
{
	KASSERT(mutex_owned(&so->so_lock));
	if (__likely(so->so_pollif == ifp) || ifp->if_ops->ifo_drive == NULL)
		return;
	if (so->so_pollif != NULL)
		if_rele(so->so_pollif);
	so->so_pollif = if_hold(ifp);
}

static bool
waiter_init(struct waiter *w, struct socket *so)
{
	struct ifnet *ifp = so->so_pollif;

	if (__likely(ifp == NULL) || !ifp->if_ops->ifo_drive(ifp, true))
		return false;
	w->w_ifp = if_hold(ifp);
	w->w_driver.cd_poll = waiter_poll;
	w->w_driver.cd_park = waiter_park;
	w->w_driver.cd_end = waiter_end;
	w->w_driver.cd_spin = MAX((nstime_t)ifp->if_busypoll,
	    so->so_extra != NULL ? (nstime_t)so->so_extra->sx_busypoll : 0) *
	    NS_PER_US;
	return true;
}

int
sb_wait(struct socket *so, struct sockbuf *sb, nstime_t *deadline)
{
	struct waiter w;
	int error;

	KASSERT(!netisr_inside());
	if (sb->sb_timeo < 0)
		return EAGAIN;
	if (*deadline == 0)
		*deadline = sb->sb_timeo == 0 ? NSTIME_FOREVER :
		    mono_deadline(sb->sb_timeo);
	error = waiter_init(&w, so) ? cv_timedwait_sig_drive(&sb->sb_cv,
	    &so->so_lock, *deadline, &w.w_driver) :
	    cv_timedwait_sig(&sb->sb_cv, &so->so_lock, *deadline);
	return error == ETIMEDOUT ? EAGAIN : error;
}
