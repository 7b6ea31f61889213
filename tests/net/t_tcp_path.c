/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP over a bad path: what arrives is what was sent, in both directions at once,
 * whatever is lost, doubled, reordered or damaged. On a clock that jumps to the
 * next deadline when nobody runs.
 *
 * Link: rump-netinet
 */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/tcp.h>

#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "k_tcp_path.h"

#define PORT 7000

static int finished;		/* an eventfd: threads that have */

static int
boot(void **state)
{
	(void)state;
	setenv("RUMP_CLOCK", "virtual-auto", 1);
	setenv("RUMP_SEED", "1", 1);
	if (rump_init() != 0)
		return -1;
	finished = rump_sys_eventfd2(0, EFD_SEMAPHORE);
	return finished >= 0 ? 0 : -1;
}

/* A connection over lo: both ends. */
static void
pair(int *a, int *b)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(PORT),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l, one = 1;

	l = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	assert_true(l >= 0);
	rump_sys_setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(rump_sys_bind(l, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	assert_int_equal(rump_sys_listen(l, 1), 0);
	*a = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	if (rump_sys_connect(*a, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		fail_msg("connect: %s", strerror(errno));
	*b = rump_sys_accept(l, NULL, NULL);
	assert_true(*b >= 0);
	assert_int_equal(rump_sys_close(l), 0);
}

/* Who sends and who receives a stream that a seed determines. */
struct flow {
	int f_fd;
	size_t f_bytes;
	uint32_t f_seed;
	const char *f_error;
};

static uint8_t
next_byte(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return (uint8_t)(*s >> 24);
}

/* The clock moves only when the test's own thread sleeps in the kernel too. */
static void
finish(void)
{
	uint64_t one = 1;

	rump_sys_write(finished, &one, sizeof(one));
}

static void
wait_finished(int n)
{
	uint64_t v;

	while (n-- > 0)
		rump_sys_read(finished, &v, sizeof(v));
}

static void
send_all(struct flow *f)
{
	uint32_t s = f->f_seed, sizes = s;
	static __thread char buf[50000];
	size_t done = 0, n, i;

	while (done < f->f_bytes && f->f_error == NULL) {
		next_byte(&sizes);
		n = 1 + (sizes >> 8) % sizeof(buf);
		if (n > f->f_bytes - done)
			n = f->f_bytes - done;
		for (i = 0; i < n; i++)
			buf[i] = (char)next_byte(&s);
		if (rump_sys_write(f->f_fd, buf, n) != (ssize_t)n)
			f->f_error = strerror(errno);
		done += n;
	}
	rump_sys_shutdown(f->f_fd, SHUT_WR);
}

static void
receive_all(struct flow *f)
{
	uint32_t s = f->f_seed;
	static __thread char buf[30000];
	size_t done = 0;
	ssize_t n, i;

	while ((n = rump_sys_read(f->f_fd, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++) {
			if ((char)next_byte(&s) != buf[i]) {
				f->f_error = "other bytes than were sent";
				return;
			}
		}
		done += (size_t)n;
	}
	if (n < 0)
		f->f_error = strerror(errno);
	else if (done != f->f_bytes)
		f->f_error = "not all that was sent";
}

static void *
sender(void *arg)
{
	send_all(arg);
	finish();
	return NULL;
}

static void *
receiver(void *arg)
{
	receive_all(arg);
	finish();
	return NULL;
}

static void
exchange(size_t bytes, struct tcp_info *ti)
{
	struct flow f[4] = { { .f_bytes = bytes, .f_seed = 1 },
	    { .f_bytes = bytes, .f_seed = 2 } };
	socklen_t len = sizeof(*ti);
	pthread_t t[4];
	int i;

	pair(&f[0].f_fd, &f[1].f_fd);
	f[2] = f[0];
	f[3] = f[1];
	f[2].f_fd = f[1].f_fd;
	f[3].f_fd = f[0].f_fd;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL,
		    i < 2 ? sender : receiver, &f[i]), 0);
	wait_finished(4);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i < 4; i++) {
		if (f[i].f_error != NULL)
			print_error("flow %d: %s\n", i, f[i].f_error);
		assert_null(f[i].f_error);
	}
	assert_int_equal(rump_sys_getsockopt(f[0].f_fd, IPPROTO_TCP, TCP_INFO,
	    ti, &len), 0);
	rump_sys_close(f[0].f_fd);
	rump_sys_close(f[1].f_fd);
}

static void
try(struct tcp_path path, size_t bytes)
{
	struct timespec t0, t1;
	struct tcp_info ti;
	unsigned long seed;

	for (seed = 1; seed <= 3; seed++) {
		path.tp_seed = seed;
		ok_errno(rumptest_tcp_path_on(&path));
		rump_sys_clock_gettime(CLOCK_MONOTONIC, &t0);
		exchange(bytes, &ti);
		rump_sys_clock_gettime(CLOCK_MONOTONIC, &t1);
		rumptest_tcp_path_off();
		if (path.tp_loss != 0)
			assert_true(path.tp_lost > 0);
		if (getenv("V") != NULL)
			print_message("seen %lu lost %lu retrans %u "
			    "reord %u dsack %u cwnd %u %ld ms\n",
			    path.tp_seen,
			    path.tp_lost, ti.tcpi_total_retrans,
			    ti.tcpi_reord_seen, ti.tcpi_dsack_dups,
			    ti.tcpi_snd_cwnd,
			    (long)((t1.tv_sec - t0.tv_sec) * 1000 +
			    (t1.tv_nsec - t0.tv_nsec) / 1000000));
	}
}

#define PATH(name, ...)						\
static void							\
name(void **state)						\
{								\
	(void)state;						\
	try((struct tcp_path){ __VA_ARGS__ }, 1500000);		\
}

PATH(a_good_path_of_1500_bytes, .tp_mtu = 1500)
PATH(a_good_path_of_576_bytes, .tp_mtu = 576)
PATH(loss_of_1_in_200, .tp_mtu = 1500, .tp_loss = 50)
PATH(loss_of_1_in_20, .tp_mtu = 1500, .tp_loss = 500)
PATH(loss_of_1_in_5, .tp_mtu = 1500, .tp_loss = 2000)
PATH(loss_of_1_in_20_large_packets, .tp_mtu = 65535, .tp_loss = 500)
PATH(loss_of_1_in_20_small_packets, .tp_mtu = 576, .tp_loss = 500)
PATH(duplicates, .tp_mtu = 1500, .tp_dup = 500)
PATH(reordering, .tp_mtu = 1500, .tp_reorder = 1000)
PATH(damage, .tp_mtu = 1500, .tp_damage = 300)
PATH(all_at_once, .tp_mtu = 1500, .tp_loss = 200, .tp_dup = 200,
    .tp_reorder = 300, .tp_damage = 100)

static void
nothing_is_sent_again_on_a_good_path(void **state)
{
	struct tcp_path path = { .tp_mtu = 1500 };
	struct tcp_info ti;

	(void)state;
	ok_errno(rumptest_tcp_path_on(&path));
	exchange(3000000, &ti);
	rumptest_tcp_path_off();
	assert_int_equal(ti.tcpi_total_retrans, 0);
	assert_int_equal(ti.tcpi_bytes_received, 3000000);
	assert_int_equal(ti.tcpi_bytes_acked, 3000001); /* and a SYN */
}

#define SYSCTL(name, value)					\
	ok_errno(rump_pub_sysctl_set("net.ipv4." name, value))

static void
loss_without_sack(void **state)
{
	struct tcp_path path = { .tp_mtu = 1500, .tp_loss = 200 };

	(void)state;
	SYSCTL("tcp_sack", "0");
	try(path, 700000);
	SYSCTL("tcp_sack", "1");
}

static void
loss_without_any_option(void **state)
{
	struct tcp_path path = { .tp_mtu = 1500, .tp_loss = 200,
	    .tp_reorder = 100 };

	(void)state;
	SYSCTL("tcp_sack", "0");
	SYSCTL("tcp_timestamps", "0");
	SYSCTL("tcp_window_scaling", "0");
	try(path, 700000);
	SYSCTL("tcp_sack", "1");
	SYSCTL("tcp_timestamps", "1");
	SYSCTL("tcp_window_scaling", "1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_path_of_1500_bytes),
		cmocka_unit_test(a_good_path_of_576_bytes),
		cmocka_unit_test(nothing_is_sent_again_on_a_good_path),
		cmocka_unit_test(loss_of_1_in_200),
		cmocka_unit_test(loss_of_1_in_20),
		cmocka_unit_test(loss_of_1_in_5),
		cmocka_unit_test(loss_of_1_in_20_large_packets),
		cmocka_unit_test(loss_of_1_in_20_small_packets),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(reordering),
		cmocka_unit_test(damage),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(loss_without_sack),
		cmocka_unit_test(loss_without_any_option),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
