/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of netlink, put together and sent to the rump kernel. */
#ifndef NLREQ_H
#define NLREQ_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <rump/rump_syscalls.h>

struct nlreq {
	struct nlmsghdr nh;
	uint8_t body[4096];
};

static inline void
req_init(struct nlreq *r, int type, int flags, const void *fixed, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->nh.nlmsg_type = (uint16_t)type;
	r->nh.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->nh.nlmsg_seq = 4711;
	memcpy(r->body, fixed, n);
	r->nh.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(n));
}

static inline void
req_attr(struct nlreq *r, int type, const void *data, size_t n)
{
	struct nlattr *na = (struct nlattr *)((uint8_t *)r + r->nh.nlmsg_len);

	na->nla_type = (uint16_t)type;
	na->nla_len = (uint16_t)(NLA_HDRLEN + n);
	memcpy(na + 1, data, n);
	r->nh.nlmsg_len += (uint32_t)NLA_ALIGN(na->nla_len);
}

static inline int
req_send(int fd, const struct nlreq *r)
{
	return rump_sys_sendto(fd, r, r->nh.nlmsg_len, 0, NULL, 0) ==
	    (ssize_t)r->nh.nlmsg_len ? 0 : -1;
}

/* Send, and the error that comes back (ACK was asked for): 0 or positive. */
static inline int
req_talk(int fd, struct nlreq *r)
{
	uint8_t buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nh = (struct nlmsghdr *)buf;
	ssize_t n;

	r->nh.nlmsg_flags |= NLM_F_ACK;
	if (req_send(fd, r) != 0)
		return -1;
	n = rump_sys_recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
	    nh->nlmsg_type != NLMSG_ERROR || nh->nlmsg_seq != r->nh.nlmsg_seq)
		return -1;
	return -((struct nlmsgerr *)NLMSG_DATA(nh))->error;
}

static inline int
nl_open(int type, int protocol)
{
	return rump_sys_socket(AF_NETLINK, type, protocol);
}

/* An attribute of a message, behind n bytes of fixed part. */
static inline const struct nlattr *
find_attr(const struct nlmsghdr *nh, size_t n, int type)
{
	const uint8_t *p = (const uint8_t *)NLMSG_DATA(nh) + NLMSG_ALIGN(n),
	    *end = (const uint8_t *)nh + nh->nlmsg_len;
	const struct nlattr *na;

	while (p + NLA_HDRLEN <= end) {
		na = (const struct nlattr *)p;
		if (na->nla_len < NLA_HDRLEN || p + na->nla_len > end)
			return NULL;
		if ((na->nla_type & NLA_TYPE_MASK) == type)
			return na;
		p += NLA_ALIGN(na->nla_len);
	}
	return NULL;
}

#endif
