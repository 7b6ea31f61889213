/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and strings. Compilers emit calls to the first four by themselves,
 * so they must not be written in a way that is compiled to a call of
 * themselves (-fno-tree-loop-distribute-patterns).
 */
#include <kern/string.h>

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

/*
 * From this size on the string instructions of x86-64 win; below, their
 * start-up costs more than some pairs of overlapping moves.
 */
#define REP_MIN 512

typedef uint64_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter __attribute__((may_alias, aligned(1)));
#if defined(__SSE2__) || defined(__ARM_NEON)
typedef unsigned char block
    __attribute__((vector_size(16), may_alias, aligned(1)));
#else
typedef struct { uint64_t a, b; } __attribute__((packed, may_alias)) block;
#endif

#if defined(__x86_64__)
static inline void
copy_string(void *dst, const void *src, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n)
	    : : "memory");
}

static inline void
set_string(void *dst, int c, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(c)
	    : "memory");
}

/*
 * Zen 3 copies a byte at a time (25 to 50 times slower) where the destination
 * is ahead of the source by less than 32 bytes, modulo a page: where malloc()
 * has put its header before a big buffer, and the source is a page.
 */
static inline bool
copy_string_slow(const void *dst, const void *src)
{
	return (((uintptr_t)dst - (uintptr_t)src) & 4095) - 1 < 31;
}
#define HAVE_STRING_INSNS 1
#else
#define HAVE_STRING_INSNS 0
#define copy_string(d, s, n) ((void)0)
#define copy_string_slow(d, s) false
#define set_string(d, c, n) ((void)0)
#endif

/* Up to 32 bytes, everything loaded before anything is stored. */
static inline void
copy_small(unsigned char *d, const unsigned char *s, size_t n)
{
	if (n >= 16) {
		block a = *(const block *)s;
		block b = *(const block *)(s + n - 16);

		*(block *)d = a;
		*(block *)(d + n - 16) = b;
	} else if (n >= 8) {
		uint64_t a = *(const word *)s;
		uint64_t b = *(const word *)(s + n - 8);

		*(word *)d = a;
		*(word *)(d + n - 8) = b;
	} else if (n >= 4) {
		uint32_t a = *(const half *)s;
		uint32_t b = *(const half *)(s + n - 4);

		*(half *)d = a;
		*(half *)(d + n - 4) = b;
	} else if (n >= 2) {
		uint16_t a = *(const quarter *)s;
		uint16_t b = *(const quarter *)(s + n - 2);

		*(quarter *)d = a;
		*(quarter *)(d + n - 2) = b;
	} else if (n == 1) {
		*d = *s;
	}
}

/* More than 32 bytes, from the beginning; a source behind dst may overlap. */
static inline void
copy_up(unsigned char *d, const unsigned char *s, size_t n)
{
	block last = *(const block *)(s + n - 16);
	size_t i;

	for (i = 0; i + 32 <= n; i += 32) {
		block a = *(const block *)(s + i);
		block b = *(const block *)(s + i + 16);

		*(block *)(d + i) = a;
		*(block *)(d + i + 16) = b;
	}
	if (i + 16 <= n)
		*(block *)(d + i) = *(const block *)(s + i);
	*(block *)(d + n - 16) = last;
}

/* From the end; a source before dst may overlap. */
static inline void
copy_down(unsigned char *d, const unsigned char *s, size_t n)
{
	block first = *(const block *)s;

	for (; n > 32; n -= 32) {
		block a = *(const block *)(s + n - 16);
		block b = *(const block *)(s + n - 32);

		*(block *)(d + n - 16) = a;
		*(block *)(d + n - 32) = b;
	}
	if (n > 16)
		*(block *)(d + n - 16) = *(const block *)(s + n - 16);
	*(block *)d = first;
}

void *
memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if (n <= 32) {
		copy_small(d, s, n);
		return dst;
	}
	if (HAVE_STRING_INSNS && n >= REP_MIN) {
		/* Down: no load meets a store to the same place of a page. */
		if (__unlikely(copy_string_slow(d, s)))
			copy_down(d, s, n);
		else
			copy_string(d, s, n);
		return dst;
	}
	copy_up(d, s, n);
	return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	if (n <= 32) {
		copy_small(d, s, n);
		return dst;
	}
	if ((uintptr_t)d - (uintptr_t)s < n)
		copy_down(d, s, n);
	else if ((uintptr_t)s - (uintptr_t)d < n)
		copy_up(d, s, n);
	else
		(memcpy)(dst, src, n);
	return dst;
}

void *
memset(void *dst, int c, size_t n)
{
	unsigned char *d = dst;
	uint64_t w = 0x0101010101010101u * (unsigned char)c;
	size_t i;

	if (n < 8) {
		for (i = 0; i < n; i++)
			d[i] = (unsigned char)c;
		return dst;
	}
	if (HAVE_STRING_INSNS && n >= REP_MIN) {
		set_string(d, c, n);
		return dst;
	}
	for (i = 0; i + 8 <= n; i += 8)
		*(word *)(d + i) = w;
	*(word *)(d + n - 8) = w;
	return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n >= 8; n -= 8, p += 8, q += 8) {
		if (*(const word *)p != *(const word *)q)
			break;
	}
	for (; n > 0; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

void *
memchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;

	for (; n > 0; n--, p++) {
		if (*p == (unsigned char)c)
			return (void *)(uintptr_t)p;
	}
	return NULL;
}

size_t
strlen(const char *s)
{
	const char *p = s;

	while (*p != '\0')
		p++;
	return (size_t)(p - s);
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

int
strcmp(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b || *a == '\0')
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

char *
strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (*s == '\0')
			return NULL;
	}
	return (char *)(uintptr_t)s;
}

char *
strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (*s == '\0')
			return (char *)(uintptr_t)last;
	}
}

size_t
strlcpy(char *dst, const char *src, size_t n)
{
	size_t len = strlen(src);

	if (n > 0) {
		size_t m = MIN(len, n - 1);

		(memcpy)(dst, src, m);
		dst[m] = '\0';
	}
	return len;
}

size_t
strlcat(char *dst, const char *src, size_t n)
{
	size_t used = strnlen(dst, n);

	return used + strlcpy(dst + used, src, n - used);
}

int
strtou64(const char *s, int base, uint64_t *vp)
{
	uint64_t v = 0, unit = 1;
	int digit, n = 0;

	if (base == 0) {
		base = 10;
		if (s[0] == '0') {
			base = (s[1] | 0x20) == 'x' ? 16 : 8;
			if (base == 16)
				s += 2;
		}
	}
	for (;; s++, n++) {
		if (*s >= '0' && *s <= '9')
			digit = *s - '0';
		else if ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')
			digit = (*s | 0x20) - 'a' + 10;
		else
			break;
		if (digit >= base)
			break;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit, &v))
			return ERANGE;
	}
	if (n == 0)
		return EINVAL;
	switch (*s | 0x20) {
	case 'g':
		unit <<= 10;
		/* FALLTHROUGH */
	case 'm':
		unit <<= 10;
		/* FALLTHROUGH */
	case 'k':
		unit <<= 10;
		s++;
		break;
	}
	if (*s != '\0')
		return EINVAL;
	if (__builtin_mul_overflow(v, unit, &v))
		return ERANGE;
	*vp = v;
	return 0;
}
