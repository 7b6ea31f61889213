/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus between processes: frames, offloads, members that die, stop, and are
 * slow; files that are no bus. Other members are this program, called with
 * a role, a bus, and where to send.
 *
 * Link: rump-shmif
 */
#define _GNU_SOURCE
#include "test.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rump/net/shmif.h>
#include <rump/rump.h>

#include "../../components/net/shmif/shmif_bus.h"
#include "ether.h"

#define MS	20000		/* for what must happen */

static char dir[64], bus[80], ifname[2][16];
static const char everybody[6] = { -1, -1, -1, -1, -1, -1 };

/* ---- Other members --------------------------------------------------------------- */

static void
join(const char *path, unsigned flags, char name[16])
{
	int n, error = rump_pub_shmif_create_with(path, flags, &n);

	if (error == 0) {
		snprintf(name, 16, "shmif%d", n);
		error = rumptest_ether_up(0, name, true);
	}
	if (error != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(error));
		_exit(1);
	}
}

/* Send back what comes, one more than it was. */
static void
role_echo(const char *name)
{
	struct ether_frame f;

	for (;;) {
		if (!rumptest_ether_take(&f, 1000))
			continue;
		f.ef_fill++;
		memcpy(f.ef_dst, everybody, 6);
		(void)rumptest_ether_send(0, name, &f, 1);
	}
}

/* Send without end: to all, and to an address, frames of all sizes. */
static void
role_flood(const char *name, const char *to)
{
	struct ether_frame f = { .ef_fill = 0 };
	unsigned v[6];

	sscanf(to, "%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3], &v[4],
	    &v[5]);
	for (unsigned i = 0; i < 6; i++)
		f.ef_dst[i] = (uint8_t)v[i];
	for (uint32_t i = 0;; i++) {
		f.ef_len = 18 + (i * 7919) % (i % 3 == 0 ? 60000 : 1500);
		f.ef_fill = i;
		(void)rumptest_ether_send(0, name, &f, 1);
	}
}

static int
role(char *argv[])
{
	char name[16];

	if (rump_init() != 0 || rumptest_ether_listen() != 0)
		return 1;
	join(argv[2], 0, name);
	if (write(1, "x", 1) != 1)
		return 1;
	if (strcmp(argv[1], "flood") == 0)
		role_flood(name, argv[3]);
	else
		role_echo(name);
	return 0;
}

/* Start one, and wait until it is a member. */
static pid_t
start(const char *what, const char *to)
{
	char *argv[] = { "t_shmif", (char *)(uintptr_t)what, bus,
	    (char *)(uintptr_t)to, NULL };
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 1);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	return pid;
}

static void
stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- This one ------------------------------------------------------------------------ */

static int
boot(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/t_shmif.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	return rump_init() != 0 || rumptest_ether_listen() != 0;
}

static int
cleanup(void **state)
{
	(void)state;
	rmdir(dir);
	return 0;
}

/* A new bus for each case, with two members here. */
static int
two_members(void **state)
{
	static unsigned n;
	struct ether_frame f;

	(void)state;
	snprintf(bus, sizeof(bus), "%s/bus%u", dir, n++);
	for (int i = 0; i < 2; i++)
		join(bus, 0, ifname[i]);
	while (rumptest_ether_take(&f, 0))
		continue;
	return 0;
}

static int
no_members(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		(void)rumptest_ether_destroy(0, ifname[i]);
	unlink(bus);
	return 0;
}

static struct ether_frame
frame_to(const char *name, uint32_t len)
{
	struct ether_frame f = { .ef_len = len, .ef_fill = len * 3 };

	if (name == NULL)
		memcpy(f.ef_dst, everybody, 6);
	else
		ok_errno(rumptest_ether_address(0, name, f.ef_dst));
	return f;
}

static void
passes(int from, int to, uint32_t len)
{
	struct ether_frame f = frame_to(ifname[to], len), got;

	ok_errno(rumptest_ether_send(0, ifname[from], &f, 1));
	assert_true(rumptest_ether_take(&got, MS));
	assert_int_equal(got.ef_len, len);
	assert_int_equal(got.ef_fill, f.ef_fill);
	assert_false(got.ef_bad);
	assert_string_equal(got.ef_ifname, ifname[to]);
}

static void
frames_of_all_sizes_pass(void **state)
{
	(void)state;
	for (uint32_t len = 18; len < 5000; len = len * 5 / 4 + 1)
		passes(0, 1, len);
	for (uint32_t len = 65549; len > 2000; len = len * 3 / 4)
		passes(1, 0, len);
	/* Around the ring, and around the chunks. */
	for (unsigned i = 0; i < 1000; i++)
		passes(0, 1, 18 + (i * 7919) % 65000);
}

static void
batches_keep_their_order(void **state)
{
	struct ether_frame f[300], got;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		f[i] = frame_to(ifname[1], 100);
		f[i].ef_fill = i;
	}
	ok_errno(rumptest_ether_send(0, ifname[0], f, 300));
	for (uint32_t i = 0; i < 300; i++) {
		assert_true(rumptest_ether_take(&got, MS));
		assert_int_equal(got.ef_fill, i);
	}
}

static void
offloads_pass_to_who_takes_them(void **state)
{
	struct ether_frame f = frame_to(ifname[1], 60000), got;
	char plain[16];

	(void)state;
	f.ef_partial = true;
	f.ef_csum_start = 34;
	f.ef_csum_off = 16;
	f.ef_gso_size = 1448;
	f.ef_gso_segs = 42;
	ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
	assert_true(rumptest_ether_take(&got, MS));
	assert_true(got.ef_partial);
	assert_int_equal(got.ef_csum_start, 34);
	assert_int_equal(got.ef_csum_off, 16);
	assert_int_equal(got.ef_gso_size, 1448);
	assert_int_equal(got.ef_gso_segs, 42);
	assert_false(got.ef_bad);
	join(bus, RUMP_SHMIF_NOCSUM, plain);
	f = frame_to(plain, 400);
	f.ef_partial = true;
	f.ef_csum_start = 34;
	f.ef_csum_off = 16;
	ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
	assert_true(rumptest_ether_take(&got, MS));
	assert_string_equal(got.ef_ifname, plain);
	assert_false(got.ef_partial);
	assert_int_equal(got.ef_len, 400);
	ok_errno(rumptest_ether_destroy(0, plain));
}

static void
only_who_shall_get_a_frame_does(void **state)
{
	struct ether_frame f, got;
	char third[16];

	(void)state;
	join(bus, 0, third);
	passes(0, 1, 100);
	assert_int_equal(rumptest_ether_stat(0, third, ETHER_RXPACKETS), 0);
	f = frame_to(NULL, 200);
	ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
	assert_true(rumptest_ether_take(&got, MS));
	assert_true(rumptest_ether_take(&got, MS));
	assert_int_equal(rumptest_ether_stat(0, third, ETHER_RXPACKETS), 1);
	/* Nobody has the address: it is sent to all. */
	f.ef_dst[0] = 2;
	ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
	ok_errno(rumptest_ether_promisc(0, third));
	passes(0, 1, 300);
	for (int ms = 0; ms < MS && rumptest_ether_stat(0, third,
	    ETHER_RXPACKETS) < 3; ms++)
		usleep(1000);
	assert_int_equal(rumptest_ether_stat(0, third, ETHER_RXPACKETS), 3);
	ok_errno(rumptest_ether_destroy(0, third));
	passes(1, 0, 100);
}

/* The host's copy of what is received stays until it is freed. */
static void
large_frames_may_be_kept(void **state)
{
	struct ether_frame f = frame_to(ifname[1], 60000), got;
	unsigned sent = 0, n = 0;

	(void)state;
	rumptest_ether_keep(true);
	for (unsigned i = 0; i < 200; i++) {
		f.ef_fill = i;
		if (rumptest_ether_send(0, ifname[0], &f, 1) == 0) {
			sent++;
			assert_true(rumptest_ether_take(&got, MS));
			assert_int_equal(got.ef_fill, i);
			assert_false(got.ef_bad);
		}
	}
	assert_int_equal(sent, 200);
	/* Also by an interface that is gone. */
	ok_errno(rumptest_ether_destroy(0, ifname[1]));
	while (rumptest_ether_take(&got, 0))
		n++;
	assert_int_equal(n, 0);
	rumptest_ether_keep(false);
	join(bus, 0, ifname[1]);
	passes(0, 1, 60000);
}

static void
another_process_answers(void **state)
{
	struct ether_frame f = frame_to(NULL, 0), got;
	pid_t pid = start("echo", NULL);

	(void)state;
	for (uint32_t len = 18; len < 65000; len = len * 2 + 1) {
		f.ef_len = len;
		f.ef_fill = len;
		ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
		/* Our own second member hears both. */
		for (int answers = 0; answers < 2;) {
			assert_true(rumptest_ether_take(&got, MS));
			assert_false(got.ef_bad);
			assert_int_equal(got.ef_len, len);
			answers += got.ef_fill == len + 1;
		}
	}
	stop(pid);
}

static void
address_text(const char *name, char *text)
{
	uint8_t a[6];

	ok_errno(rumptest_ether_address(0, name, a));
	sprintf(text, "%x:%x:%x:%x:%x:%x", a[0], a[1], a[2], a[3], a[4],
	    a[5]);
}

static void
others_that_are_killed_disturb_nobody(void **state)
{
	struct ether_frame got;
	char text[32];
	struct stat st;
	uint32_t before;
	pid_t a, b;

	(void)state;
	address_text(ifname[0], text);
	for (unsigned i = 0; i < 12; i++) {
		a = start("flood", i % 2 != 0 ? text : "ff:ff:ff:ff:ff:ff");
		b = start("flood", text);
		before = rumptest_ether_count();
		while (rumptest_ether_count() - before < 50 + i * 97)
			sched_yield();
		stop(a);
		stop(b);
		/* What they sent is whole; then there is silence. */
		do {
			while (rumptest_ether_take(&got, 0))
				assert_false(got.ef_bad);
		} while (rumptest_ether_take(&got, 200));
		passes(0, 1, 100);
		passes(1, 0, 60000);
	}
	/* Their places were used again. */
	assert_int_equal(stat(bus, &st), 0);
	assert_true((uint64_t)st.st_size <= shmif_filesize(4));
	assert_int_equal(rumptest_ether_stat(0, ifname[0], ETHER_RXERRORS),
	    0);
}

static void
who_does_not_read_loses_only_its_own(void **state)
{
	struct ether_frame f, got;
	pid_t pid = start("echo", NULL);
	bool answered = false;

	(void)state;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	f = frame_to(NULL, 1500);
	for (uint32_t i = 0; i < 1000; i++) {
		f.ef_fill = i;
		ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
		assert_true(rumptest_ether_take(&got, MS));
		assert_int_equal(got.ef_fill, i);
		assert_string_equal(got.ef_ifname, ifname[1]);
	}
	/* When it goes on, it is there; until its ring has room, what is sent
	 * to it is lost. */
	assert_int_equal(kill(pid, SIGCONT), 0);
	f.ef_fill = 1000000;
	for (int tries = 0; !answered; tries++) {
		assert_true(tries < MS);
		ok_errno(rumptest_ether_send(0, ifname[0], &f, 1));
		while (!answered && rumptest_ether_take(&got, 1))
			answered = got.ef_fill == f.ef_fill + 1;
	}
	stop(pid);
}

static void
all_places_may_be_taken(void **state)
{
	char name[SHMIF_MEMBERS][16];
	int n, error;

	(void)state;
	for (unsigned i = 2; i < SHMIF_MEMBERS; i++)
		join(bus, 0, name[i]);
	error = rump_pub_shmif_create(bus, &n);
	assert_int_equal(error, ENOSPC);
	for (unsigned i = 2; i < SHMIF_MEMBERS; i++)
		ok_errno(rumptest_ether_destroy(0, name[i]));
	join(bus, 0, name[2]);
	ok_errno(rumptest_ether_destroy(0, name[2]));
	passes(0, 1, 1000);
}

/* ---- Files ------------------------------------------------------------------------------ */

static void
put_file(const char *path, const void *p, size_t n, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static int
create_on(const char *path)
{
	int n, error = rump_pub_shmif_create(path, &n);
	char name[16];

	if (error == 0) {
		snprintf(name, sizeof(name), "shmif%d", n);
		ok_errno(rumptest_ether_destroy(0, name));
	}
	return error;
}

static void
other_files_are_refused_and_not_touched(void **state)
{
	static uint8_t zeros[4096], buf[4096];
	char path[100];
	struct shmif_id id;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/other", dir);
	assert_int_equal(create_on(dir), EINVAL);
	assert_int_equal(create_on("/dev/null"), EINVAL);
	assert_int_equal(create_on("/nowhere/bus"), ENOENT);
	put_file(path, zeros, sizeof(zeros), SHMIF_HEADSIZE);
	assert_int_equal(create_on(path), EINVAL);
	put_file(path, "short", 5, 5);
	assert_int_equal(create_on(path), EINVAL);
	memset(buf, 'x', sizeof(buf));
	put_file(path, buf, sizeof(buf), 1 << 24);
	assert_int_equal(create_on(path), EINVAL);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, zeros, sizeof(zeros)), sizeof(zeros));
	assert_memory_equal(zeros, buf, sizeof(buf));
	/* An identity that differs in one place. */
	close(fd);
	fd = open(bus, O_RDONLY);
	assert_int_equal(read(fd, &id, sizeof(id)), sizeof(id));
	close(fd);
	for (size_t i = 0; i < 32; i++) {
		memcpy(buf, &id, sizeof(id));
		buf[i] ^= 0x10;
		put_file(path, buf, sizeof(id), 1 << 24);
		assert_int_equal(create_on(path), i >= 12 && i < 16 ?
		    EPROTONOSUPPORT : EINVAL);
	}
	/* Who makes a bus may die before it has its size. */
	put_file(path, &id, sizeof(id), sizeof(id));
	ok_errno(create_on(path));
	unlink(path);
}

static void
arguments_are_checked(void **state)
{
	int n;

	(void)state;
	assert_int_equal(rump_pub_shmif_create(bus, NULL), EFAULT);
	assert_int_equal(rump_pub_shmif_create_with(bus, 0x80, &n), EINVAL);
	assert_int_equal(rump_pub_shmif_create("", &n), EINVAL);
}

int
main(int argc, char *argv[])
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, two_members, no_members)
	const struct CMUnitTest tests[] = {
		CASE(frames_of_all_sizes_pass),
		CASE(batches_keep_their_order),
		CASE(offloads_pass_to_who_takes_them),
		CASE(only_who_shall_get_a_frame_does),
		CASE(large_frames_may_be_kept),
		CASE(another_process_answers),
		CASE(others_that_are_killed_disturb_nobody),
		CASE(who_does_not_read_loses_only_its_own),
		CASE(all_places_may_be_taken),
		CASE(other_files_are_refused_and_not_touched),
		CASE(arguments_are_checked),
	};

	if (argc > 2)
		return role(argv);
	return cmocka_run_group_tests(tests, boot, cleanup);
}
