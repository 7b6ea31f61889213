/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captures: draft-ietf-opsawg-pcapng. The tap puts whole blocks into one of two
 * buffers; the capture's thread writes the other. What does not fit is counted.
 *
 * Lock order: ifnet_lock -> cp_lock; captures_lock is held alone.
 */
#include <kern/random.h>
#include <kern/time.h>

#include <rump/net/capture.h>

#include "capture_user.h"
#include "net.h"

#define BUFFER		(512u << 10)
#define SNAP_MAX	262144u
#define LINKTYPE_ETHERNET 1u
#define LINKTYPE_RAW	101u

/* c  cp_lock   l  captures_lock   I  immutable */
struct capture {
	struct if_tap cp_tap;
	struct list cp_link;		/* [l] */
	uint64_t cp_id;			/* [I] */
	struct vnet *cp_vnet;		/* [I] reference */
	struct ifnet *cp_ifp;		/* [c] NULL: it is gone */
	uint32_t cp_snap;		/* [I] */
	int cp_fd;			/* [I] */
	struct kmutex cp_lock;
	struct kcondvar cp_cv;
	uint8_t *cp_buf[2];		/* [I] */
	unsigned cp_cur;		/* [c] the tap's */
	uint32_t cp_len;		/* [c] of it */
	uint64_t cp_got, cp_dropped;	/* [c] packets */
	bool cp_stop;			/* [c] */
	int cp_error;			/* [c] of the host */
	struct kthread *cp_thread;	/* [I] */
};

static struct lock_class list_lc = LOCK_CLASS("captures", 0);
static struct lock_class capture_lc = LOCK_CLASS("capture", 0);
static struct kmutex captures_lock;
static struct list captures = LIST_INITIALIZER(captures);
static uint64_t next_id;		/* [captures_lock] */

/* ---- Blocks: in the byte order of the host, as the format allows ----------------- */

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *
put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *
option(uint8_t *p, uint16_t code, const void *v, size_t n)
{
	p = put16(put16(p, code), (uint16_t)n);
	memcpy(p, v, n);
	memset(p + n, 0, (0 - n) & 3);
	return p + roundup2(n, 4u);
}

static uint8_t *
block_end(uint8_t *block, uint8_t *p)
{
	uint32_t n = (uint32_t)(p - block) + 4;

	(void)put32(block + 4, n);
	return put32(p, n);
}

/* 3.1, 4.1, 4.2: section, interface. */
static uint32_t
put_head(uint8_t *buf, const struct ifnet *ifp, uint32_t snap)
{
	uint8_t *block = buf, *p, nano = 9;

	p = put32(put32(block, 0x0a0d0d0a), 0);
	p = put32(p, 0x1a2b3c4d);
	p = put16(put16(p, 1), 0);
	p = put32(put32(p, UINT32_MAX), UINT32_MAX);
	p = option(p, 4, "rump", 4);			/* shb_userappl */
	p = block_end(block, put32(p, 0));
	block = p;
	p = put32(put32(block, 1), 0);
	p = put16(put16(p, ifp->if_ltype->ilt_hdrlen == ETH_HLEN ?
	    LINKTYPE_ETHERNET : LINKTYPE_RAW), 0);
	p = put32(p, snap == SNAP_MAX ? 0 : snap);
	p = option(p, 2, ifp->if_name, strlen(ifp->if_name));
	p = option(p, 9, &nano, 1);			/* if_tsresol */
	p = block_end(block, put32(p, 0));
	return (uint32_t)(p - buf);
}

static uint8_t *
put_time(uint8_t *p, nstime_t t)
{
	return put32(put32(p, (uint32_t)((uint64_t)t >> 32)), (uint32_t)t);
}

/* 4.6: interface statistics. */
static uint32_t
put_stats(uint8_t *buf, const struct capture *cp)
{
	uint8_t *p = put32(put32(buf, 5), 0);

	p = put_time(put32(p, 0), real_now());
	p = option(p, 4, &cp->cp_got, 8);		/* isb_ifrecv */
	p = option(p, 5, &cp->cp_dropped, 8);		/* isb_ifdrop */
	p = block_end(buf, put32(p, 0));
	return (uint32_t)(p - buf);
}

static void
capture_packet(struct if_tap *tap, struct ifnet *ifp __maybe_unused,
    const struct mbuf *m, int dir)
{
	struct capture *cp = container_of(tap, struct capture, cp_tap);
	uint32_t n = MIN(m->m_ph.ph_len, cp->cp_snap),
	    flags = dir == IFTAP_IN ? 1 : 2, room = roundup2(n, 4u) + 44;
	uint8_t *block, *p;

	mutex_enter(&cp->cp_lock);
	cp->cp_got++;
	if (cp->cp_error != 0 || room > BUFFER - cp->cp_len) {
		cp->cp_dropped++;
	} else {
		/* 4.3: an enhanced packet block. */
		block = cp->cp_buf[cp->cp_cur] + cp->cp_len;
		p = put32(put32(block, 6), 0);
		p = put_time(put32(p, 0), real_now());
		p = put32(put32(p, n), m->m_ph.ph_len);
		m_copydata(m, 0, n, p);
		memset(p + n, 0, (0 - n) & 3);
		p = option(p + roundup2(n, 4u), 2, &flags, 4);
		p = block_end(block, put32(p, 0));
		cp->cp_len += (uint32_t)(p - block);
		cv_signal(&cp->cp_cv);
	}
	mutex_exit(&cp->cp_lock);
}

static void
capture_gone(struct if_tap *tap, struct ifnet *ifp __maybe_unused)
{
	struct capture *cp = container_of(tap, struct capture, cp_tap);

	mutex_enter(&cp->cp_lock);
	cp->cp_ifp = NULL;
	mutex_exit(&cp->cp_lock);
}

/* ---- Writing ------------------------------------------------------------------------ */

static void
capture_thread(void *arg)
{
	struct capture *cp = arg;
	uint8_t *buf;
	uint32_t n;
	int error;

	mutex_enter(&cp->cp_lock);
	for (;;) {
		while (cp->cp_len == 0 && !cp->cp_stop)
			cv_wait(&cp->cp_cv, &cp->cp_lock);
		if (cp->cp_len == 0)
			break;
		buf = cp->cp_buf[cp->cp_cur];
		n = cp->cp_len;
		cp->cp_cur ^= 1;
		cp->cp_len = 0;
		error = cp->cp_error;
		mutex_exit(&cp->cp_lock);
		if (error == 0)
			error = rumpcomp_net_capture_write(cp->cp_fd, buf, n);
		mutex_enter(&cp->cp_lock);
		cp->cp_error = error;
	}
	mutex_exit(&cp->cp_lock);
}

static void
capture_free(struct capture *cp)
{
	kmem_free(cp->cp_buf[0], BUFFER);
	kmem_free(cp->cp_buf[1], BUFFER);
	if (cp->cp_fd >= 0)
		rumpcomp_net_capture_close(cp->cp_fd);
	cv_fini(&cp->cp_cv);
	mutex_fini(&cp->cp_lock);
	vnet_rele(cp->cp_vnet);
	kmem_free(cp, sizeof(*cp));
}

static struct capture *
capture_alloc(uint32_t snap)
{
	struct capture *cp;

	cp = kmem_zalloc(sizeof(*cp), 0);
	if (cp == NULL)
		return NULL;
	(void)curlwp_get();
	cp->cp_vnet = vnet_hold(curvnet());
	cp->cp_fd = -1;
	cp->cp_snap = snap == 0 ? SNAP_MAX : MIN(snap, SNAP_MAX);
	cp->cp_tap.tap_fn = capture_packet;
	cp->cp_tap.tap_gone = capture_gone;
	mutex_init(&cp->cp_lock, &capture_lc);
	cv_init(&cp->cp_cv);
	list_node_init(&cp->cp_link);
	cp->cp_buf[0] = kmem_alloc(BUFFER, 0);
	cp->cp_buf[1] = kmem_alloc(BUFFER, 0);
	if (cp->cp_buf[0] == NULL || cp->cp_buf[1] == NULL) {
		capture_free(cp);
		return NULL;
	}
	return cp;
}

static int
capture_attach(struct capture *cp, const char *ifname)
{
	struct ifnet *ifp;

	ifnet_lock(cp->cp_vnet);
	ifp = strnlen(ifname, IFNAMSIZ) < IFNAMSIZ ?
	    if_byname(cp->cp_vnet, ifname) : NULL;
	if (ifp != NULL) {
		cp->cp_ifp = ifp;
		cp->cp_len = put_head(cp->cp_buf[0], ifp, cp->cp_snap);
		if_tap_add(ifp, &cp->cp_tap);
	}
	ifnet_unlock(cp->cp_vnet);
	return ifp != NULL ? 0 : ENXIO;
}

static void
capture_detach(struct capture *cp)
{
	ifnet_lock(cp->cp_vnet);
	if (cp->cp_ifp != NULL)
		if_tap_remove(cp->cp_ifp, &cp->cp_tap);
	ifnet_unlock(cp->cp_vnet);
	epoch_synchronize();
}

int
rump_pub_capture_start(const char *ifname, const char *path, int fd,
    uint32_t snaplen, uint64_t *idp)
{
	struct capture *cp;
	int error;

	if (ifname == NULL)
		return EFAULT;
	cp = capture_alloc(snaplen);
	if (cp == NULL)
		return ENOMEM;
	error = path != NULL ? rumpcomp_net_capture_open(path, &cp->cp_fd) :
	    rumpcomp_net_capture_dup(fd, &cp->cp_fd);
	if (error == 0)
		error = capture_attach(cp, ifname);
	if (error != 0)
		goto fail_free;
	error = kthread_create(capture_thread, cp, "capture", &cp->cp_thread);
	if (error != 0)
		goto fail_detach;
	mutex_enter(&captures_lock);
	*idp = cp->cp_id = ++next_id;
	list_insert_tail(&captures, &cp->cp_link);
	mutex_exit(&captures_lock);
	return 0;

fail_detach:
	capture_detach(cp);
fail_free:
	capture_free(cp);
	return error;
}

int
rump_pub_capture_stop(uint64_t id, uint64_t *dropped)
{
	struct capture *cp = NULL;
	struct list *n;
	uint32_t len;
	int error;

	mutex_enter(&captures_lock);
	LIST_FOREACH(n, &captures) {
		cp = container_of(n, struct capture, cp_link);
		if (cp->cp_id == id)
			break;
	}
	if (n == &captures)
		cp = NULL;
	else
		list_remove(&cp->cp_link);
	mutex_exit(&captures_lock);
	if (cp == NULL)
		return ENOENT;
	capture_detach(cp);
	mutex_enter(&cp->cp_lock);
	cp->cp_stop = true;
	cv_signal(&cp->cp_cv);
	mutex_exit(&cp->cp_lock);
	kthread_join(cp->cp_thread);
	error = cp->cp_error;
	if (error == 0) {
		len = put_stats(cp->cp_buf[0], cp);
		error = rumpcomp_net_capture_write(cp->cp_fd, cp->cp_buf[0],
		    len);
	}
	if (dropped != NULL)
		*dropped = cp->cp_dropped;
	capture_free(cp);
	return error;
}

void
capture_init(void)
{
	mutex_init(&captures_lock, &list_lc);
}
