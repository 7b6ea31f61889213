/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * httpd: a web server whose TCP/IP is inside of it.
 *
 *	cc httpd.c $(pkg-config --cflags --libs rump-netinet rump-shmif) -o httpd
 *	./httpd bus address folder
 *
 * The network is a file that both programs map, so neither needs root: see
 * httpget.c. It answers GET with files of the folder, one connection at a time.
 */
#include <sys/stat.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rump/net/shmif.h>
#include <rump/netconfig.h>
#include <rump/rump.h>
#include <rump/rump_syscalls.h>

static void
send_all(int s, const char *p, size_t n)
{
	ssize_t done;

	for (; n > 0; p += done, n -= (size_t)done) {
		done = rump_sys_write(s, p, n);
		if (done <= 0)
			return;
	}
}

static void
refuse(int s, const char *why)
{
	char text[128];

	snprintf(text, sizeof(text), "HTTP/1.0 %s\r\nContent-Length: 0\r\n\r\n",
	    why);
	send_all(s, text, strlen(text));
}

/* A host's file to a rump kernel's socket. */
static void
send_file(int s, int fd, const struct stat *st)
{
	static char buf[65536];
	ssize_t n;

	snprintf(buf, sizeof(buf), "HTTP/1.0 200 OK\r\n"
	    "Content-Length: %lld\r\n\r\n", (long long)st->st_size);
	send_all(s, buf, strlen(buf));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		send_all(s, buf, (size_t)n);
}

/* "GET /name HTTP/1.x", and an empty line. */
static void
answer(int s, int folder)
{
	char request[4096], *name, *end;
	size_t have = 0;
	struct stat st;
	ssize_t n;
	int fd;

	do {
		n = rump_sys_read(s, request + have,
		    sizeof(request) - 1 - have);
		if (n <= 0)
			return;
		have += (size_t)n;
		request[have] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL &&
	    have < sizeof(request) - 1);
	if (strncmp(request, "GET /", 5) != 0) {
		refuse(s, "501 Not Implemented");
		return;
	}
	name = request + 5;
	end = name + strcspn(name, " \r\n");
	*end = '\0';
	if (*name == '\0')
		name = strcpy(request, "index.html");
	/* Nothing but what is directly in the folder. */
	if (strchr(name, '/') != NULL || strcmp(name, "..") == 0 ||
	    (fd = openat(folder, name, O_RDONLY)) == -1) {
		refuse(s, "404 Not Found");
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		send_file(s, fd, &st);
	else
		refuse(s, "404 Not Found");
	close(fd);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(80) };
	int s, c, folder, ifnum, error;
	char ifname[16];

	if (argc != 4)
		errx(2, "usage: httpd bus address folder");
	folder = open(argv[3], O_RDONLY | O_DIRECTORY);
	if (folder == -1)
		err(1, "%s", argv[3]);
	if ((error = rump_init()) != 0)
		errx(1, "rump_init: %s", strerror(error));
	if ((error = rump_pub_shmif_create(argv[1], &ifnum)) != 0)
		errx(1, "%s: %s", argv[1], strerror(error));
	snprintf(ifname, sizeof(ifname), "shmif%d", ifnum);
	error = rump_pub_netconfig_ipv4_ifaddr_cidr(ifname, argv[2], 24);
	if (error != 0)
		errx(1, "%s: %s", argv[2], strerror(error));

	s = rump_sys_socket(AF_INET, SOCK_STREAM, 0);
	if (s == -1 || rump_sys_bind(s, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 || rump_sys_listen(s, 16) == -1)
		err(1, "port 80");
	printf("http://%s/ on %s\n", argv[2], argv[1]);
	fflush(stdout);
	while ((c = rump_sys_accept(s, NULL, NULL)) != -1) {
		answer(c, folder);
		rump_sys_close(c);
	}
	err(1, "accept");
}
