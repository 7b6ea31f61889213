/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink between its files: sockets of AF_NETLINK (netlink_sock.c), messages and
 * requests (netlink.c), dumps (netlink_dump.c), and the protocols on top of them.
 *
 * A request is dealt with by the sender's own thread, inside its sendmsg(), with no
 * lock held: handlers may sleep. Answers go to the socket's receive buffer; a dump is
 * made a piece at a time, as the reader takes them. Notifications are queued (the vnet's
 * netqueue) and delivered at the end of the section, with no lock held: those
 * who cause them may hold any.
 */
#ifndef NETLINK_H
#define NETLINK_H

#include <linux/netlink.h>

#include <kern/socket.h>

#include "net.h"

#define NL_GROUPS	64u	/* multicast groups of a protocol, from 1 */
#define NL_PIECE_MIN	3776u	/* of a dump, as on Linux with small pages */
#define NL_PIECE_MAX	32768u

struct nlsock;
struct nlreq;
struct nldump;

/* ---- Building: into memory of a fixed size ------------------------------------ */

struct nlbuf {
	uint8_t *nb_buf;
	size_t nb_len, nb_size;
	size_t nb_msg;		/* where the current message begins */
	bool nb_full;		/* something did not fit */
};

/* Begin a message; its fixed part (zeroed), NULL: full. */
void *nl_begin(struct nlbuf *nb, uint16_t type, uint16_t flags, uint32_t seq,
    uint32_t portid, size_t fixed);
/* End it. false: it did not fit; the buffer is as it was before. */
bool nl_end(struct nlbuf *nb);
void nl_cancel(struct nlbuf *nb);
/* Attributes; they do nothing in a full buffer. */
void *nl_reserve(struct nlbuf *nb, uint16_t type, size_t n);
void nl_put(struct nlbuf *nb, uint16_t type, const void *data, size_t n);
void nl_put_u8(struct nlbuf *nb, uint16_t type, uint8_t v);
void nl_put_u16(struct nlbuf *nb, uint16_t type, uint16_t v);
void nl_put_u32(struct nlbuf *nb, uint16_t type, uint32_t v);
void nl_put_u64(struct nlbuf *nb, uint16_t type, uint64_t v);
void nl_put_str(struct nlbuf *nb, uint16_t type, const char *s);
/* Space for bytes that are no attribute (struct rtnexthop), aligned. */
void *nl_raw(struct nlbuf *nb, size_t n);
size_t nl_nest(struct nlbuf *nb, uint16_t type);
void nl_nest_end(struct nlbuf *nb, size_t nest);

/* ---- Parsing ------------------------------------------------------------------------ */

/* An attribute of a request: na_data == NULL: it is not there. */
struct nlattr_ref {
	const uint8_t *na_data;
	uint16_t na_len;
};

enum nltype { NLT_IGNORE, NLT_U8, NLT_U16, NLT_U32, NLT_U64, NLT_STRING,
	NLT_BINARY, NLT_MIN, NLT_NESTED, NLT_FLAG };

/* np_len: of strings (without zero) and binaries at most; of NLT_MIN at least. */
struct nlpolicy {
	uint8_t np_type;
	uint16_t np_len;
};

/*
 * Attributes of n bytes, by type, those above max left out. Checked by the policy,
 * max + 1 entries. Of equal ones the last counts. @return EINVAL, ERANGE
 */
int nl_parse(struct nlreq *rq, const uint8_t *p, size_t n,
    struct nlattr_ref *tb, unsigned max, const struct nlpolicy *policy);
int nl_parse_nested(struct nlreq *rq, const struct nlattr_ref *na,
    struct nlattr_ref *tb, unsigned max, const struct nlpolicy *policy);
/* Likewise, of what is behind a request's fixed part (which is there). */
int nl_parse_request(struct nlreq *rq, size_t fixed, struct nlattr_ref *tb,
    unsigned max, const struct nlpolicy *policy);

static inline uint8_t
nl_u8(const struct nlattr_ref *na)
{
	return na->na_data[0];
}

static inline uint32_t
nl_u32(const struct nlattr_ref *na)
{
	uint32_t v;

	memcpy(&v, na->na_data, sizeof(v));
	return v;
}

/* A string, zero-terminated, cut to n bytes. */
void nl_str(const struct nlattr_ref *na, char *buf, size_t n);

/* ---- Requests ----------------------------------------------------------------------- */

/* A request, on its handler's stack. */
struct nlreq {
	struct nlsock *rq_nl;
	struct vnet *rq_vnet;
	struct nlmsghdr rq_hdr;
	const uint8_t *rq_msg;		/* the whole of it, rq_hdr.nlmsg_len */
	const uint8_t *rq_data;		/* behind the header */
	size_t rq_len;
	bool rq_strict;			/* NETLINK_GET_STRICT_CHK */
	/* What an error's answer tells. */
	const char *rq_errmsg;
	const void *rq_bad;		/* in the message, or NULL */
	bool rq_dumping;		/* a dump has begun: no answer */
};

/* Give a reason: returns the error. */
int nl_fail(struct nlreq *rq, int error, const char *msg);
int nl_fail_attr(struct nlreq *rq, int error, const struct nlattr_ref *na,
    const char *msg);
/* May the caller change the network? @return EPERM */
int nl_privileged(const struct nlreq *rq);

/*
 * A protocol of AF_NETLINK. Static storage.
 */
struct nlproto {
	int nlp_protocol;		/* NETLINK_* */
	unsigned nlp_groups;		/* how many it has */
	bool nlp_users;			/* anybody may send to anybody */
	/* One request; NULL: there are none. In a section, no lock held. */
	int (*nlp_request)(struct nlreq *rq);
};

/* Make an answer: fill a buffer until it is large enough. fn: 0, or an error. */
int nl_reply(struct nlreq *rq, int (*fn)(struct nlbuf *nb, struct nlreq *rq,
    void *arg), void *arg);

/* ---- Dumps -------------------------------------------------------------------------- */

/*
 * A dump under way: its state between pieces has no references.
 */
struct nldump {
	struct nlreq nd_req;		/* rq_msg, rq_data: a copy */
	size_t nd_size;			/* of this allocation */
	bool nd_done;
	int nd_error;
	/*
	 * Add messages (NLM_F_MULTI) until the end (0), or the buffer is full
	 * (ENOBUFS): then it is called again with another. No lock is held.
	 */
	int (*nd_fn)(struct nldump *nd, struct nlbuf *nb);
	uint32_t nd_seq;		/* generation at first; 0: not watched */
	uint16_t nd_flags;		/* NLM_F_DUMP_INTR, NLM_F_DUMP_FILTERED */
	uint64_t nd_at[4];		/* nd_fn's, zeroed */
	uint64_t nd_state[24];		/* likewise: cursors, filters */
};

/*
 * Begin to answer with a dump; setup (or NULL) fills nd_state.
 * @return EBUSY: one is under way; ENOBUFS, what setup returned
 */
int nl_dump(struct nlreq *rq, int (*fn)(struct nldump *nd, struct nlbuf *nb),
    int (*setup)(struct nldump *nd));
void *nl_dump_begin(struct nldump *nd, struct nlbuf *nb, uint16_t type,
    size_t fixed);

/* ---- Sockets ------------------------------------------------------------------------ */

/*
 * d  ns_dumplock   o  so_lock   l  nlv_lock; read under an epoch   I  immutable
 */
struct nlsock {
	_Atomic(struct nlsock *) ns_next;	/* [l] */
	struct socket *ns_so;			/* [I] no reference */
	const struct nlproto *ns_proto;		/* [I] */
	_Atomic uint32_t ns_portid;		/* [o][l] 0: not bound */
	uint32_t ns_dst, ns_dstgroups;		/* [o] connect() */
	_Atomic uint64_t ns_groups;		/* [o] bit i: group i + 1 */
	uint32_t ns_flags;			/* [o] NS_* */
	bool ns_overrun;			/* [o] since the queue was empty */
	struct kmutex ns_dumplock;
	_Atomic(struct nldump *) ns_dump;	/* [d] */
	_Atomic uint32_t ns_maxrecv;		/* largest buffer of a reader */
	struct epoch_entry ns_epoch;
};
#define NS_PKTINFO	0x01
#define NS_NOENOBUFS	0x02
#define NS_CAPACK	0x04
#define NS_EXTACK	0x08
#define NS_STRICT	0x10
#define NS_BCASTERR	0x20

/* VNET_NETLINK. l  nlv_lock   a  atomic   I  immutable */
struct nlvnet {
	struct vnet *nlv_vnet;			/* [I] */
	struct kspin nlv_lock;
	_Atomic(struct nlsock *) nlv_socks;	/* [l] */
	_Atomic uint32_t nlv_members[NL_GROUPS + 1]; /* [a] of NETLINK_ROUTE */
	uint32_t nlv_autobind;			/* [l] */
	struct netqueue nlv_events;
	_Atomic uint64_t nlv_lost;		/* [a] groups that lost events */
};

static inline struct nlvnet *
nlvnet(const struct vnet *vn)
{
	return vn->vn_data[VNET_NETLINK];
}

int netlink_init(void);

/* Put an answer into a socket's buffer; m is taken over. */
void nl_unicast(struct nlsock *ns, struct mbuf *m);
/* Does anybody listen to a group of NETLINK_ROUTE? */
bool nl_heard(struct vnet *vn, unsigned group);
/* To a group's members (NETLINK_ROUTE); any lock may be held. */
void nl_notify(struct vnet *vn, unsigned group, const void *msg, size_t n);
/* An event was lost: no memory. */
void nl_notify_lost(struct vnet *vn, unsigned group);

/* netlink.c: all requests of a message that was sent. */
int nl_input(struct nlsock *ns, const uint8_t *msg, size_t n);
/* netlink_dump.c: the next piece, if there is a dump and room. */
void nl_dump_more(struct nlsock *ns);
void nl_dump_end(struct nlsock *ns);

/* rtnl.c */
void rtnl_init(void);

extern const struct nlproto rtnl_proto;

#endif
