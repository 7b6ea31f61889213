/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Becoming a member of a bus, and leaving it; who else is one.
 *
 * Who joins or leaves holds the lock SHMIF_LOCK_JOIN. A slot is free when
 * nobody has its lock, whatever is written in it: its last owner may have died
 * at any instant. What is left of it in the rings is consistent, because each
 * word has one writer: the new owner throws away what was sent to the old one,
 * and goes on where the old one's own rings end.
 */
#include <kern/random.h>
#include <kern/string.h>
#include <kern/time.h>

#include "shmif.h"

#define JOIN_WAIT_MS	5000		/* for others that join */
#define LEAVE_WAIT_MS	100		/* for one that leaves */

static struct lock_class bus_lc = LOCK_CLASS("shmif bus", 0);

static const struct shmif_id shmif_id = {
	.id_magic = SHMIF_MAGIC,
	.id_order = SHMIF_ORDER,
	.id_version = SHMIF_VERSION,
	.id_members = SHMIF_MEMBERS,
	.id_ringsize = SHMIF_RINGSIZE,
	.id_chunksize = SHMIF_CHUNKSIZE,
	.id_headsize = SHMIF_HEADSIZE,
};

static void
view_free(struct epoch_entry *ee)
{
	struct shmif_view *v = container_of(ee, struct shmif_view, v_epoch);

	kmem_free(v, sizeof(*v));
}

/* A new view, from words that others may be writing. */
static struct shmif_view *
view_make(struct shmif_bus *b, uint32_t generation)
{
	unsigned i, slots = MIN(SHMIF_MEMBERS, atomic_load_explicit(
	    &b->b_head->sh_slots, memory_order_relaxed));
	struct shmif_member *sm;
	struct shmif_view *v;

	v = kmem_zalloc(sizeof(*v), KM_NORECLAIM);
	if (v == NULL)
		return NULL;
	v->v_generation = generation;
	for (i = 0; i < slots; i++) {
		sm = &b->b_head->sh_member[i];
		if (i == b->b_slot || SHMIF_STATE(atomic_load_explicit(
		    &sm->sm_state, memory_order_acquire)) != SHMIF_ACTIVE)
			continue;
		v->v_flags[i] = atomic_load_explicit(&sm->sm_flags,
		    memory_order_relaxed);
		v->v_hwaddr[i] = atomic_load_explicit(&sm->sm_hwaddr,
		    memory_order_relaxed) & UINT64_C(0xffffffffffff);
		if ((v->v_flags[i] & SHMIF_UP) != 0)
			v->v_active |= SHMIF_BIT(i);
		if ((v->v_flags[i] & SHMIF_PROMISC) != 0)
			v->v_promisc |= SHMIF_BIT(i);
	}
	v->v_promisc &= v->v_active;
	return v;
}

static struct shmif_view *
view_renew(struct shmif_bus *b)
{
	struct shmif_view *v, *old;
	uint32_t generation;

	mutex_enter(&b->b_lock);
	generation = atomic_load_explicit(&b->b_head->sh_generation,
	    memory_order_acquire);
	old = atomic_load_explicit(&b->b_view, memory_order_relaxed);
	v = view_make(b, generation);
	if (v != NULL) {
		atomic_store_explicit(&b->b_view, v, memory_order_release);
		if (old != NULL)
			epoch_defer(&old->v_epoch, view_free);
	}
	mutex_exit(&b->b_lock);
	return v != NULL ? v : old;
}

struct shmif_view *
shmif_view(struct shmif_bus *b)
{
	struct shmif_view *v;

	v = atomic_load_explicit(&b->b_view, memory_order_acquire);
	if (__unlikely(v == NULL || v->v_generation != atomic_load_explicit(
	    &b->b_head->sh_generation, memory_order_acquire)))
		v = view_renew(b);
	return v;
}

static void
generation_next(struct shmif_bus *b)
{
	atomic_fetch_add_explicit(&b->b_head->sh_generation, 1,
	    memory_order_acq_rel);
}

void
shmif_announce(struct shmif_bus *b, uint32_t flags, const uint8_t *hw)
{
	atomic_store_explicit(&b->b_me->sm_flags, flags,
	    memory_order_relaxed);
	atomic_store_explicit(&b->b_me->sm_hwaddr, shmif_hwaddr(hw),
	    memory_order_relaxed);
	generation_next(b);
}

bool
shmif_taken(struct shmif_bus *b, const uint8_t *hw)
{
	struct shmif_view *v;
	bool taken = false;
	unsigned i;

	epoch_enter();
	v = shmif_view(b);
	for (i = 0; v != NULL && i < SHMIF_MEMBERS; i++)
		taken |= v->v_hwaddr[i] == shmif_hwaddr(hw);
	epoch_exit();
	return taken;
}

/*
 * A slot that is taken by its state, and whose owner is gone, becomes free; a new
 * owner that came meanwhile has changed the state.
 */
void
shmif_check(struct shmif_bus *b, unsigned slot)
{
	struct shmif_member *sm = &b->b_head->sh_member[slot];
	uint32_t state = atomic_load_explicit(&sm->sm_state,
	    memory_order_acquire);

	if (SHMIF_STATE(state) == SHMIF_ACTIVE &&
	    !rumpcomp_shmif_locked(b->b_fd, SHMIF_LOCK_MEMBER(slot)) &&
	    atomic_compare_exchange_strong_explicit(&sm->sm_state, &state,
	    (state & ~3u) | SHMIF_FREE, memory_order_acq_rel,
	    memory_order_relaxed))
		generation_next(b);
}

/* ---- The file -------------------------------------------------------------- */

static int
id_check(const struct shmif_id *theirs)
{
	struct shmif_id id = *theirs;

	if (memcmp(id.id_magic, SHMIF_MAGIC, sizeof(id.id_magic)) != 0 ||
	    id.id_order != SHMIF_ORDER)
		return EINVAL;
	if (id.id_version != SHMIF_VERSION)
		return EPROTONOSUPPORT;
	id.id_bus = 0;
	return memcmp(&id, &shmif_id, sizeof(id)) == 0 ? 0 : EINVAL;
}

/*
 * An empty file becomes a bus; any other is looked at before a byte of it
 * is changed. The identity is there as a whole, or not at all: who
 * dies before the file has its size leaves a bus all the same.
 */
static int
bus_identify(struct shmif_bus *b)
{
	struct shmif_id id = shmif_id;
	uint64_t size;
	int error;

	error = rumpcomp_shmif_size(b->b_fd, &size);
	if (error == 0 && size == 0) {
		error = random_bytes(&id.id_bus, sizeof(id.id_bus));
		if (error == 0)
			error = rumpcomp_shmif_write(b->b_fd, &id,
			    sizeof(id));
	} else if (error == 0) {
		error = rumpcomp_shmif_read(b->b_fd, &id, sizeof(id));
	}
	return error != 0 ? error : id_check(&id);
}

static int
bus_open(struct shmif_bus *b)
{
	void *mem;
	int error;

	error = bus_identify(b);
	if (error == 0)
		error = rumpcomp_shmif_grow(b->b_fd, SHMIF_HEADSIZE);
	if (error == 0)
		error = rumpcomp_shmif_map(b->b_fd, 0, SHMIF_HEADSIZE, 1,
		    &mem);
	if (error == 0)
		b->b_head = mem;
	return error;
}

/* Room in the file for all directions between slots up to ours. */
static int
bus_reserve(struct shmif_bus *b)
{
	unsigned n = b->b_slot + 1;
	int error;

	error = rumpcomp_shmif_reserve(b->b_fd, 0, offsetof(struct shmif_head,
	    sh_ctl) + n * n * sizeof(struct shmif_ctl));
	if (error == 0)
		error = rumpcomp_shmif_grow(b->b_fd, shmif_filesize(n));
	return error;
}

static int
slot_try(struct shmif_bus *b, unsigned i, int wait_ms)
{
	int error;

	error = rumpcomp_shmif_lock(b->b_fd, SHMIF_LOCK_MEMBER(i), wait_ms);
	if (error == 0) {
		b->b_slot = i;
		b->b_me = &b->b_head->sh_member[i];
	}
	return error == EAGAIN ? ENOSPC : error;
}

/* A free one, or one that is about to be: its owner has left, and frees what
 * it still reads. */
static int
slot_lock(struct shmif_bus *b)
{
	int error = ENOSPC;
	unsigned i;

	for (i = 0; i < SHMIF_MEMBERS && error == ENOSPC; i++)
		error = slot_try(b, i, 0);
	for (i = 0; i < SHMIF_MEMBERS && error == ENOSPC; i++)
		if (SHMIF_STATE(atomic_load_explicit(
		    &b->b_head->sh_member[i].sm_state,
		    memory_order_relaxed)) == SHMIF_LEFT)
			error = slot_try(b, i, LEAVE_WAIT_MS);
	return error;
}

/* What is there for the slot's last owner is not for us; who it was about to
 * wake shall be woken. */
static void
slot_inherit(struct shmif_bus *b, unsigned slots)
{
	uint32_t waking = SHMIF_BELL_WAKING + b->b_slot;
	struct shmif_member *sm;
	struct shmif_ctl *sc;
	unsigned i, k;

	for (i = 0; i < slots; i++) {
		sc = &b->b_head->sh_ctl[shmif_pair(i, b->b_slot)];
		atomic_store_explicit(&sc->sc_held, 0, memory_order_relaxed);
		atomic_store_explicit(&sc->sc_tail, atomic_load_explicit(
		    &sc->sc_head, memory_order_acquire),
		    memory_order_release);
		sm = &b->b_head->sh_member[i];
		for (k = 0; k < SHMIF_BELLS; k++)
			if (atomic_load_explicit(&sm->sm_bell[k],
			    memory_order_relaxed) == waking)
				rumpcomp_shmif_wake(&sm->sm_bell[k]);
	}
}

/* Our slot becomes a member: what others may look at is written before. */
static void
slot_take(struct shmif_bus *b, uint32_t flags)
{
	struct shmif_head *h = b->b_head;
	struct shmif_member *sm = b->b_me;
	uint32_t state = atomic_load_explicit(&sm->sm_state,
	    memory_order_relaxed);
	unsigned slots;

	state = SHMIF_STATE_NEXT(state);
	atomic_store_explicit(&sm->sm_state, state | SHMIF_JOINING,
	    memory_order_release);
	slots = MIN(SHMIF_MEMBERS, atomic_load_explicit(&h->sh_slots,
	    memory_order_relaxed));
	if (slots <= b->b_slot) {
		slots = b->b_slot + 1;
		atomic_store_explicit(&h->sh_slots, slots,
		    memory_order_relaxed);
	}
	atomic_store_explicit(&sm->sm_bell[SHMIF_BELL_WAITER],
	    SHMIF_BELL_NONE, memory_order_relaxed);
	atomic_store_explicit(&sm->sm_bell[SHMIF_BELL_THREAD],
	    SHMIF_BELL_AWAKE, memory_order_relaxed);
	atomic_store_explicit(&sm->sm_pending, 0, memory_order_relaxed);
	sm->sm_pid = rumpcomp_shmif_pid();
	slot_inherit(b, slots);
	shmif_announce(b, flags, b->b_ifp->if_hwaddr);
	atomic_store_explicit(&sm->sm_state, state | SHMIF_ACTIVE,
	    memory_order_release);
	generation_next(b);
}

/* ---- Joining and leaving ------------------------------------------------------ */

void
shmif_bus_rele(struct shmif_bus *b)
{
	unsigned i;

	if (atomic_fetch_sub_explicit(&b->b_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < SHMIF_MEMBERS; i++) {
		if (b->b_rx[i] != NULL)
			shmif_rx_fini(b->b_rx[i]);
		if (b->b_tx[i] != NULL)
			shmif_tx_fini(b, b->b_tx[i]);
	}
	if (b->b_view != NULL)
		kmem_free(b->b_view, sizeof(*b->b_view));
	if (b->b_head != NULL)
		rumpcomp_shmif_unmap(b->b_head, SHMIF_HEADSIZE);
	/* Only now may another have the slot. */
	rumpcomp_shmif_close(b->b_fd);
	mutex_fini(&b->b_lock);
	kmem_free(b, sizeof(*b));
}

static int
bus_join(struct shmif_bus *b, uint32_t flags)
{
	int error;

	error = rumpcomp_shmif_lock(b->b_fd, SHMIF_LOCK_JOIN, JOIN_WAIT_MS);
	if (error != 0)
		return error;
	error = bus_open(b);
	if (error == 0)
		error = slot_lock(b);
	if (error == 0)
		error = bus_reserve(b);
	if (error == 0)
		slot_take(b, flags);
	rumpcomp_shmif_unlock(b->b_fd, SHMIF_LOCK_JOIN);
	return error;
}

int
shmif_join(struct ifnet *ifp, const char *path, uint32_t flags,
    struct shmif_bus **bp)
{
	struct shmif_bus *b;
	int error;

	b = kmem_zalloc(sizeof(*b), 0);
	if (b == NULL)
		return ENOMEM;
	error = rumpcomp_shmif_open(path, &b->b_fd);
	if (error != 0) {
		kmem_free(b, sizeof(*b));
		return error;
	}
	mutex_init(&b->b_lock, &bus_lc);
	atomic_init(&b->b_refs, 1);
	b->b_ifp = ifp;
	b->b_work.nw_fn = shmif_tell;
	error = bus_join(b, flags);
	if (error == 0) {
		error = kthread_create(shmif_thread, b, "shmif",
		    &b->b_thread);
		if (error != 0)
			atomic_store_explicit(&b->b_me->sm_state,
			    SHMIF_LEFT, memory_order_release);
	}
	if (error != 0) {
		shmif_bus_rele(b);
		return error;
	}
	*bp = b;
	return 0;
}

void
shmif_leave(struct shmif_bus *b)
{
	uint32_t state = atomic_load_explicit(&b->b_me->sm_state,
	    memory_order_relaxed);

	atomic_store_explicit(&b->b_me->sm_state, (state & ~3u) | SHMIF_LEFT,
	    memory_order_release);
	generation_next(b);
	shmif_thread_stop(b);
	kthread_join(b->b_thread);
}
