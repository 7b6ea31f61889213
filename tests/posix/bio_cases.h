/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block I/O, for either backend: the program that includes this has defined
 * BACKEND.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>

#include "posix_test.h"

#define FILE_SIZE	((size_t)4 << 20)

/* A request with its own words. */
struct req {
	struct rumpuser_bio r_bio;
	struct rumpuser_iovec r_iov;
	_Atomic uint32_t r_word;
	size_t r_done;
	int r_error;
};

static int fd;
static const char *path;

static void
req_done(struct rumpuser_bio *rb, size_t done, int error)
{
	struct req *r = (struct req *)rb;

	r->r_done = done;
	r->r_error = error;
	atomic_store(&r->r_word, 1);
	rumpuser_unpark((const uint32_t *)&r->r_word, 1);
}

static void
req_init(struct req *r, enum rumpuser_bio_op op, void *mem, size_t len,
    uint64_t off)
{

	memset(r, 0, sizeof(*r));
	r->r_bio.rb_op = op;
	r->r_bio.rb_fd = fd;
	r->r_iov.iov_base = mem;
	r->r_iov.iov_len = len;
	r->r_bio.rb_iov = &r->r_iov;
	r->r_bio.rb_iovcnt = 1;
	r->r_bio.rb_off = off;
	r->r_bio.rb_len = len;
	r->r_bio.rb_done = req_done;
}

static void
req_submit(struct req *r)
{
	struct rumpuser_bio *rb = &r->r_bio;

	rumpuser_bio_submit(&rb, 1);
}

static void
req_wait(struct req *r)
{

	while (atomic_load(&r->r_word) == 0)
		rumpuser_bio_wait((const uint32_t *)&r->r_word, 0,
		    RUMPUSER_FOREVER);
}

static int
req_run(struct req *r)
{

	req_submit(r);
	req_wait(r);
	return r->r_error;
}

/* Drop the host's cache of the file, so that reads have to wait. */
static void
make_cold(void)
{

	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int
file_setup(void **state)
{
	int error;

	if ((error = boot(state)) != 0)
		return error;
	path = temp_path("image");
	error = rumpuser_open(path, RUMPUSER_OPEN_READ | RUMPUSER_OPEN_WRITE |
	    RUMPUSER_OPEN_CREATE | RUMPUSER_OPEN_BIO, &fd);
	if (error == 0)
		error = rumpuser_ftruncate(fd, FILE_SIZE);
	return error;
}

static int
file_teardown(void **state)
{

	(void)state;
	rumpuser_close(fd);
	temp_remove(path);
	return 0;
}

static bool
thread_exists(const char *name)
{
	char comm[280], text[32];
	struct dirent *de;
	bool found = false;
	FILE *f;
	DIR *dir;

	dir = opendir("/proc/self/task");
	while (!found && (de = readdir(dir)) != NULL) {
		snprintf(comm, sizeof(comm), "/proc/self/task/%s/comm",
		    de->d_name);
		if ((f = fopen(comm, "r")) == NULL)
			continue;
		if (fgets(text, sizeof(text), f) != NULL) {
			text[strcspn(text, "\n")] = '\0';
			found = strcmp(text, name) == 0;
		}
		fclose(f);
	}
	closedir(dir);
	return found;
}

static void
written_data_is_read_back(void **state)
{
	static char out[20000], in[20000];
	struct req r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7;
	req_init(&r, RUMPUSER_BIO_WRITE, out, sizeof(out), 12345);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, sizeof(out));
	req_init(&r, RUMPUSER_BIO_SYNC, NULL, 0, 0);
	assert_int_equal(req_run(&r), 0);
	make_cold();
	req_init(&r, RUMPUSER_BIO_READ, in, sizeof(in), 12345);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
}

static void
the_asked_for_backend_is_used(void **state)
{

	(void)state;
	if (strcmp(BACKEND, "uring") != 0) {
		assert_false(thread_exists("rumpuring"));
		return;
	}
	/* A thread has its name some time after it was made. */
	for (int i = 0; i < 500 && !thread_exists("rumpuring"); i++)
		usleep(10000);
	assert_true(thread_exists("rumpuring"));
}

static void
read_past_end_is_short_without_error(void **state)
{
	static char in[300000];
	struct req r;

	(void)state;
	req_init(&r, RUMPUSER_BIO_READ, in, 5000, FILE_SIZE - 1000);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, 1000);
	req_init(&r, RUMPUSER_BIO_READ, in, sizeof(in), FILE_SIZE - 200001);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, 200001);
	req_init(&r, RUMPUSER_BIO_READ, in, 100, FILE_SIZE + 100);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, 0);
	req_init(&r, RUMPUSER_BIO_READ, in, sizeof(in), FILE_SIZE + 100);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, 0);
}

static void
full_vector_of_odd_pieces_is_transferred(void **state)
{
	static char out[1024 * 777], in[1024 * 777];
	static struct rumpuser_iovec iov[RUMPUSER_IOV_MAX];
	struct req r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(out); i++)
		out[i] = i ^ i >> 9;
	for (i = 0; i < RUMPUSER_IOV_MAX; i++)
		iov[i] = (struct rumpuser_iovec){ out + i * 777, 777 };
	req_init(&r, RUMPUSER_BIO_WRITE, NULL, 0, 99);
	r.r_bio.rb_iov = iov;
	r.r_bio.rb_iovcnt = RUMPUSER_IOV_MAX;
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, sizeof(out));
	make_cold();
	for (i = 0; i < RUMPUSER_IOV_MAX; i++)
		iov[i].iov_base = in + i * 777;
	r.r_bio.rb_op = RUMPUSER_BIO_READ;
	r.r_word = 0;
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
}

static void
bad_requests_complete_with_an_error(void **state)
{
	char buf[16] = "";
	struct req r;

	(void)state;
	req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
	r.r_bio.rb_iovcnt = 0;
	assert_int_equal(req_run(&r), EINVAL);
	req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
	r.r_bio.rb_iovcnt = RUMPUSER_IOV_MAX + 1;
	assert_int_equal(req_run(&r), EINVAL);
	req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), UINT64_MAX);
	assert_int_equal(req_run(&r), EINVAL);
	req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), INT64_MAX);
	assert_int_equal(req_run(&r), EINVAL);
	req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
	r.r_bio.rb_fd = -1;
	assert_int_equal(req_run(&r), EBADF);
	req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 0);
	r.r_bio.rb_fd = -1;
	assert_int_equal(req_run(&r), EBADF);
	req_init(&r, RUMPUSER_BIO_SYNC, buf, sizeof(buf), 0);
	r.r_bio.rb_fd = -1;
	assert_int_equal(req_run(&r), EBADF);
	req_init(&r, RUMPUSER_BIO_ZERO, buf, sizeof(buf), 0);
	r.r_bio.rb_fd = -1;
	assert_int_equal(req_run(&r), EBADF);
	req_init(&r, (enum rumpuser_bio_op)99, buf, sizeof(buf), 0);
	assert_int_equal(req_run(&r), EINVAL);
}

static void
zeroed_range_reads_as_zero(void **state)
{
	static char buf[100000], zero[100000];
	struct req r;

	(void)state;
	memset(buf, 0x5a, sizeof(buf));
	req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 4096);
	assert_int_equal(req_run(&r), 0);
	req_init(&r, RUMPUSER_BIO_ZERO, NULL, 50001, 8195);
	assert_int_equal(req_run(&r), 0);
	assert_int_equal(r.r_done, 50001);
	req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 4096);
	assert_int_equal(req_run(&r), 0);
	assert_memory_equal(buf + 4099, zero, 50001);
	assert_int_equal(buf[4098], 0x5a);
	assert_int_equal(buf[4099 + 50001], 0x5a);
}

static void
discarded_range_leaves_its_neighbours(void **state)
{
	static char buf[65536];
	struct req r;
	size_t i;

	(void)state;
	memset(buf, 0x33, sizeof(buf));
	req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 0);
	assert_int_equal(req_run(&r), 0);
	req_init(&r, RUMPUSER_BIO_DISCARD, NULL, 10000, 20000);
	assert_int_equal(req_run(&r), 0);
	req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
	assert_int_equal(req_run(&r), 0);
	for (i = 0; i < sizeof(buf); i++)
		if (i < 20000 || i >= 30000)
			assert_int_equal(buf[i], 0x33);
		else
			assert_true(buf[i] == 0 || buf[i] == 0x33);
}

static void
wait_ends_at_its_deadline(void **state)
{
	static const uint32_t word;
	int64_t t;

	(void)state;
	t = rumpuser_clock(RUMPUSER_CLOCK_MONO);
	assert_int_equal(rumpuser_bio_wait(&word, 0, t + 30 * MS), ETIMEDOUT);
	assert_true(rumpuser_clock(RUMPUSER_CLOCK_MONO) >= t + 30 * MS);
	assert_int_equal(rumpuser_bio_wait(&word, 0, 0), ETIMEDOUT);
	assert_int_equal(rumpuser_bio_wait(&word, 1, RUMPUSER_FOREVER), 0);
}

/* ---- Many, against a model -------------------------------------------- */

#define BLOCK		1024
#define SLOTS		(FILE_SIZE / 4 / BLOCK / 16)	/* of 16 blocks */

struct slot {
	struct req s_req;
	uint8_t *s_model;		/* what the file holds */
	uint8_t *s_buf;
	enum { IDLE, READING, WRITING } s_does;
	size_t s_off, s_len;
};

struct tester {
	struct slot t_slots[SLOTS];
	uint64_t t_rnd;
	uint64_t t_base;
	int t_bad;
};

static void
slot_check(struct tester *t, struct slot *s)
{

	if (s->s_does == IDLE)
		return;
	req_wait(&s->s_req);
	if (s->s_req.r_error != 0 || s->s_req.r_done != s->s_len ||
	    (s->s_does == READING &&
	    memcmp(s->s_buf, s->s_model + s->s_off, s->s_len) != 0))
		t->t_bad++;
	s->s_does = IDLE;
}

static void
slot_start(struct tester *t, struct slot *s)
{
	uint64_t rnd = next_random(&t->t_rnd);
	uint64_t base = t->t_base + (s - t->t_slots) * 16 * BLOCK;
	enum rumpuser_bio_op op = RUMPUSER_BIO_READ;
	size_t i;

	s->s_off = rnd % (16 * BLOCK);
	s->s_len = 1 + (rnd >> 20) % (16 * BLOCK - s->s_off);
	s->s_does = READING;
	if ((rnd >> 40) % 16 < 7) {
		op = RUMPUSER_BIO_WRITE;
		s->s_does = WRITING;
		for (i = 0; i < s->s_len; i++)
			s->s_buf[i] = rnd >> i % 56;
		memcpy(s->s_model + s->s_off, s->s_buf, s->s_len);
	} else if ((rnd >> 40) % 16 == 7) {
		op = RUMPUSER_BIO_ZERO;
		s->s_does = WRITING;
		memset(s->s_model + s->s_off, 0, s->s_len);
	}
	req_init(&s->s_req, op, s->s_buf, s->s_len, base + s->s_off);
}

static void *
tester_main(void *arg)
{
	struct rumpuser_bio *batch[32];
	struct tester *t = arg;
	struct slot *s;
	int round, i, n;

	for (round = 0; round < 120; round++) {
		n = 1 + next_random(&t->t_rnd) % 32;
		for (i = 0; i < n;) {
			s = &t->t_slots[next_random(&t->t_rnd) % SLOTS];
			slot_check(t, s);
			slot_start(t, s);
			batch[i++] = &s->s_req.r_bio;
			/* The same slot must not be twice in a batch. */
			if (s - t->t_slots + n > (long)SLOTS)
				break;
			for (; i < n; i++) {
				s++;
				slot_check(t, s);
				slot_start(t, s);
				batch[i] = &s->s_req.r_bio;
			}
		}
		rumpuser_bio_submit(batch, i);
		if (round % 40 == 0)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	for (i = 0; i < (int)SLOTS; i++)
		slot_check(t, &t->t_slots[i]);
	return NULL;
}

static void
random_requests_agree_with_a_model(void **state)
{
	static struct tester testers[4];
	pthread_t id[4];
	struct slot *s;
	size_t i, j;

	(void)state;
	assert_int_equal(rumpuser_ftruncate(fd, 0), 0);
	assert_int_equal(rumpuser_ftruncate(fd, FILE_SIZE), 0);
	for (i = 0; i < 4; i++) {
		testers[i].t_rnd = 88172645463325252u + i;
		testers[i].t_base = i * (FILE_SIZE / 4);
		for (j = 0; j < SLOTS; j++) {
			s = &testers[i].t_slots[j];
			s->s_model = calloc(2, 16 * BLOCK);
			s->s_buf = s->s_model + 16 * BLOCK;
		}
	}
	for (i = 0; i < 4; i++)
		pthread_create(&id[i], NULL, tester_main, &testers[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(id[i], NULL);
		assert_int_equal(testers[i].t_bad, 0);
		for (j = 0; j < SLOTS; j++)
			free(testers[i].t_slots[j].s_model);
	}
}

/* ---- Who completes ----------------------------------------------------- */

/* More requests at once than any queue has room for; nobody drives. */
static void
flood_completes_without_a_driver(void **state)
{
	enum { N = 5000 };
	struct rumpuser_bio **rbs = calloc(N, sizeof(*rbs));
	struct req *reqs = calloc(N, sizeof(*reqs));
	static char buf[512];
	int i;

	(void)state;
	for (i = 0; i < N; i++) {
		req_init(&reqs[i], RUMPUSER_BIO_WRITE, buf, sizeof(buf),
		    i % 4096 * 512);
		rbs[i] = &reqs[i].r_bio;
	}
	rumpuser_bio_submit(rbs, N);
	for (i = 0; i < N; i++) {
		while (atomic_load(&reqs[i].r_word) == 0)
			rumpuser_park((const uint32_t *)&reqs[i].r_word, 0,
			    RUMPUSER_FOREVER);
		assert_int_equal(reqs[i].r_error, 0);
	}
	free(reqs);
	free(rbs);
}

static void *
wait_for_word(void *arg)
{
	const uint32_t *word = arg;

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
		rumpuser_bio_wait(word, 0, RUMPUSER_FOREVER);
	return NULL;
}

/* Threads that wait for what is no request are woken by unpark. */
static void
waiters_are_woken_by_unpark(void **state)
{
	static uint32_t words[4];
	pthread_t id[4];
	int round, i;

	(void)state;
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 4; i++) {
			words[i] = 0;
			pthread_create(&id[i], NULL, wait_for_word, &words[i]);
		}
		if (round % 4 == 0)
			nap(MS);
		for (i = 0; i < 4; i++) {
			__atomic_store_n(&words[i], 1, __ATOMIC_SEQ_CST);
			rumpuser_unpark(&words[i], 1);
		}
		for (i = 0; i < 4; i++)
			pthread_join(id[i], NULL);
	}
}

static void *
sync_reader(void *arg)
{
	uint64_t rnd = (uintptr_t)arg * 0x9e3779b97f4a7c15u + 1;
	char buf[4096] = "";
	struct req r;
	int i, bad = 0;

	for (i = 0; i < 400; i++) {
		req_init(&r, i % 8 == 0 ? RUMPUSER_BIO_WRITE :
		    RUMPUSER_BIO_READ, buf, sizeof(buf),
		    next_random(&rnd) % (FILE_SIZE - sizeof(buf)));
		if (req_run(&r) != 0 || r.r_done != sizeof(buf))
			bad++;
		if (i % 100 == 99)
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	}
	return (void *)(intptr_t)bad;
}

static void
synchronous_threads_hand_over_to_each_other(void **state)
{
	pthread_t id[6];
	void *bad;
	intptr_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		pthread_create(&id[i], NULL, sync_reader, (void *)(i + 1));
	for (i = 0; i < 6; i++) {
		pthread_join(id[i], &bad);
		assert_ptr_equal(bad, NULL);
	}
}

static void *
submit_and_end(void *arg)
{

	req_submit(arg);
	return NULL;
}

/* The host gives up what a thread has begun when that thread ends. */
static void
requests_outlive_the_thread_that_submits(void **state)
{
	static char bufs[64][100000];
	static struct req reqs[64];
	pthread_t id;
	int i;

	(void)state;
	make_cold();
	for (i = 0; i < 64; i++) {
		req_init(&reqs[i], i % 2 ? RUMPUSER_BIO_WRITE :
		    RUMPUSER_BIO_READ, bufs[i], sizeof(bufs[i]), i * 4096);
		pthread_create(&id, NULL, submit_and_end, &reqs[i]);
		pthread_join(id, NULL);
	}
	for (i = 0; i < 64; i++) {
		while (atomic_load(&reqs[i].r_word) == 0)
			rumpuser_park((const uint32_t *)&reqs[i].r_word, 0,
			    RUMPUSER_FOREVER);
		assert_int_equal(reqs[i].r_error, 0);
		assert_int_equal(reqs[i].r_done, sizeof(bufs[i]));
	}
}

struct chain {
	struct req c_req;
	int c_left;
};

static void
chain_done(struct rumpuser_bio *rb, size_t done, int error)
{
	struct chain *c = (struct chain *)rb;

	if (error == 0 && --c->c_left > 0)
		rumpuser_bio_submit(&rb, 1);
	else
		req_done(rb, done, error);
}

/* 100,000 callbacks, each from within the one before, need a flat stack. */
static void
callback_may_submit_again(void **state)
{
	static char buf[512];
	struct chain c;

	(void)state;
	req_init(&c.c_req, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
	c.c_req.r_bio.rb_done = chain_done;
	c.c_left = 100000;
	assert_int_equal(req_run(&c.c_req), 0);
	assert_int_equal(c.c_left, 0);
	req_init(&c.c_req, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 0);
	c.c_req.r_bio.rb_done = chain_done;
	c.c_left = 500;
	assert_int_equal(req_run(&c.c_req), 0);
}

static void
faults_are_injected(void **state)
{
	static char buf[512];
	struct req r;
	int i;

	(void)state;
	rumpuser_fault_set(RUMPUSER_FAULT_READ, 2, 0);
	rumpuser_fault_set(RUMPUSER_FAULT_WRITE, 3,
	    ENOSPC | RUMPUSER_FAULT_STAYS);
	rumpuser_fault_set(RUMPUSER_FAULT_SYNC, 1, 0);
	for (i = 1; i <= 4; i++) {
		req_init(&r, RUMPUSER_BIO_READ, buf, sizeof(buf), 0);
		assert_int_equal(req_run(&r), i == 2 ? EIO : 0);
		req_init(&r, RUMPUSER_BIO_WRITE, buf, sizeof(buf), 0);
		assert_int_equal(req_run(&r), i >= 3 ? ENOSPC : 0);
		assert_int_equal(r.r_done, i >= 3 ? 0 : sizeof(buf));
		req_init(&r, RUMPUSER_BIO_SYNC, NULL, 0, 0);
		assert_int_equal(req_run(&r), i == 1 ? EIO : 0);
	}
	assert_int_equal(rumpuser_fault_count(RUMPUSER_FAULT_WRITE), 4);
	rumpuser_fault_clear();
}

/* All of the threads are there by now. */
static void
idle_process_uses_no_cpu(void **state)
{
	struct rusage a, b;

	(void)state;
	nap(50 * MS);
	getrusage(RUSAGE_SELF, &a);
	nap(300 * MS);
	getrusage(RUSAGE_SELF, &b);
	assert_true((b.ru_utime.tv_sec - a.ru_utime.tv_sec) * 1000000 +
	    b.ru_utime.tv_usec - a.ru_utime.tv_usec < 1000);
	assert_true(b.ru_nvcsw - a.ru_nvcsw < 10);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_data_is_read_back),
		cmocka_unit_test(the_asked_for_backend_is_used),
		cmocka_unit_test(read_past_end_is_short_without_error),
		cmocka_unit_test(full_vector_of_odd_pieces_is_transferred),
		cmocka_unit_test(bad_requests_complete_with_an_error),
		cmocka_unit_test(zeroed_range_reads_as_zero),
		cmocka_unit_test(discarded_range_leaves_its_neighbours),
		cmocka_unit_test(wait_ends_at_its_deadline),
		cmocka_unit_test(random_requests_agree_with_a_model),
		cmocka_unit_test(flood_completes_without_a_driver),
		cmocka_unit_test(waiters_are_woken_by_unpark),
		cmocka_unit_test(synchronous_threads_hand_over_to_each_other),
		cmocka_unit_test(requests_outlive_the_thread_that_submits),
		cmocka_unit_test(callback_may_submit_again),
		cmocka_unit_test(faults_are_injected),
		cmocka_unit_test(idle_process_uses_no_cpu),
	};

	setenv("RUMP_BIO", BACKEND, 1);
	if (strcmp(BACKEND, "uring") == 0 &&
	    syscall(SYS_io_uring_setup, 1, NULL) == -1 && errno != EFAULT) {
		printf("1..0 # SKIP the host refuses io_uring\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, file_setup, file_teardown);
}
