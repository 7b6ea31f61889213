/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is built on kmem_alloc() alone.
 */
#include <kern/kmem.h>
#include <kern/string.h>

void *
kmem_realloc(void *p, size_t old, size_t size, int flags)
{
	void *q;

	if (p == NULL)
		return kmem_alloc(size, flags);
	q = kmem_alloc(size, flags & ~KM_ZERO);
	if (q == NULL)
		return NULL;
	memcpy(q, p, MIN(old, size));
	if ((flags & KM_ZERO) != 0 && size > old)
		memset((char *)q + old, 0, size - old);
	kmem_free(p, old);
	return q;
}

char *
kmem_strdup(const char *s, int flags)
{
	size_t len = strlen(s) + 1;
	char *p;

	p = kmem_alloc(len, flags & ~KM_ZERO);
	if (p != NULL)
		memcpy(p, s, len);
	return p;
}

void
kmem_strfree(char *s)
{
	if (s != NULL)
		kmem_free(s, strlen(s) + 1);
}
