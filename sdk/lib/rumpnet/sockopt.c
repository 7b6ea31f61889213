/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket options: setsockopt(2), getsockopt(2), and what options are made of.
 */
#include <kern/proc.h>
#include <kern/syscall.h>

#include "sock_impl.h"
#include "sysproto.h"

#define SMALL 256			/* bytes of an option on the stack */

int
sopt_get(const struct sockopt *sopt, void *v, size_t n)
{
	if (sopt->sopt_size < n)
		return EINVAL;
	memcpy(v, sopt->sopt_val, n);
	return 0;
}

int
sopt_int(const struct sockopt *sopt, int *vp)
{
	return sopt_get(sopt, vp, sizeof(*vp));
}

int
sopt_put(struct sockopt *sopt, const void *v, size_t n)
{
	sopt->sopt_size = MIN(sopt->sopt_size, n);
	if (sopt->sopt_size > 0)
		memcpy(sopt->sopt_val, v, sopt->sopt_size);
	return 0;
}

int
sopt_put_int(struct sockopt *sopt, int v)
{
	return sopt_put(sopt, &v, sizeof(v));
}

/* The protocol's part; so_lock held. */
int
so_proto_option(struct socket *so, struct sockopt *sopt)
{
	if (so->so_proto->pr_ctloutput == NULL)
		return sopt->sopt_level == SOL_SOCKET ? ENOPROTOOPT :
		    EOPNOTSUPP;
	if (so->so_pcb == NULL)
		return EINVAL;
	return so->so_proto->pr_ctloutput(so, sopt);
}

static int
option(struct socket *so, struct sockopt *sopt)
{
	int error;

	netisr_enter();
	mutex_enter(&so->so_lock);
	error = sopt->sopt_level == SOL_SOCKET ? so_option(so, sopt) :
	    so_proto_option(so, sopt);
	mutex_exit(&so->so_lock);
	netisr_exit();
	return error;
}

int
sosetopt(struct socket *so, int level, int name, const void *val, size_t n)
{
	struct sockopt sopt = { .sopt_dir = SOPT_SET, .sopt_level = level,
		.sopt_name = name, .sopt_val = (void *)(uintptr_t)val,
		.sopt_size = n };

	return option(so, &sopt);
}

/* What an option needs on the way in and out: a buffer. */
static void *
buffer_get(size_t n, void *small)
{
	return n <= SMALL ? small : kmem_alloc(n, 0);
}

static void
buffer_put(void *buf, size_t n)
{
	if (n > SMALL)
		kmem_free(buf, n);
}

static int
set_option(struct socket *so, struct sockopt *sopt, const void *uval,
    socklen_t len)
{
	uint8_t small[SMALL] __attribute__((aligned(8)));
	void *buf;
	int error;

	if ((int32_t)len < 0)
		return EINVAL;
	if (len > SOPT_MAX)
		return ENOMEM;
	buf = buffer_get(len, small);
	if (buf == NULL)
		return ENOBUFS;
	error = copyin(uval, buf, len);
	if (error == 0) {
		sopt->sopt_val = buf;
		sopt->sopt_size = len;
		error = option(so, sopt);
	}
	buffer_put(buf, len);
	return error;
}

int
sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len,
    long *rv __maybe_unused)
{
	struct sockopt sopt = { .sopt_dir = SOPT_SET, .sopt_level = level,
		.sopt_name = name };
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = set_option(so, &sopt, value, len);
	fd_put(fp);
	return error;
}

static int
get_option(struct socket *so, struct sockopt *sopt, void *uval,
    socklen_t *ulen)
{
	uint8_t small[SMALL] __attribute__((aligned(8)));
	socklen_t len, size;
	void *buf;
	int error;

	error = copyin(ulen, &len, sizeof(len));
	if (error != 0)
		return error;
	if ((int32_t)len < 0)
		return EINVAL;
	size = MIN(len, (socklen_t)SOPT_MAX);
	buf = buffer_get(size, small);
	if (buf == NULL)
		return ENOBUFS;
	/* Some have arguments. */
	if (uval != NULL && size <= SMALL)
		error = copyin(uval, buf, size);
	else
		memset(buf, 0, size);
	if (error == 0) {
		sopt->sopt_val = buf;
		sopt->sopt_size = size;
		error = option(so, sopt);
	}
	if (error == 0)
		error = copyout(buf, uval, sopt->sopt_size);
	if (error == 0) {
		len = (socklen_t)sopt->sopt_size;
		error = copyout(&len, ulen, sizeof(len));
	}
	buffer_put(buf, size);
	return error;
}

int
sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len,
    long *rv __maybe_unused)
{
	struct sockopt sopt = { .sopt_dir = SOPT_GET, .sopt_level = level,
		.sopt_name = name };
	struct socket *so;
	struct file *fp;
	int error;

	error = fd_get_socket(fd, &fp, &so);
	if (error != 0)
		return error;
	error = get_option(so, &sopt, value, len);
	fd_put(fp);
	return error;
}
