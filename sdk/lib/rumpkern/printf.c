/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snprintf(): flags - 0 + space #, width, precision, h hh l ll z j t, and
 * d i u x X o c s p %. ISO C 7.21.6.1.
 */
#include <kern/string.h>

struct out {
	char *o_buf;
	size_t o_size;
	size_t o_len;		/* what would be written */
};

struct spec {
	bool s_left, s_zero, s_plus, s_space, s_alt;
	int s_width;
	int s_prec;		/* -1: none */
	int s_size;		/* bytes of an integer argument */
};

static void
put(struct out *o, char c)
{
	if (o->o_len + 1 < o->o_size)
		o->o_buf[o->o_len] = c;
	o->o_len++;
}

static void
put_n(struct out *o, const char *s, int n)
{
	while (n-- > 0)
		put(o, *s++);
}

static void
pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void
put_number(struct out *o, const struct spec *sp, uint64_t v, bool negative,
    unsigned base, const char *digits)
{
	char buf[24], prefix[3];
	int n = 0, np = 0, zeros;

	for (uint64_t w = v; w != 0; w /= base)
		buf[sizeof(buf) - 1 - n++] = digits[w % base];
	if (v == 0 && sp->s_prec != 0)
		buf[sizeof(buf) - 1 - n++] = '0';
	if (negative)
		prefix[np++] = '-';
	else if (sp->s_plus)
		prefix[np++] = '+';
	else if (sp->s_space)
		prefix[np++] = ' ';
	if (sp->s_alt && base == 16 && v != 0) {
		prefix[np++] = '0';
		prefix[np++] = digits[10] == 'a' ? 'x' : 'X';
	} else if (sp->s_alt && base == 8 && sp->s_prec <= n &&
	    (v != 0 || n == 0)) {
		prefix[np++] = '0';
	}
	zeros = sp->s_prec > n ? sp->s_prec - n : 0;
	if (sp->s_prec < 0 && sp->s_zero && !sp->s_left &&
	    sp->s_width > n + np)
		zeros = sp->s_width - n - np;
	if (!sp->s_left)
		pad(o, ' ', sp->s_width - zeros - n - np);
	put_n(o, prefix, np);
	pad(o, '0', zeros);
	put_n(o, buf + sizeof(buf) - n, n);
	if (sp->s_left)
		pad(o, ' ', sp->s_width - zeros - n - np);
}

static void
put_string(struct out *o, const struct spec *sp, const char *s)
{
	int n;

	if (s == NULL)
		s = "(null)";
	n = (int)(sp->s_prec >= 0 ? strnlen(s, (size_t)sp->s_prec) :
	    strlen(s));
	if (!sp->s_left)
		pad(o, ' ', sp->s_width - n);
	put_n(o, s, n);
	if (sp->s_left)
		pad(o, ' ', sp->s_width - n);
}

static const char *
parse_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		if (*f == '-')
			sp->s_left = true;
		else if (*f == '0')
			sp->s_zero = true;
		else if (*f == '+')
			sp->s_plus = true;
		else if (*f == ' ')
			sp->s_space = true;
		else if (*f == '#')
			sp->s_alt = true;
		else
			return f;
	}
}

static const char *
parse_size(const char *f, struct spec *sp)
{
	sp->s_size = sizeof(int);
	if (f[0] == 'h') {
		sp->s_size = f[1] == 'h' ? 1 : 2;
		return f + (f[1] == 'h' ? 2 : 1);
	}
	if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't') {
		sp->s_size = 8;
		return f + (f[0] == 'l' && f[1] == 'l' ? 2 : 1);
	}
	return f;
}

static uint64_t
narrow(uint64_t v, int size, bool is_signed)
{
	int shift = 64 - size * 8;

	v <<= shift;
	return is_signed ? (uint64_t)((int64_t)v >> shift) : v >> shift;
}

int
vsnprintf(char *buf, size_t size, const char *f, va_list ap)
{
	static const char lower[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEF";
	struct out o = { buf, size, 0 };
	struct spec sp;
	uint64_t v;
	char c;

	for (; *f != '\0'; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		memset(&sp, 0, sizeof(sp));
		sp.s_prec = -1;
		f = parse_flags(f + 1, &sp);
		if (*f == '*') {
			sp.s_width = va_arg(ap, int);
			if (sp.s_width < 0) {
				sp.s_left = true;
				sp.s_width = -sp.s_width;
			}
			f++;
		} else {
			for (; *f >= '0' && *f <= '9'; f++)
				sp.s_width = sp.s_width * 10 + (*f - '0');
		}
		if (*f == '.') {
			sp.s_prec = 0;
			if (*++f == '*') {
				sp.s_prec = va_arg(ap, int);
				f++;
			} else {
				for (; *f >= '0' && *f <= '9'; f++)
					sp.s_prec = sp.s_prec * 10 +
					    (*f - '0');
			}
		}
		f = parse_size(f, &sp);
		switch (*f) {
		case 'd':
		case 'i':
			v = sp.s_size == 8 ? (uint64_t)va_arg(ap, long) :
			    (uint64_t)(int64_t)va_arg(ap, int);
			v = narrow(v, sp.s_size, true);
			put_number(&o, &sp, (int64_t)v < 0 ? -v : v,
			    (int64_t)v < 0, 10, lower);
			break;
		case 'u':
		case 'x':
		case 'X':
		case 'o':
			v = sp.s_size == 8 ? va_arg(ap, unsigned long) :
			    va_arg(ap, unsigned int);
			sp.s_plus = sp.s_space = false;
			put_number(&o, &sp, narrow(v, sp.s_size, false), false,
			    *f == 'u' ? 10 : *f == 'o' ? 8 : 16,
			    *f == 'X' ? upper : lower);
			break;
		case 'p':
			sp.s_alt = true;
			put_number(&o, &sp, (uintptr_t)va_arg(ap, void *),
			    false, 16, lower);
			break;
		case 's':
			put_string(&o, &sp, va_arg(ap, const char *));
			break;
		case 'c':
			c = (char)va_arg(ap, int);
			if (!sp.s_left)
				pad(&o, ' ', sp.s_width - 1);
			put(&o, c);
			if (sp.s_left)
				pad(&o, ' ', sp.s_width - 1);
			break;
		case '%':
			put(&o, '%');
			break;
		case '\0':
			f--;
			break;
		default:
			put(&o, '%');
			put(&o, *f);
			break;
		}
	}
	if (size > 0)
		buf[MIN(o.o_len, size - 1)] = '\0';
	return (int)o.o_len;
}

int
snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
