/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy's URLs: unix://path, tcp://address:port/ with a numeric address
 * (an IPv6 one in brackets; 0 or * is any) and port.
 */
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "posix.h"

static int
parse_unix(const char *path, struct sockaddr_storage *ss, socklen_t *lenp)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)ss;

	if (*path == '\0')
		return EINVAL;
	if (strlen(path) >= sizeof(sun->sun_path))
		return ENAMETOOLONG;
	sun->sun_family = AF_UNIX;
	strcpy(sun->sun_path, path);
	*lenp = sizeof(*sun);
	return 0;
}

static int
parse_port(const char *s, in_port_t *portp)
{
	unsigned long v;
	char *end;

	if (*s < '0' || *s > '9')
		return EINVAL;
	v = strtoul(s, &end, 10);
	if (v > 65535 || (*end != '\0' && strcmp(end, "/") != 0))
		return EINVAL;
	*portp = htons(v);
	return 0;
}

static int
parse_tcp(const char *s, struct sockaddr_storage *ss, socklen_t *lenp)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	const char *colon = strrchr(s, ':');
	char host[INET6_ADDRSTRLEN + 2];
	in_port_t port;
	size_t len;

	if (colon == NULL || (len = colon - s) >= sizeof(host) ||
	    parse_port(colon + 1, &port) != 0)
		return EINVAL;
	memcpy(host, s, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &sin6->sin6_addr) != 1)
			return EINVAL;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = port;
		*lenp = sizeof(*sin6);
		return 0;
	}
	if (strcmp(host, "0") == 0 || strcmp(host, "*") == 0)
		sin->sin_addr.s_addr = htonl(INADDR_ANY);
	else if (inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		return EINVAL;
	sin->sin_family = AF_INET;
	sin->sin_port = port;
	*lenp = sizeof(*sin);
	return 0;
}

int
ruser_sp_parse(const char *url, struct sockaddr_storage *ss, socklen_t *lenp)
{

	memset(ss, 0, sizeof(*ss));
	if (strncmp(url, "unix://", 7) == 0)
		return parse_unix(url + 7, ss, lenp);
	if (strncmp(url, "tcp://", 6) == 0)
		return parse_tcp(url + 6, ss, lenp);
	return EINVAL;
}
