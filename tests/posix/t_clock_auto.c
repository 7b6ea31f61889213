/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual clock that jumps when nobody could do anything.
 *
 * Link: rumpuser
 */
#define _GNU_SOURCE
#include "posix_test.h"

static int64_t
mono(void)
{

	return rumpuser_clock(RUMPUSER_CLOCK_MONO);
}

static void
sleep_for(int64_t ns)
{
	uint32_t word = 0;
	int64_t until = mono() + ns;

	while (rumpuser_park(&word, 0, until) == 0)
		continue;
}

static void
lone_sleeper_wakes_at_once(void **state)
{
	struct timespec a, b;
	int64_t t = mono();
	int i;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 100; i++)
		sleep_for(3600 * SEC);
	assert_int_equal(mono(), t + 100 * 3600 * SEC);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(b.tv_sec - a.tv_sec < 10);
}

static char order[64];
static _Atomic int norder;

struct ticker {
	char t_name;
	int64_t t_period;
};

static void
ticker(void *arg)
{
	struct ticker *t = arg;
	int i;

	for (i = 0; i < 8; i++) {
		sleep_for(t->t_period);
		order[atomic_fetch_add(&norder, 1)] = t->t_name;
	}
}

/* Deadlines never coincide here, so one order only is possible. */
static void
sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
	struct ticker t[3] = { { 'a', 2 * SEC }, { 'b', 3 * SEC + 1 },
	    { 'c', 7 * SEC + 5 } };
	int64_t next[3], start;
	char expected[25];
	void *cookie[3];
	int i, j, min, round;

	(void)state;
	for (round = 0; round < 50; round++) {
		atomic_store(&norder, 0);
		memset(order, 0, sizeof(order));
		start = mono();
		for (i = 0; i < 3; i++) {
			rumpuser_thread_create(ticker, &t[i], "t",
			    RUMPUSER_THREAD_JOINABLE, &cookie[i]);
			next[i] = t[i].t_period;
		}
		for (i = 0; i < 3; i++)
			rumpuser_thread_join(cookie[i]);
		for (j = 0; j < 24; j++) {
			for (min = -1, i = 0; i < 3; i++)
				if (next[i] <= 8 * t[i].t_period &&
				    (min == -1 || next[i] < next[min]))
					min = i;
			expected[j] = t[min].t_name;
			next[min] += t[min].t_period;
		}
		expected[24] = '\0';
		assert_string_equal(order, expected);
		assert_int_equal(mono(), start + 8 * t[2].t_period);
	}
}

static _Atomic uint32_t baton;

static void
runner(void *arg)
{
	uint32_t me = (uintptr_t)arg, cur;
	int i;

	for (i = 0; i < 300; i++) {
		while ((cur = atomic_load(&baton)) % 4 != me)
			rumpuser_park((const uint32_t *)&baton, cur,
			    RUMPUSER_FOREVER);
		atomic_fetch_add(&baton, 1);
		rumpuser_unpark((const uint32_t *)&baton, UINT32_MAX);
	}
}

/* One that was woken counts as running, though it has no CPU yet. */
static void
clock_does_not_jump_while_a_wakeup_is_on_its_way(void **state)
{
	uint32_t never = 0;
	void *cookie[4];
	int64_t t = mono();
	uintptr_t i;

	(void)state;
	atomic_store(&baton, 0);
	for (i = 0; i < 4; i++)
		rumpuser_thread_create(runner, (void *)i, "r",
		    RUMPUSER_THREAD_JOINABLE, &cookie[i]);
	for (i = 0; i < 4; i++)
		rumpuser_thread_join(cookie[i]);
	assert_int_equal(mono(), t);
	assert_int_equal(rumpuser_park(&never, 0, t + SEC), ETIMEDOUT);
	assert_int_equal(mono(), t + SEC);
}

static _Atomic bool came;

static void *
come_and_go(void *arg)
{

	(void)arg;
	rumpuser_thread_attach();
	atomic_store(&came, true);
	sleep_for(SEC);
	return NULL;
}

static void
ended_threads_do_not_hold_the_clock(void **state)
{
	pthread_t id;
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		atomic_store(&came, false);
		pthread_create(&id, NULL, come_and_go, NULL);
		while (!atomic_load(&came))
			nap(10000);
		/* Our time comes when the thread has slept and ended. */
		sleep_for(10 * SEC);
		pthread_join(id, NULL);
	}
}

struct bio {
	struct rumpuser_bio b_bio;
	struct rumpuser_iovec b_iov;
	_Atomic uint32_t b_word;
	int64_t b_when;
};

static void
bio_done(struct rumpuser_bio *rb, size_t done, int error)
{
	struct bio *b = (struct bio *)rb;

	(void)done;
	(void)error;
	b->b_when = mono();
	atomic_store(&b->b_word, 1);
	rumpuser_unpark((const uint32_t *)&b->b_word, 1);
}

static void
clock_waits_for_block_io(void **state)
{
	static char buf[333];
	const char *path = temp_path("f");
	struct rumpuser_bio *rb;
	struct bio b;
	int64_t t;
	int fd, i;

	(void)state;
	assert_int_equal(rumpuser_open(path, RUMPUSER_OPEN_WRITE |
	    RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_BIO, &fd), 0);
	for (i = 0; i < 100; i++) {
		memset(&b, 0, sizeof(b));
		b.b_iov = (struct rumpuser_iovec){ buf, sizeof(buf) };
		b.b_bio.rb_op = i % 2 ? RUMPUSER_BIO_WRITE :
		    RUMPUSER_BIO_SYNC;
		b.b_bio.rb_fd = fd;
		b.b_bio.rb_iov = &b.b_iov;
		b.b_bio.rb_iovcnt = 1;
		b.b_bio.rb_done = bio_done;
		rb = &b.b_bio;
		t = mono();
		rumpuser_bio_submit(&rb, 1);
		while (atomic_load(&b.b_word) == 0)
			assert_int_equal(rumpuser_bio_wait(
			    (const uint32_t *)&b.b_word, 0, t + SEC), 0);
		assert_int_equal(b.b_when, t);
	}
	rumpuser_close(fd);
	temp_remove(path);
}

static int
boot_attached(void **state)
{
	int error = boot(state);

	return error != 0 ? error : rumpuser_thread_attach();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lone_sleeper_wakes_at_once),
		cmocka_unit_test(sleepers_wake_in_the_order_of_their_deadlines),
		cmocka_unit_test(
		    clock_does_not_jump_while_a_wakeup_is_on_its_way),
		cmocka_unit_test(ended_threads_do_not_hold_the_clock),
		cmocka_unit_test(clock_waits_for_block_io),
	};

	setenv("RUMP_CLOCK", "virtual-auto", 1);
	return cmocka_run_group_tests(tests, boot_attached, NULL);
}
