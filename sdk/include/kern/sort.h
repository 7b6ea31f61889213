/* SPDX-License-Identifier: BSD-2-Clause */
/** @file sort.h
 * Sorting in place: heapsort, which needs no memory and has no bad case. It is
 * expanded where it is used, so that size and less are known there.
 */
#ifndef KERN_SORT_H
#define KERN_SORT_H

#include <kern/assert.h>
#include <kern/string.h>

#define SORT_ITEM_MAX	32		/**< bytes of an item */

static inline __attribute__((always_inline)) void
sort_swap(char *a, char *b, size_t size)
{
	char t[SORT_ITEM_MAX];

	memcpy(t, a, size);
	memcpy(a, b, size);
	memcpy(b, t, size);
}

static inline __attribute__((always_inline)) void
sort_sift(char *v, size_t root, size_t n, size_t size,
    bool (*less)(const void *a, const void *b))
{
	size_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n &&
		    less(v + child * size, v + (child + 1) * size))
			child++;
		if (!less(v + root * size, v + child * size))
			return;
		sort_swap(v + root * size, v + child * size, size);
		root = child;
	}
}

/**
 * Sort n items of size bytes. Equal ones end in no particular order.
 * @param less  does a go before b?
 */
static inline void
sort(void *base, size_t n, size_t size,
    bool (*less)(const void *a, const void *b))
{
	char *v = base;
	size_t i;

	KASSERT(size <= SORT_ITEM_MAX);
	for (i = n / 2; i-- > 0;)
		sort_sift(v, i, n, size, less);
	for (i = n; i-- > 1;) {
		sort_swap(v, v + i * size, size);
		sort_sift(v, 0, i, size, less);
	}
}

#endif
