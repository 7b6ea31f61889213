/* SPDX-License-Identifier: BSD-2-Clause */
/** @file string.h
 * The kernel's own string functions; the meaning is that of ISO C 7.24 and
 * 7.21.6 unless said otherwise.
 */
#ifndef KERN_STRING_H
#define KERN_STRING_H

#include <kern/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/** Copy with truncation; returns strlen(src). n is the size of dst. */
size_t strlcpy(char *dst, const char *src, size_t n);
size_t strlcat(char *dst, const char *src, size_t n);
/** The conversions of C but for %n, floating point and wide characters. */
int snprintf(char *buf, size_t n, const char *fmt, ...) __printflike(3, 4);
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
    __printflike(3, 0);
/**
 * Read an unsigned number (base 0 as in C). The whole string must be one;
 * a suffix k, m or g (either case) multiplies by 2^10, 2^20, 2^30.
 * @return EINVAL, ERANGE
 */
int strtou64(const char *s, int base, uint64_t *vp);

/* Freestanding compilers do not expand these by themselves. */
#define memcpy(d, s, n)	__builtin_memcpy((d), (s), (n))
#define memmove(d, s, n) __builtin_memmove((d), (s), (n))
#define memset(d, c, n)	__builtin_memset((d), (c), (n))
#define memcmp(a, b, n)	__builtin_memcmp((a), (b), (n))
#define strlen(s)	__builtin_strlen(s)

#endif
