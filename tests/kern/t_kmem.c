/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel memory: sizes, pages, pools, threads, failures, and what a
 * DIAGNOSTIC build finds out.
 *
 * Link: rump
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rump/rump.h>
#include <rump/rumpuser_fault.h>

#include "k_kmem.h"
#include "test.h"

/* There in DIAGNOSTIC builds; there unless KMEM=host. */
void rumpns_kmem_poison(void) __attribute__((weak));
void rumpns_block_init(void) __attribute__((weak));

#define THREADS	4

static bool
own_allocator(void)
{
	return rumpns_block_init != NULL;
}

/* Nothing is left allocated by fn. */
static void
balanced(int (*fn)(void))
{
	size_t before = rumptest_kmem_used();

	assert_int_equal(fn(), 0);
	assert_int_equal(rumptest_kmem_used(), before);
}

static void
sizes_are_aligned_and_apart(void **state)
{
	(void)state;
	balanced(rumptest_kmem_sizes);
}

static void
realloc_keeps_contents(void **state)
{
	(void)state;
	balanced(rumptest_kmem_realloc);
}

static void
pages_are_aligned_and_zeroed(void **state)
{
	(void)state;
	balanced(rumptest_kmem_pages);
}

static void
random_allocations_stay_apart(void **state)
{
	size_t before = rumptest_kmem_used();
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 4; seed++)
		assert_int_equal(rumptest_kmem_random(seed, 20000), 0);
	assert_int_equal(rumptest_kmem_used(), before);
}

static void
free_bulk_memory_goes_back(void **state)
{
	size_t before = rumptest_kmem_used(), mapped, peak, size = 96 << 20;

	(void)state;
	mapped = rumptest_kmem_mapped();
	assert_int_equal(rumptest_kmem_bulk(size, &peak), 0);
	assert_int_equal(rumptest_kmem_used(), before);
	/* Little is taken beside the pages ... */
	assert_in_range(peak, size, mapped + size + size / 2);
	/* ... and about half, in whole chunks, may be kept. */
	assert_true(rumptest_kmem_mapped() <=
	    mapped + (peak - mapped) * 2 / 3);
}

static void
objects_pack_well(void **state)
{
	static const struct { size_t size, align, percent; } cases[] = {
		{ 16, 0, 3 }, { 24, 8, 3 }, { 64, 0, 3 }, { 200, 8, 3 },
		{ 448, 0, 4 }, { 512, 0, 4 }, { 1024, 0, 4 }, { 3072, 0, 7 },
	};
	size_t i, n, bytes;

	(void)state;
	if (!own_allocator())
		skip();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = (8 << 20) / cases[i].size;
		assert_int_equal(rumptest_kmem_packing(cases[i].size,
		    cases[i].align, n, &bytes), 0);
		assert_in_range(bytes, n * cases[i].size, n * cases[i].size +
		    n * cases[i].size * cases[i].percent / 100);
	}
}

static void
pools_beyond_the_cached_ones_work(void **state)
{
	(void)state;
	balanced(rumptest_kmem_many_pools);
}

/* ---- Threads ----------------------------------------------------------- */

static void
in_threads(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	void *r;
	intptr_t i;

	for (i = 0; i < THREADS; i++)
		ok_errno(pthread_create(&t[i], NULL, fn, (void *)i));
	for (i = 0; i < THREADS; i++) {
		ok_errno(pthread_join(t[i], &r));
		assert_null(r);
	}
}

static void *
random_thread(void *arg)
{
	return (void *)(intptr_t)rumptest_kmem_random((uintptr_t)arg + 100,
	    30000);
}

static void
threads_get_memory_of_their_own(void **state)
{
	size_t before = rumptest_kmem_used();

	(void)state;
	in_threads(random_thread);
	assert_int_equal(rumptest_kmem_used(), before);
}

#define HAND_ROUNDS	20000
#define HAND_SLOTS	256

static _Atomic(void *) hand[HAND_SLOTS];

/* Put an object into a slot, and free the one that another put there. */
static void *
hand_thread(void *arg)
{
	uintptr_t i, slot, x = (uintptr_t)arg + 1;
	void *p;

	for (i = 0; i < HAND_ROUNDS; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		slot = x >> 40 & (HAND_SLOTS - 1);
		p = rumptest_kmem_hand_make(slot);
		if (p == NULL)
			return "no memory";
		p = __atomic_exchange_n((void **)&hand[slot], p,
		    __ATOMIC_ACQ_REL);
		if (p != NULL && rumptest_kmem_hand_free(p, slot) != 0)
			return "another's contents";
	}
	return NULL;
}

static void
objects_are_freed_by_other_threads(void **state)
{
	size_t before = rumptest_kmem_used();
	uintptr_t i;

	(void)state;
	assert_int_equal(rumptest_kmem_hand_init(), 0);
	in_threads(hand_thread);
	for (i = 0; i < HAND_SLOTS; i++)
		if (hand[i] != NULL)
			assert_int_equal(rumptest_kmem_hand_free(hand[i], i),
			    0);
	rumptest_kmem_hand_fini();
	assert_int_equal(rumptest_kmem_used(), before);
}

/* ---- Failures ---------------------------------------------------------- */

static void
every_injected_failure_is_reported(void **state)
{
	size_t before = rumptest_kmem_used();
	uint64_t n, i;

	(void)state;
	rump_pub_kmem_fault(UINT64_MAX);
	assert_int_equal(rumptest_kmem_workload(), 0);
	n = rump_pub_kmem_fault_count();
	assert_int_equal(n, 5);
	for (i = 1; i <= n; i++) {
		rump_pub_kmem_fault(i);
		assert_int_not_equal(rumptest_kmem_workload(), 0);
	}
	rump_pub_kmem_fault(0);
	assert_int_equal(rumptest_kmem_workload(), 0);
	assert_int_equal(rumptest_kmem_used(), before);
}

static void
a_platform_without_memory_is_survived(void **state)
{
	size_t before = rumptest_kmem_used(), peak;

	(void)state;
	rumpuser_fault_set(RUMPUSER_FAULT_ALLOC, 1,
	    RUMPUSER_FAULT_STAYS);
	assert_int_not_equal(rumptest_kmem_workload(), 0);
	rumpuser_fault_clear();
	assert_int_equal(rumptest_kmem_workload(), 0);
	assert_int_equal(rumptest_kmem_bulk(8 << 20, &peak), 0);
	assert_int_equal(rumptest_kmem_used(), before);
}

/* ---- DIAGNOSTIC: in child processes that must not survive it ----------- */

static void
must_panic(void (*fn)(void))
{
	int status;
	pid_t pid;

	if (rumpns_kmem_poison == NULL)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		close(STDOUT_FILENO);
		alarm(20);
		if (rump_init() == 0)
			fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
use_after_free_panics(void **state)
{
	(void)state;
	must_panic(rumptest_kmem_use_after_free);
}

static void
free_twice_panics(void **state)
{
	(void)state;
	must_panic(rumptest_kmem_free_twice);
}

static void
free_of_a_wrong_size_panics(void **state)
{
	(void)state;
	must_panic(rumptest_kmem_free_wrong_size);
}

static void
page_freed_twice_panics(void **state)
{
	(void)state;
	must_panic(rumptest_kmem_page_free_twice);
}

static void
boots(void **state)
{
	(void)state;
	ok_errno(rump_init());
}

int
main(void)
{
	/* Those that fork come before this process' own boot. */
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_after_free_panics),
		cmocka_unit_test(free_twice_panics),
		cmocka_unit_test(free_of_a_wrong_size_panics),
		cmocka_unit_test(page_freed_twice_panics),
		cmocka_unit_test(boots),
		cmocka_unit_test(sizes_are_aligned_and_apart),
		cmocka_unit_test(realloc_keeps_contents),
		cmocka_unit_test(pages_are_aligned_and_zeroed),
		cmocka_unit_test(random_allocations_stay_apart),
		cmocka_unit_test(free_bulk_memory_goes_back),
		cmocka_unit_test(objects_pack_well),
		cmocka_unit_test(pools_beyond_the_cached_ones_work),
		cmocka_unit_test(threads_get_memory_of_their_own),
		cmocka_unit_test(objects_are_freed_by_other_threads),
		cmocka_unit_test(every_injected_failure_is_reported),
		cmocka_unit_test(a_platform_without_memory_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
