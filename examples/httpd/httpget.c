/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * httpget: fetch a file from httpd, over the bus that both are on.
 *
 *	cc httpget.c $(pkg-config --cflags --libs rump-netinet rump-shmif) -o httpget
 *	./httpget bus own-address server-address name >file
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rump/net/shmif.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

static void
join(const char *bus, const char *address)
{
	char ifname[16];
	int ifnum, error;

	if ((error = rump_init()) != 0)
		errx(1, "rump_init: %s", strerror(error));
	if ((error = rump_pub_shmif_create(bus, &ifnum)) != 0)
		errx(1, "%s: %s", bus, strerror(error));
	snprintf(ifname, sizeof(ifname), "shmif%d", ifnum);
	error = rump_pub_netconfig_ipv4_ifaddr_cidr(ifname, address, 24);
	if (error != 0)
		errx(1, "%s: %s", address, strerror(error));
}

/* Write what follows the header to standard output; the status. */
static int
body(int s)
{
	static char buf[65536];
	size_t have = 0;
	char *rest = NULL;
	ssize_t n;
	int status;

	while (rest == NULL && have < sizeof(buf) - 1 && (n = rump_sys_read(s,
	    buf + have, sizeof(buf) - 1 - have)) > 0) {
		have += (size_t)n;
		buf[have] = '\0';
		rest = strstr(buf, "\r\n\r\n");
	}
	if (rest == NULL || sscanf(buf, "HTTP/%*s %d", &status) != 1)
		errx(1, "this is no answer");
	rest += 4;
	fwrite(rest, 1, have - (size_t)(rest - buf), stdout);
	while ((n = rump_sys_read(s, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	if (n == -1)
		err(1, "read");
	return status;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(80) };
	char request[1024];
	int s, n, status;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &sin.sin_addr) != 1)
		errx(2, "usage: httpget bus own-address server-address name");
	join(argv[1], argv[2]);
	s = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	if (s == -1 || rump_sys_connect(s, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1)
		err(1, "%s", argv[3]);
	n = snprintf(request, sizeof(request), "GET /%s HTTP/1.0\r\n\r\n",
	    argv[4]);
	if (n >= (int)sizeof(request) || rump_sys_write(s, request,
	    (size_t)n) != n)
		err(1, "request");
	status = body(s);
	if (fflush(stdout) != 0)
		err(1, "output");
	if (status != 200)
		errx(1, "%s: status %d", argv[4], status);
	return 0;
}
