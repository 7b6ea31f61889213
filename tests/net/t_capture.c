/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captures: tshark reads what was sent, and a reader that does not read loses packets.
 *
 * Link: rump-netinet
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rump/net/capture.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

#include "test.h"

static int
setup(void **state)
{
	(void)state;
	return rump_init();
}

static void
send_datagrams(unsigned count, size_t n)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(7777) };
	int a = rump_sys_socket(AF_INET, SOCK_DGRAM, 0),
	    b = rump_sys_socket(AF_INET, SOCK_DGRAM, 0);
	static char data[2000];

	assert_true(a >= 0 && b >= 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(rump_sys_bind(b, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	while (count-- > 0)
		assert_int_equal(rump_sys_sendto(a, data, n, 0,
		    (struct sockaddr *)&sin, sizeof(sin)), n);
	rump_sys_close(a);
	rump_sys_close(b);
}

static void
tshark_reads_what_was_captured(void **state)
{
	char path[] = "/tmp/captureXXXXXX", cmd[300], line[200];
	uint64_t id, dropped = 99;
	int fd = mkstemp(path), n = 0;
	FILE *f;

	(void)state;
	if (system("command -v tshark >/dev/null") != 0)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(rump_pub_capture_start("lo", path, -1, 0, &id), 0);
	send_datagrams(25, 101);
	assert_int_equal(rump_pub_capture_stop(id, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(rump_pub_capture_stop(id, NULL), ENOENT);
	snprintf(cmd, sizeof(cmd), "tshark -n -r %s -T fields -e udp.dstport "
	    "-e udp.length -e frame.interface_name -e _ws.malformed 2>&1",
	    path);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strstr(line, "Running as user") != NULL)
			continue;
		assert_string_equal(line, "7777\t109\tlo\t\n");
		n++;
	}
	assert_int_equal(pclose(f), 0);
	assert_int_equal(n, 25);
	close(fd);
	unlink(path);
}

static void
a_slow_reader_loses_packets_not_the_network(void **state)
{
	uint64_t id, dropped = 0;
	char buf[65536];
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(rump_pub_capture_start("lo", NULL, p[1], 0, &id), 0);
	close(p[1]);
	/* Four megabytes against a pipe and two buffers. */
	send_datagrams(3000, 1400);
	assert_true(read(p[0], buf, 28) == 28);
	assert_memory_equal(buf, "\x0a\x0d\x0d\x0a", 4);
	close(p[0]);
	assert_int_equal(rump_pub_capture_stop(id, &dropped), EPIPE);
	assert_true(dropped > 1000);
}

static void
what_is_not_there_is_refused(void **state)
{
	uint64_t id;

	(void)state;
	assert_int_equal(rump_pub_capture_start("none", NULL, 1, 0, &id),
	    ENXIO);
	assert_int_equal(rump_pub_capture_start("lo", NULL, -1, 0, &id),
	    EBADF);
	assert_int_equal(rump_pub_capture_start("lo", "/nowhere/x", -1, 0,
	    &id), ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_reads_what_was_captured),
		cmocka_unit_test(a_slow_reader_loses_packets_not_the_network),
		cmocka_unit_test(what_is_not_there_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, NULL);
}
