/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seeded mutation of packets, for the t_fuzz_* programs. FUZZ_ROUNDS makes them run
 * longer, FUZZ_SEED elsewhere. What they check: that nothing breaks (sanitizers look),
 * that what is sent is well-formed (capture()), that memory stays bounded, and that
 * the stack works afterwards.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "packet.h"

static unsigned long long fuzz_state;

static inline unsigned
rnd(unsigned n)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return (unsigned)(fuzz_state >> 20) % n;
}

static inline unsigned
fuzz_number(const char *name, unsigned dflt)
{
	const char *v = getenv(name);

	return v != NULL ? (unsigned)strtoul(v, NULL, 0) : dflt;
}

static inline unsigned
fuzz_begin(void)
{
	fuzz_state = fuzz_number("FUZZ_SEED", 1) * 0x9e3779b97f4a7c15ull + 1;
	return fuzz_number("FUZZ_ROUNDS", 30000);
}

/* A few bytes from `from` on become others; the length may. */
static inline void
mutate(struct pkt *p, unsigned from)
{
	unsigned n = rnd(4), at;

	while (n-- > 0 && p->n > from) {
		at = from + rnd(p->n - from);
		switch (rnd(4)) {
		case 0:
			p->b[at] ^= (unsigned char)(1u << rnd(8));
			break;
		case 1:
			p->b[at] = (unsigned char)rnd(256);
			break;
		case 2:
			p->b[at] = rnd(2) != 0 ? 0xff : 0;
			break;
		default:
			p->n = rnd(8) == 0 ? rnd(p->n) : p->n;
			break;
		}
	}
}

/* In pieces that may be any. */
static inline void
throw_at(struct pkt *p)
{
	rumptest_inject(0, p->b, p->n, rnd(3) == 0 ? 1 + rnd(64) : 0);
}

static inline void
drain(void)
{
	struct pkt p;

	while (capture(0, &p))
		continue;
}

#endif
