/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sections of network code, and queues of packets that are driven at their
 * end.
 */
#include <kern/assert.h>
#include <kern/epoch.h>
#include <kern/netisr.h>
#include <kern/time.h>

#include "rumpnet.h"

/* The calling thread's section. */
static __thread struct netctx {
	unsigned nc_depth;
	struct network *nc_head, **nc_tail;
} ctx;

static struct lock_class netqueue_lc = LOCK_CLASS("netqueue", 0);
static struct kcondvar netqueue_idle;	/* a closed queue's driver left */

/*
 * Packets after which a drive goes on in the soft interrupt: who came to send
 * something does not work for others without end.
 */
#define DRIVE_BUDGET 4096

int
netisr_init(void)
{
	cv_init(&netqueue_idle);
	return 0;
}

void
netisr_enter(void)
{
	if (ctx.nc_depth++ == 0)
		ctx.nc_tail = &ctx.nc_head;
}

void
netisr_exit(void)
{
	struct network *nw;

	KASSERT(ctx.nc_depth > 0);
	if (ctx.nc_depth == 1) {
		while (__unlikely((nw = ctx.nc_head) != NULL)) {
			ctx.nc_head = nw->nw_next;
			if (ctx.nc_head == NULL)
				ctx.nc_tail = &ctx.nc_head;
			atomic_store_explicit(&nw->nw_queued, false,
			    memory_order_release);
			nw->nw_fn(nw);
		}
	}
	ctx.nc_depth--;
}

bool
netisr_inside(void)
{
	return ctx.nc_depth > 0;
}

bool
netisr_defer(struct network *nw)
{
	KASSERT(ctx.nc_depth > 0);
	if (atomic_exchange_explicit(&nw->nw_queued, true,
	    memory_order_acq_rel))
		return false;
	nw->nw_next = NULL;
	*ctx.nc_tail = nw;
	ctx.nc_tail = &nw->nw_next;
	return true;
}

/* ---- Queues -------------------------------------------------------------- */

/* All that is there; NULL: the caller drives no more. */
static struct mbuf *
netqueue_take(struct netqueue *nq, uint32_t *np)
{
	struct mbuf *batch;

	spin_lock(&nq->nq_lock);
	batch = nq->nq_head;
	*np = nq->nq_len;
	nq->nq_head = NULL;
	nq->nq_tail = &nq->nq_head;
	nq->nq_len = 0;
	if (batch == NULL) {
		nq->nq_driven = false;
		if (nq->nq_closed)
			cv_broadcast(&netqueue_idle);
	}
	spin_unlock(&nq->nq_lock);
	return batch;
}

static void
netqueue_drive(struct netqueue *nq)
{
	uint32_t done = 0, n;
	struct mbuf *batch;

	while ((batch = netqueue_take(nq, &n)) != NULL) {
		epoch_enter();
		nq->nq_input(nq, batch);
		epoch_exit();
		done += n;
		if (done >= DRIVE_BUDGET) {
			softint_schedule(nq->nq_softint);
			return;
		}
	}
}

static void
netqueue_work(struct network *nw)
{
	netqueue_drive(container_of(nw, struct netqueue, nq_work));
}

static void
netqueue_softint(void *arg)
{
	netisr_enter();
	netqueue_drive(arg);
	netisr_exit();
}

int
netqueue_init(struct netqueue *nq, uint32_t max,
    void (*input)(struct netqueue *nq, struct mbuf *batch))
{
	spin_init(&nq->nq_lock, &netqueue_lc);
	nq->nq_head = NULL;
	nq->nq_tail = &nq->nq_head;
	nq->nq_len = 0;
	nq->nq_max = max;
	nq->nq_driven = nq->nq_closed = false;
	nq->nq_drops = 0;
	nq->nq_input = input;
	nq->nq_work.nw_fn = netqueue_work;
	atomic_init(&nq->nq_work.nw_queued, false);
	return softint_establish(SOFTINT_NET, netqueue_softint, nq,
	    &nq->nq_softint);
}

void
netqueue_fini(struct netqueue *nq)
{
	struct mbuf *left;

	KASSERT(ctx.nc_depth == 0);
	spin_lock(&nq->nq_lock);
	nq->nq_closed = true;
	while (nq->nq_driven)
		cv_wait(&netqueue_idle, &nq->nq_lock.spin_mtx);
	left = nq->nq_head;
	nq->nq_head = NULL;
	spin_unlock(&nq->nq_lock);
	m_freelist(left);
	softint_disestablish(nq->nq_softint);
	spin_fini(&nq->nq_lock);
}

int
netqueue_put(struct netqueue *nq, struct mbuf *m)
{
	struct mbuf *next;
	bool drive = false;

	spin_lock(&nq->nq_lock);
	for (; m != NULL && !nq->nq_closed && nq->nq_len < nq->nq_max;
	    m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		*nq->nq_tail = m;
		nq->nq_tail = &m->m_nextpkt;
		nq->nq_len++;
	}
	if (nq->nq_head != NULL && !nq->nq_driven)
		nq->nq_driven = drive = true;
	for (next = m; next != NULL; next = next->m_nextpkt)
		nq->nq_drops++;
	spin_unlock(&nq->nq_lock);
	if (drive) {
		if (ctx.nc_depth > 0)
			(void)netisr_defer(&nq->nq_work);
		else
			softint_schedule(nq->nq_softint);
	}
	if (__likely(m == NULL))
		return 0;
	m_freelist(m);
	return ENOBUFS;
}
