/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual clock that the program advances.
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
clock_stands_still_and_starts_where_told(void **state)
{
	int64_t t = mono();

	(void)state;
	nap(5 * MS);
	assert_int_equal(mono(), t);
	assert_int_equal(rumpuser_clock(RUMPUSER_CLOCK_REAL), 86400 * SEC);
}

static void
advance_moves_both_clocks(void **state)
{
	int64_t m = mono(), r = rumpuser_clock(RUMPUSER_CLOCK_REAL);

	(void)state;
	assert_int_equal(rumpuser_clock_advance(-1), EINVAL);
	assert_int_equal(rumpuser_clock_advance(0), 0);
	assert_int_equal(rumpuser_clock_advance(12345), 0);
	assert_int_equal(mono(), m + 12345);
	assert_int_equal(rumpuser_clock(RUMPUSER_CLOCK_REAL), r + 12345);
}

static void
past_deadline_times_out(void **state)
{
	uint32_t word = 0;

	(void)state;
	assert_int_equal(rumpuser_park(&word, 0, mono()), ETIMEDOUT);
	assert_int_equal(rumpuser_park(&word, 1, mono()), 0);
}

static _Atomic int woken;

struct nap {
	int64_t n_deadline;
	uint32_t n_word;
	int n_result;
	void *n_cookie;
};

static void
napper(void *arg)
{
	struct nap *n = arg;

	n->n_result = rumpuser_park(&n->n_word, 0, n->n_deadline);
	atomic_fetch_add(&woken, 1);
}

static void
wait_woken(int n)
{

	while (atomic_load(&woken) < n)
		nap(100000);
	nap(3 * MS);
	assert_int_equal(atomic_load(&woken), n);
}

static void
advance_wakes_those_that_are_due(void **state)
{
	struct nap naps[5] = { 0 };
	int64_t t = mono();
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		naps[i].n_deadline = i == 4 ? RUMPUSER_FOREVER :
		    t + (4 - i) * SEC;
		rumpuser_thread_create(napper, &naps[i], "n",
		    RUMPUSER_THREAD_JOINABLE, &naps[i].n_cookie);
	}
	nap(5 * MS);
	assert_int_equal(atomic_load(&woken), 0);
	assert_int_equal(rumpuser_clock_advance(SEC - 1), 0);
	nap(3 * MS);
	assert_int_equal(atomic_load(&woken), 0);
	assert_int_equal(rumpuser_clock_advance(1), 0);
	wait_woken(1);
	assert_int_equal(naps[3].n_result, ETIMEDOUT);
	assert_int_equal(rumpuser_clock_advance(2 * SEC), 0);
	wait_woken(3);
	__atomic_store_n(&naps[0].n_word, 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark(&naps[0].n_word, 1);
	wait_woken(4);
	assert_int_equal(naps[0].n_result, 0);
	assert_int_equal(rumpuser_clock_advance(1000000 * SEC), 0);
	nap(3 * MS);
	assert_int_equal(atomic_load(&woken), 4);
	__atomic_store_n(&naps[4].n_word, 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark(&naps[4].n_word, 1);
	for (i = 0; i < 5; i++)
		rumpuser_thread_join(naps[i].n_cookie);
}

static uint32_t gate;

static void
pass_gate(void *arg)
{

	(void)arg;
	while (__atomic_load_n(&gate, __ATOMIC_SEQ_CST) == 0)
		rumpuser_park(&gate, 0, RUMPUSER_FOREVER);
	atomic_fetch_add(&woken, 1);
}

static void
unpark_of_all_wakes_all(void **state)
{
	void *cookie[4];
	int i;

	(void)state;
	atomic_store(&woken, 0);
	for (i = 0; i < 4; i++)
		rumpuser_thread_create(pass_gate, NULL, "g",
		    RUMPUSER_THREAD_JOINABLE, &cookie[i]);
	nap(5 * MS);
	assert_int_equal(atomic_load(&woken), 0);
	rumpuser_unpark(&gate, 1);
	__atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark(&gate, UINT32_MAX);
	wait_woken(4);
	for (i = 0; i < 4; i++)
		rumpuser_thread_join(cookie[i]);
}

static void
randomness_follows_from_the_seed(void **state)
{
	uint64_t a[2], b;
	unsigned char tail[3];

	(void)state;
	assert_int_equal(rumpuser_getrandom(a, sizeof(a)), 0);
	assert_int_equal(rumpuser_getrandom(tail, sizeof(tail)), 0);
	assert_int_equal(rumpuser_getrandom(&b, sizeof(b)), 0);
	/* The published sequence of SplitMix64 for the seed 1234567. */
	assert_true(a[0] == UINT64_C(6457827717110365317));
	assert_true(a[1] == UINT64_C(3203168211198807973));
	assert_int_equal(tail[0], UINT64_C(9817491932198370423) & 0xff);
	assert_true(b == UINT64_C(4593380528125082431));
}

static void
bio_done(struct rumpuser_bio *rb, size_t done, int error)
{

	(void)done;
	(void)error;
	__atomic_store_n((uint32_t *)(rb + 1), 1, __ATOMIC_SEQ_CST);
	rumpuser_unpark((uint32_t *)(rb + 1), 1);
}

/* The disk is the host's: its time goes on. */
static void
block_io_completes_while_time_stands_still(void **state)
{
	struct { struct rumpuser_bio rb; uint32_t word; } r = { 0 };
	struct rumpuser_bio *rb = &r.rb;
	const char *path = temp_path("f");
	int fd;

	(void)state;
	assert_int_equal(rumpuser_open(path, RUMPUSER_OPEN_WRITE |
	    RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_BIO, &fd), 0);
	rb->rb_op = RUMPUSER_BIO_SYNC;
	rb->rb_fd = fd;
	rb->rb_done = bio_done;
	rumpuser_bio_submit(&rb, 1);
	while (__atomic_load_n(&r.word, __ATOMIC_SEQ_CST) == 0)
		rumpuser_bio_wait(&r.word, 0, mono() + 1);
	rumpuser_close(fd);
	temp_remove(path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_stands_still_and_starts_where_told),
		cmocka_unit_test(advance_moves_both_clocks),
		cmocka_unit_test(past_deadline_times_out),
		cmocka_unit_test(advance_wakes_those_that_are_due),
		cmocka_unit_test(unpark_of_all_wakes_all),
		cmocka_unit_test(randomness_follows_from_the_seed),
		cmocka_unit_test(block_io_completes_while_time_stands_still),
	};

	setenv("RUMP_CLOCK", "virtual", 1);
	setenv("RUMP_CLOCK_START", "86400", 1);
	setenv("RUMP_SEED", "1234567", 1);
	return cmocka_run_group_tests(tests, boot, NULL);
}
