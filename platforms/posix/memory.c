/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory: anonymous mappings, and the host's malloc().
 */
#include <sys/mman.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

#define HUGE_SIZE	((size_t)2 << 20)

static size_t
page_size(void)
{
	static _Atomic size_t cached;
	size_t size = atomic_load_explicit(&cached, memory_order_relaxed);

	if (size == 0) {
		size = sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&cached, size, memory_order_relaxed);
	}
	return size;
}

static size_t
round_up(size_t n, size_t to)
{

	return (n + to - 1) & ~(to - 1);
}

int
rumpuser_mem_map(size_t len, size_t align, int flags, void **memp)
{
	size_t page = page_size(), slack, head;
	char *p;
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_ALLOC)) != 0)
		return error;

	/* More than is asked for, so that an aligned start is in it. */
	slack = align > page ? align - page : 0;
	if (len > SIZE_MAX - slack - page)
		return ENOMEM;
	len = round_up(len, page);
	p = mmap(NULL, len + slack, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return ENOMEM;
	if (slack != 0) {
		head = -(uintptr_t)p & (align - 1);
		if (head != 0)
			munmap(p, head);
		if (head != slack)
			munmap(p + head + len, slack - head);
		p += head;
	}

	/*
	 * A host that gives huge pages to everybody would make a sparsely
	 * used mapping resident as a whole.
	 */
	if (len >= HUGE_SIZE)
		madvise(p, len, flags & RUMPUSER_MEM_HUGE ?
		    MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	*memp = p;
	return 0;
}

void
rumpuser_mem_unmap(void *mem, size_t len)
{

	munmap(mem, round_up(len, page_size()));
}

void
rumpuser_mem_discard(void *mem, size_t len)
{
	size_t page = page_size(), head;
	char *p = mem;

	/* The host's pages may be bigger than the contract's. */
	head = -(uintptr_t)p & (page - 1);
	if (head > len)
		head = len;
	memset(p, 0, head);
	p += head;
	len -= head;
	memset(p + (len & ~(page - 1)), 0, len & (page - 1));
	len &= ~(page - 1);

	/* It fails for locked memory. */
	if (len != 0 && madvise(p, len, MADV_DONTNEED) != 0)
		memset(p, 0, len);
}

int
rumpuser_malloc(size_t len, size_t align, void **memp)
{
	void *mem;
	int error;

	if ((error = ruser_fault(RUMPUSER_FAULT_ALLOC)) != 0)
		return error;
	if (len == 0)
		len = 1;
	if (align <= _Alignof(max_align_t)) {
		if ((mem = malloc(len)) == NULL)
			return ENOMEM;
	} else if ((error = posix_memalign(&mem, align, len)) != 0) {
		return error;
	}
	*memp = mem;
	return 0;
}

void
rumpuser_free(void *mem, size_t len)
{

	(void)len;
	free(mem);
}
