/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "posix_test.h"

static bool
all_zero(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void
mappings_are_zeroed_and_aligned(void **state)
{
	size_t align, len;
	void *p;

	(void)state;
	for (align = 4096; align <= (size_t)64 << 20; align *= 4)
		for (len = 4096; len <= (size_t)1 << 20; len *= 16) {
			assert_int_equal(rumpuser_mem_map(len, align, 0, &p),
			    0);
			assert_int_equal((uintptr_t)p & (align - 1), 0);
			assert_true(all_zero(p, len));
			memset(p, 1, len);
			rumpuser_mem_unmap(p, len);
		}
}

static void
trimming_leaves_nothing_behind(void **state)
{
	unsigned char vec;
	char *p;
	void *mem;

	(void)state;
	assert_int_equal(rumpuser_mem_map(8192, (size_t)2 << 20, 0, &mem), 0);
	p = mem;
	rumpuser_mem_unmap(p, 8192);
	assert_int_equal(mincore(p, 4096, &vec), -1);
	assert_int_equal(errno, ENOMEM);
}

static void
huge_mapping_works(void **state)
{
	size_t len = (size_t)8 << 20;
	void *p;

	(void)state;
	assert_int_equal(rumpuser_mem_map(len, (size_t)2 << 20,
	    RUMPUSER_MEM_HUGE, &p), 0);
	assert_true(all_zero(p, len));
	rumpuser_mem_unmap(p, len);
}

static void
discarded_range_reads_as_zero(void **state)
{
	unsigned char vec[4], *p;
	void *mem;

	(void)state;
	assert_int_equal(rumpuser_mem_map(16384, 4096, 0, &mem), 0);
	p = mem;
	memset(p, 7, 16384);
	rumpuser_mem_discard(p + 4096, 8192);
	if (sysconf(_SC_PAGESIZE) == 4096) {
		assert_int_equal(mincore(p, 16384, vec), 0);
		assert_int_equal(vec[1] & 1, 0);
		assert_int_equal(vec[2] & 1, 0);
	}
	assert_true(all_zero(p + 4096, 8192));
	assert_int_equal(p[4095], 7);
	assert_int_equal(p[4096 + 8192], 7);
	rumpuser_mem_unmap(p, 16384);
}

static void
too_much_is_enomem(void **state)
{
	void *p = &p;

	(void)state;
	assert_int_equal(rumpuser_mem_map((size_t)1 << 50, 4096, 0, &p),
	    ENOMEM);
	assert_int_equal(rumpuser_mem_map(SIZE_MAX & ~(size_t)4095, 8192, 0,
	    &p), ENOMEM);
	assert_ptr_equal(p, &p);
}

static void
malloc_aligns(void **state)
{
	size_t align;
	void *p;

	(void)state;
	for (align = 1; align <= 65536; align *= 2) {
		assert_int_equal(rumpuser_malloc(100, align, &p), 0);
		assert_int_equal((uintptr_t)p & (align - 1), 0);
		memset(p, 1, 100);
		rumpuser_free(p, 100);
	}
	assert_int_equal(rumpuser_malloc(0, 1, &p), 0);
	assert_non_null(p);
	rumpuser_free(p, 0);
	rumpuser_free(NULL, 10);
}

static void
every_nth_allocation_can_fail(void **state)
{
	void *a, *b;
	uint64_t n, i;
	int e1, e2;

	(void)state;
	rumpuser_fault_set(RUMPUSER_FAULT_ALLOC, 0, 0);
	assert_int_equal(rumpuser_malloc(10, 8, &a), 0);
	assert_int_equal(rumpuser_mem_map(4096, 4096, 0, &b), 0);
	rumpuser_free(a, 10);
	rumpuser_mem_unmap(b, 4096);
	n = rumpuser_fault_count(RUMPUSER_FAULT_ALLOC);
	assert_int_equal(n, 2);
	for (i = 1; i <= n; i++) {
		rumpuser_fault_set(RUMPUSER_FAULT_ALLOC, i, 0);
		e1 = rumpuser_malloc(10, 8, &a);
		e2 = rumpuser_mem_map(4096, 4096, 0, &b);
		assert_int_equal(e1, i == 1 ? ENOMEM : 0);
		assert_int_equal(e2, i == 2 ? ENOMEM : 0);
		if (e1 == 0)
			rumpuser_free(a, 10);
		if (e2 == 0)
			rumpuser_mem_unmap(b, 4096);
	}
	rumpuser_fault_clear();
	assert_int_equal(rumpuser_malloc(10, 8, &a), 0);
	rumpuser_free(a, 10);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_are_zeroed_and_aligned),
		cmocka_unit_test(trimming_leaves_nothing_behind),
		cmocka_unit_test(huge_mapping_works),
		cmocka_unit_test(discarded_range_reads_as_zero),
		cmocka_unit_test(too_much_is_enomem),
		cmocka_unit_test(malloc_aligns),
		cmocka_unit_test(every_nth_allocation_can_fail),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
