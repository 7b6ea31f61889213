/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock assertions of DIAGNOSTIC builds: ownership, and the order of classes.
 *
 * Each thread keeps the list of locks it holds. Taking a lock of class B while
 * holding one of class A adds the edge A -> B to a graph; an edge that closes
 * a cycle is a possible deadlock and panics, also when it did not happen this
 * time.
 */
#include <kern/sync.h>

#ifdef DIAGNOSTIC

#include <kern/string.h>
#include <kern/thread.h>

#define CLASS_MAX	256
#define HELD_MAX	160		/* the name cache grows with all stripes held */

struct held {
	struct lock_debug *h_lock;
	bool h_exclusive;
};

struct held_list {
	unsigned hl_n;
	struct held hl_held[HELD_MAX];
};

static atomic_flag graph_lock = ATOMIC_FLAG_INIT;
static struct lock_class *classes[CLASS_MAX];	/* [graph_lock] */
static int nclasses;				/* [graph_lock] */
/* edges[a][b]: b was taken with a held. Set under graph_lock. */
static _Atomic uint8_t edges[CLASS_MAX][CLASS_MAX];

/* A struct thread's own list; static, so that it needs no allocator. */
static __thread struct held_list held;

static void
graph_enter(void)
{
	while (atomic_flag_test_and_set_explicit(&graph_lock,
	    memory_order_acquire))
		continue;
}

static void
graph_exit(void)
{
	atomic_flag_clear_explicit(&graph_lock, memory_order_release);
}

void
lock_debug_init(struct lock_debug *ld, struct lock_class *lc)
{
	ld->ld_class = lc;
	atomic_init(&ld->ld_owner, NULL);
	if (lc == NULL || atomic_load(&lc->lc_index) != 0)
		return;
	graph_enter();
	if (atomic_load(&lc->lc_index) == 0 && nclasses + 1 < CLASS_MAX) {
		classes[++nclasses] = lc;
		atomic_store(&lc->lc_index, nclasses);
	}
	graph_exit();
}

/* Is there a way from class a to class b? [graph_lock] */
static bool
graph_reaches(int a, int b)
{
	static uint8_t seen[CLASS_MAX];
	static uint16_t todo[CLASS_MAX];
	int n = 0, c;

	memset(seen, 0, sizeof(seen));
	todo[n++] = a;
	seen[a] = 1;
	while (n > 0) {
		c = todo[--n];
		if (c == b)
			return true;
		for (int i = 1; i <= nclasses; i++) {
			if (atomic_load(&edges[c][i]) && !seen[i]) {
				seen[i] = 1;
				todo[n++] = i;
			}
		}
	}
	return false;
}

static void
order_add(struct lock_class *before, struct lock_class *after)
{
	int a, b;
	bool cycle;

	if (before == NULL || after == NULL)
		return;
	a = atomic_load(&before->lc_index);
	b = atomic_load(&after->lc_index);
	if (a == 0 || b == 0)
		return;
	if (a == b) {
		if ((after->lc_flags & LC_NESTS) == 0)
			panic("lock order: two locks of class \"%s\"",
			    after->lc_name);
		return;
	}
	if (atomic_load_explicit(&edges[a][b], memory_order_relaxed))
		return;
	graph_enter();
	cycle = graph_reaches(b, a);
	if (!cycle)
		atomic_store(&edges[a][b], 1);
	graph_exit();
	if (cycle)
		panic("lock order: \"%s\" taken with \"%s\" held, "
		    "but the reverse was seen", after->lc_name,
		    before->lc_name);
}

void
lock_debug_want(struct lock_debug *ld, bool exclusive __maybe_unused)
{
	struct held_list *hl = &held;

	for (unsigned i = 0; i < hl->hl_n; i++) {
		if (hl->hl_held[i].h_lock == ld)
			panic("lock \"%s\" taken twice", ld->ld_class != NULL ?
			    ld->ld_class->lc_name : "?");
		order_add(hl->hl_held[i].h_lock->ld_class, ld->ld_class);
	}
}

void
lock_debug_locked(struct lock_debug *ld, bool exclusive)
{
	struct held_list *hl = &held;

	if (hl->hl_n == HELD_MAX)
		panic("a thread holds more than %d locks", HELD_MAX);
	hl->hl_held[hl->hl_n].h_lock = ld;
	hl->hl_held[hl->hl_n++].h_exclusive = exclusive;
	if (exclusive)
		atomic_store_explicit(&ld->ld_owner, hl, memory_order_relaxed);
}

void
lock_debug_unlock(struct lock_debug *ld, bool exclusive)
{
	struct held_list *hl = &held;
	unsigned i;

	for (i = hl->hl_n; i-- > 0;) {
		if (hl->hl_held[i].h_lock == ld)
			break;
	}
	if (i == UINT32_MAX || hl->hl_held[i].h_exclusive != exclusive)
		panic("lock \"%s\" left by a thread that does not hold it",
		    ld->ld_class != NULL ? ld->ld_class->lc_name : "?");
	memmove(&hl->hl_held[i], &hl->hl_held[i + 1],
	    (hl->hl_n - i - 1) * sizeof(hl->hl_held[0]));
	hl->hl_n--;
	if (exclusive)
		atomic_store_explicit(&ld->ld_owner, NULL,
		    memory_order_relaxed);
}

bool
lock_debug_held(struct lock_debug *ld)
{
	return atomic_load_explicit(&ld->ld_owner, memory_order_relaxed) ==
	    &held;
}

void
lock_debug_none_held(const char *where)
{
	struct held_list *hl = &held;

	if (hl->hl_n != 0)
		panic("%s with lock \"%s\" held", where,
		    hl->hl_held[0].h_lock->ld_class != NULL ?
		    hl->hl_held[0].h_lock->ld_class->lc_name : "?");
}

#endif /* DIAGNOSTIC */
