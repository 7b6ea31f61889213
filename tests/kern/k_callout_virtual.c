/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel half of t_callout_virtual. */

#include "k_callout.h"
#include "k_timed.h"

/*
 * Wait until the timer thread has done all that is due: the callout that was
 * put last into the present is called last.
 */
static int
settle(void)
{
	static struct timed last;

	callout_init(&last.t_co, fire, &last);
	atomic_store(&last.t_fired, 0);
	callout_schedule(&last.t_co, mono_now());
	while (atomic_load(&last.t_fired) == 0)
		rumpuser_thread_yield();
	CHECK(!callout_halt(&last.t_co));
	return 0;
}

/*
 * Callouts from now to years ahead; the clock goes from deadline to deadline,
 * and each is called then, not a nanosecond earlier or later.
 */
int
rumptest_callout_exact(uint64_t seed)
{
	nstime_t now = mono_now(), next, step;
	int i, left = N, error;

	timed_init();
	for (i = 0; i < N; i++)
		arm(&timed[i], now + 1 + (nstime_t)(next_random(&seed) &
		    ((1ull << (1 + next_random(&seed) % 43)) - 1)));
	while (left > 0) {
		next = NSTIME_FOREVER;
		for (i = 0; i < N; i++)
			if (atomic_load(&timed[i].t_count) == 0)
				next = MIN(next, timed[i].t_deadline);
		now = mono_now();
		/* Once in a while stop short of it. */
		step = next - now;
		if (step > 1 && next_random(&seed) % 4 == 0)
			step = 1 + (nstime_t)next_random(&seed) % (step - 1);
		CHECK(rumpuser_clock_advance(step) == 0);
		error = settle();
		if (error != 0)
			return error;
		now = mono_now();
		for (left = 0, i = 0; i < N; i++) {
			if (timed[i].t_deadline > now) {
				CHECK(atomic_load(&timed[i].t_count) == 0);
				left++;
				continue;
			}
			CHECK(atomic_load(&timed[i].t_count) == 1);
			CHECK(atomic_load(&timed[i].t_fired) >=
			    timed[i].t_deadline);
			if (timed[i].t_deadline == now)
				CHECK(atomic_load(&timed[i].t_fired) == now);
		}
	}
	return 0;
}

/* Scheduled again and stopped at random, against a list of deadlines. */
int
rumptest_callout_model(uint64_t seed, int rounds)
{
	bool armed[64] = { false };
	int count[64] = { 0 }, i, error;
	struct timed *t;
	nstime_t now;

	timed_init();
	while (rounds-- > 0) {
		i = (int)(next_random(&seed) % 64);
		t = &timed[i];
		now = mono_now();
		switch (next_random(&seed) % 4) {
		case 0:
			CHECK(callout_stop(&t->t_co) == armed[i]);
			armed[i] = false;
			break;
		case 1:
			CHECK(rumpuser_clock_advance((nstime_t)(next_random(
			    &seed) % (1ull << next_random(&seed) % 32))) == 0);
			error = settle();
			if (error != 0)
				return error;
			now = mono_now();
			for (i = 0; i < 64; i++) {
				if (armed[i] && timed[i].t_deadline <= now) {
					armed[i] = false;
					count[i]++;
				}
				CHECK(atomic_load(&timed[i].t_count) ==
				    count[i]);
			}
			break;
		default:
			arm(t, now + 1 + (nstime_t)(next_random(&seed) %
			    (1ull << next_random(&seed) % 34)));
			armed[i] = true;
			break;
		}
	}
	for (i = 0; i < 64; i++)
		CHECK(callout_halt(&timed[i].t_co) == armed[i]);
	return 0;
}

int
rumptest_callout_forever(void)
{
	timed_init();
	arm(&timed[0], NSTIME_FOREVER);
	arm(&timed[1], mono_deadline(NSTIME_FOREVER));
	CHECK(timed[1].t_deadline == NSTIME_FOREVER);
	/* A century. */
	CHECK(rumpuser_clock_advance(100 * 365 * (86400 * NS_PER_SEC)) == 0);
	CHECK(settle() == 0);
	CHECK(atomic_load(&timed[0].t_count) == 0);
	CHECK(callout_stop(&timed[0].t_co));
	CHECK(!callout_stop(&timed[0].t_co));
	CHECK(callout_halt(&timed[1].t_co));
	/* What is past is due at once. */
	arm(&timed[0], 1);
	arm(&timed[1], -5);
	wait_fired(3);
	CHECK(atomic_load(&timed[0].t_count) == 1);
	CHECK(atomic_load(&timed[1].t_count) == 1);
	return 0;
}
