/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's string functions against the host's: same arguments, same
 * result.
 *
 * Link: rump
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

void *rumpns_memcpy(void *, const void *, size_t);
void *rumpns_memmove(void *, const void *, size_t);
void *rumpns_memset(void *, int, size_t);
int rumpns_memcmp(const void *, const void *, size_t);
void *rumpns_memchr(const void *, int, size_t);
size_t rumpns_strlen(const char *);
size_t rumpns_strnlen(const char *, size_t);
int rumpns_strcmp(const char *, const char *);
int rumpns_strncmp(const char *, const char *, size_t);
char *rumpns_strchr(const char *, int);
char *rumpns_strrchr(const char *, int);
size_t rumpns_strlcpy(char *, const char *, size_t);
size_t rumpns_strlcat(char *, const char *, size_t);
int rumpns_snprintf(char *, size_t, const char *, ...)
    __attribute__((format(printf, 3, 4)));
int rumpns_strtou64(const char *, int, uint64_t *);

#define AREA 3000

static unsigned char ours[AREA], theirs[AREA];

static void
fill(void)
{
	for (int i = 0; i < AREA; i++)
		ours[i] = theirs[i] = (unsigned char)rand();
}

static void
copies_of_every_size_and_alignment(void **state)
{
	(void)state;
	for (size_t n = 0; n < 700; n++) {
		size_t to = (size_t)rand() % 64, from = 1000 +
		    (size_t)rand() % 64;

		fill();
		assert_ptr_equal(rumpns_memcpy(ours + to, ours + from, n),
		    ours + to);
		memcpy(theirs + to, theirs + from, n);
		assert_memory_equal(ours, theirs, AREA);
	}
}

/* Where both are at about the same place of their pages, another way. */
static void
copies_whose_places_in_the_page_are_near(void **state)
{
	static unsigned char from[4096 + 128], to[2][3 * 4096 + 128];
	unsigned char *page;

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)rand();
	page = to[0] + 4096 + ((uintptr_t)from - (uintptr_t)to[0]) % 4096;
	for (size_t n = 500; n <= 4096; n += n < 600 ? 1 : 97) {
		for (int ahead = -40; ahead <= 40; ahead++) {
			unsigned char *other = to[1] + (page - to[0]) + ahead;

			memset(to, 0x5a, sizeof(to));
			rumpns_memcpy(page + ahead, from, n);
			memcpy(other, from, n);
			assert_memory_equal(to[0], to[1], sizeof(to[0]));
		}
	}
}

static void
moves_with_every_overlap(void **state)
{
	(void)state;
	for (size_t n = 0; n < 700; n += 1 + n / 64) {
		for (int shift = -70; shift <= 70; shift++) {
			fill();
			rumpns_memmove(ours + 1000 + shift, ours + 1000, n);
			memmove(theirs + 1000 + shift, theirs + 1000, n);
			assert_memory_equal(ours, theirs, AREA);
		}
	}
}

static void
moves_by_about_a_page(void **state)
{
	static unsigned char a[2][5 * 4096];

	(void)state;
	for (int shift = -4140; shift <= 4140; shift++) {
		if (shift == -4040)
			shift = 4040;
		for (size_t i = 0; i < sizeof(a[0]); i++)
			a[0][i] = a[1][i] = (unsigned char)rand();
		rumpns_memmove(a[0] + 4200 + shift, a[0] + 4200, 9000);
		memmove(a[1] + 4200 + shift, a[1] + 4200, 9000);
		assert_memory_equal(a[0], a[1], sizeof(a[0]));
	}
}

static void
sets_and_compares(void **state)
{
	(void)state;
	for (size_t n = 0; n < 700; n++) {
		size_t at = (size_t)rand() % 64;

		fill();
		rumpns_memset(ours + at, (int)n, n);
		memset(theirs + at, (int)n, n);
		assert_memory_equal(ours, theirs, AREA);
		assert_int_equal(rumpns_memcmp(ours, theirs, n), 0);
		theirs[n]++;
		assert_int_equal(rumpns_memcmp(ours, theirs, n + 1) < 0,
		    memcmp(ours, theirs, n + 1) < 0);
		assert_ptr_equal(rumpns_memchr(ours, 7, n),
		    memchr(ours, 7, n));
	}
}

static void
strings(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(rumpns_strlen("abc"), 3);
	assert_int_equal(rumpns_strnlen("abc", 2), 2);
	assert_int_equal(rumpns_strcmp("a", "a"), 0);
	assert_true(rumpns_strcmp("a", "b") < 0);
	assert_true(rumpns_strcmp("\xff", "a") > 0);
	assert_int_equal(rumpns_strncmp("abc", "abd", 2), 0);
	assert_string_equal(rumpns_strchr("a/b/c", '/'), "/b/c");
	assert_string_equal(rumpns_strrchr("a/b/c", '/'), "/c");
	assert_null(rumpns_strchr("abc", '/'));
	assert_int_equal(*rumpns_strchr("abc", '\0'), '\0');
	assert_int_equal(rumpns_strlcpy(buf, "0123456789", sizeof(buf)), 10);
	assert_string_equal(buf, "0123456");
	assert_int_equal(rumpns_strlcpy(buf, "ab", sizeof(buf)), 2);
	assert_int_equal(rumpns_strlcat(buf, "cdefghi", sizeof(buf)), 9);
	assert_string_equal(buf, "abcdefg");
}

#define SAME(...) do {							\
	char a[128], b[128];						\
	int m = rumpns_snprintf(a, sizeof(a), __VA_ARGS__);		\
	int n = snprintf(b, sizeof(b), __VA_ARGS__);			\
	assert_string_equal(a, b);					\
	assert_int_equal(m, n);						\
} while (0)

static void
printf_formats_as_the_host(void **state)
{
	static const long long v[] = { 0, 1, -1, 42, -4711, 0x7fffffff,
		-0x80000000LL, INT64_MAX, INT64_MIN };
	char small[5];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		SAME("%d %i %u", (int)v[i], (int)v[i], (unsigned)v[i]);
		SAME("%lld %llu %llx %llX %llo", v[i], v[i], v[i], v[i], v[i]);
		SAME("%ld|%lu|%zu|%jd|%td", (long)v[i], (unsigned long)v[i],
		    (size_t)v[i], (intmax_t)v[i], (ptrdiff_t)v[i]);
		SAME("%hd|%hhd|%hu|%hhu", (short)v[i], (signed char)v[i],
		    (unsigned short)v[i], (unsigned char)v[i]);
		SAME("[%8d][%-8d][%08d][%+d][% d]", (int)v[i], (int)v[i],
		    (int)v[i], (int)v[i], (int)v[i]);
		SAME("[%#x][%#o][%.5d][%8.5d][%-8.5x][%.0d]", (unsigned)v[i],
		    (unsigned)v[i], (int)v[i], (int)v[i], (unsigned)v[i],
		    (int)v[i]);
		SAME("[%*d][%-*d][%.*d]", 9, (int)v[i], 9, (int)v[i], 4,
		    (int)v[i]);
	}
	SAME("%s|%10s|%-10s|%.2s|%c%c|%%", "abc", "abc", "abc", "abc", 'x',
	    'y');
	SAME("%p", (void *)small);
	assert_int_equal(rumpns_snprintf(small, sizeof(small), "%s", "longer"),
	    6);
	assert_string_equal(small, "long");
	assert_int_equal(rumpns_snprintf(NULL, 0, "%d", 12345), 5);
}

static void
numbers_are_read_whole_or_refused(void **state)
{
	static const struct {
		const char *s;
		int base, error;
		uint64_t v;
	} c[] = {
		{ "0", 0, 0, 0 }, { "17", 0, 0, 17 }, { "0x1F", 0, 0, 31 },
		{ "017", 0, 0, 15 }, { "4k", 0, 0, 4096 },
		{ "2M", 0, 0, 2 << 20 }, { "1g", 0, 0, 1 << 30 },
		{ "18446744073709551615", 0, 0, UINT64_MAX },
		{ "18446744073709551616", 0, ERANGE, 0 },
		{ "18014398509481984k", 0, ERANGE, 0 },
		{ "", 0, EINVAL, 0 }, { "x", 0, EINVAL, 0 },
		{ "12x", 0, EINVAL, 0 }, { "1kk", 0, EINVAL, 0 },
		{ "-1", 0, EINVAL, 0 }, { " 1", 0, EINVAL, 0 },
		{ "0x", 0, EINVAL, 0 }, { "ff", 16, 0, 255 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		uint64_t v = 77;

		assert_int_equal(rumpns_strtou64(c[i].s, c[i].base, &v),
		    c[i].error);
		assert_true(v == (c[i].error == 0 ? c[i].v : 77));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_every_size_and_alignment),
		cmocka_unit_test(copies_whose_places_in_the_page_are_near),
		cmocka_unit_test(moves_with_every_overlap),
		cmocka_unit_test(moves_by_about_a_page),
		cmocka_unit_test(sets_and_compares),
		cmocka_unit_test(strings),
		cmocka_unit_test(printf_formats_as_the_host),
		cmocka_unit_test(numbers_are_read_whole_or_refused),
	};

	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
