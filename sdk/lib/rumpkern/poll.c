/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Poll heads.
 *
 * An entry that hangs before its owner looks, and a change that is made before
 * its maker looks for entries: one of the two sees the other, because of the
 * fences in poll_hang() and poll_wanted().
 */
#include <kern/poll.h>

/* An epoll's own head is notified from entries on other heads. */
static struct lock_class pollhead_lc = LOCK_CLASS("poll head", LC_NESTS);

void
pollhead_init(struct pollhead *ph)
{
	spin_init(&ph->ph_lock, &pollhead_lc);
	list_init(&ph->ph_ents);
	atomic_init(&ph->ph_count, 0);
}

void
pollhead_fini(struct pollhead *ph)
{
	struct pollent *pe;

	spin_lock(&ph->ph_lock);
	while (!list_empty(&ph->ph_ents)) {
		pe = list_first(&ph->ph_ents, struct pollent, pe_link);
		list_remove(&pe->pe_link);
		pe->pe_head = NULL;
		pe->pe_fn(pe, 0);
	}
	spin_unlock(&ph->ph_lock);
	spin_fini(&ph->ph_lock);
}

void
poll_notify(struct pollhead *ph, int events)
{
	struct pollent *pe;
	struct list *n, *next;

	if (!poll_wanted(ph))
		return;
	spin_lock(&ph->ph_lock);
	LIST_FOREACH_SAFE(n, &ph->ph_ents, next) {
		pe = container_of(n, struct pollent, pe_link);
		pe->pe_flags &= ~(unsigned)PE_WOKE;
		pe->pe_fn(pe, events);
		if ((pe->pe_flags & (PE_EXCLUSIVE | PE_WOKE)) ==
		    (PE_EXCLUSIVE | PE_WOKE)) {
			/* The next one is another's turn. */
			list_remove(n);
			list_insert_tail(&ph->ph_ents, n);
			break;
		}
	}
	spin_unlock(&ph->ph_lock);
}

void
poll_hang(struct pollhead *ph, struct pollent *pe)
{
	if (pe->pe_head == ph)
		return;
	KASSERT(pe->pe_head == NULL);
	spin_lock(&ph->ph_lock);
	pe->pe_head = ph;
	if ((pe->pe_flags & PE_EXCLUSIVE) != 0)
		list_insert_tail(&ph->ph_ents, &pe->pe_link);
	else
		list_insert_head(&ph->ph_ents, &pe->pe_link);
	atomic_fetch_add_explicit(&ph->ph_count, 1, memory_order_relaxed);
	spin_unlock(&ph->ph_lock);
	membar_sync();
}

void
poll_unhang(struct pollent *pe)
{
	struct pollhead *ph = pe->pe_head;

	if (ph == NULL)
		return;
	spin_lock(&ph->ph_lock);
	if (pe->pe_head == ph) {
		list_remove(&pe->pe_link);
		pe->pe_head = NULL;
		atomic_fetch_sub_explicit(&ph->ph_count, 1,
		    memory_order_relaxed);
	}
	spin_unlock(&ph->ph_lock);
}
