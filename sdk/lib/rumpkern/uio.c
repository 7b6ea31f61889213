/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers in pieces.
 */
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/uio.h>

#define SSIZE_MAX ((size_t)INTPTR_MAX)

/* Linux transfers at most this much in one call. */
#define TRANSFER_MAX ((size_t)INT32_MAX & ~(size_t)PAGE_MASK)

static inline int
piece_move(struct uio *uio, void *uaddr, void *kaddr, size_t n)
{
	struct proc *p = uio->uio_proc;

	if (p != NULL) {
		if (uaddr == NULL)
			return EFAULT;
		if (__unlikely(p->p_vmops != NULL))
			return uio->uio_rw == UIO_READ ?
			    p->p_vmops->vm_copyout(p, kaddr, uaddr, n) :
			    p->p_vmops->vm_copyin(p, uaddr, kaddr, n);
	}
	if (uio->uio_rw == UIO_READ)
		memcpy(uaddr, kaddr, n);
	else
		memcpy(kaddr, uaddr, n);
	return 0;
}

/* The rest of the current piece, which has some; NULL base counts. */
static size_t
piece_current(struct uio *uio, char **uaddrp)
{
	const struct iovec *iov;

	for (;; uio->uio_iov++, uio->uio_iovcnt--, uio->uio_iovoff = 0) {
		iov = uio->uio_iov;
		if (uio->uio_iovoff < iov->iov_len)
			break;
	}
	*uaddrp = iov->iov_base != NULL ?
	    (char *)iov->iov_base + uio->uio_iovoff : NULL;
	return iov->iov_len - uio->uio_iovoff;
}

static void
piece_advance(struct uio *uio, size_t n)
{
	uio->uio_iovoff += n;
	uio->uio_resid -= n;
	uio->uio_offset += (off_t)n;
}

int
uiomove(void *kaddr, size_t n, struct uio *uio)
{
	char *uaddr;
	size_t len;
	int error;

	n = MIN(n, uio->uio_resid);
	while (n > 0) {
		len = MIN(piece_current(uio, &uaddr), n);
		error = piece_move(uio, uaddr, kaddr, len);
		if (error != 0)
			return error;
		piece_advance(uio, len);
		kaddr = (char *)kaddr + len;
		n -= len;
	}
	return 0;
}

int
uiomove_zero(size_t n, struct uio *uio)
{
	static const char zeroes[PAGE_SIZE];
	char *uaddr;
	size_t len;
	int error;

	KASSERT(uio->uio_rw == UIO_READ);
	n = MIN(n, uio->uio_resid);
	while (n > 0) {
		len = MIN(piece_current(uio, &uaddr), n);
		if (uio->uio_proc == NULL || (uaddr != NULL &&
		    uio->uio_proc->p_vmops == NULL)) {
			memset(uaddr, 0, len);
		} else {
			len = MIN(len, sizeof(zeroes));
			error = piece_move(uio, uaddr, (void *)zeroes, len);
			if (error != 0)
				return error;
		}
		piece_advance(uio, len);
		n -= len;
	}
	return 0;
}

void
uio_skip(struct uio *uio, size_t n)
{
	char *uaddr;
	size_t len;

	n = MIN(n, uio->uio_resid);
	while (n > 0) {
		len = MIN(piece_current(uio, &uaddr), n);
		piece_advance(uio, len);
		n -= len;
	}
}

void
uio_kern(struct uio *uio, struct iovec *iov, enum uio_rw rw, void *buf,
    size_t n, off_t off)
{
	iov->iov_base = buf;
	iov->iov_len = n;
	*uio = (struct uio){ .uio_iov = iov, .uio_iovcnt = 1, .uio_resid = n,
	    .uio_offset = off, .uio_rw = rw };
}

int
uio_user_init(struct uio_user *uu, enum uio_rw rw, const struct iovec *uiov,
    int cnt, off_t off)
{
	struct iovec *iov = uu->uu_small;
	size_t sum = 0;
	int error;

	if (cnt < 0 || cnt > UIO_MAXIOV)
		return EINVAL;
	uu->uu_big = NULL;
	if ((size_t)cnt > nitems(uu->uu_small)) {
		uu->uu_bigsize = (size_t)cnt * sizeof(*iov);
		iov = uu->uu_big = kmem_alloc(uu->uu_bigsize, 0);
		if (iov == NULL)
			return ENOMEM;
	}
	error = copyin(uiov, iov, (size_t)cnt * sizeof(*iov));
	if (error != 0)
		goto fail;
	for (int i = 0; i < cnt; i++) {
		if (iov[i].iov_len > SSIZE_MAX) {
			error = EINVAL;
			goto fail;
		}
		/* What is beyond the limit is left to the next call. */
		if (iov[i].iov_len > TRANSFER_MAX - sum)
			iov[i].iov_len = TRANSFER_MAX - sum;
		sum += iov[i].iov_len;
	}
	uu->uu_uio = (struct uio){ .uio_iov = iov, .uio_iovcnt = cnt,
	    .uio_resid = sum, .uio_offset = off, .uio_rw = rw,
	    .uio_proc = curproc };
	return 0;

fail:
	uio_user_fini(uu);
	return error;
}

int
uio_user_init1(struct uio_user *uu, enum uio_rw rw, void *buf, size_t n,
    off_t off)
{
	if (n > SSIZE_MAX)
		return EINVAL;
	n = MIN(n, TRANSFER_MAX);
	uu->uu_big = NULL;
	uu->uu_small[0].iov_base = buf;
	uu->uu_small[0].iov_len = n;
	uu->uu_uio.uio_iov = uu->uu_small;
	uu->uu_uio.uio_iovcnt = 1;
	uu->uu_uio.uio_iovoff = 0;
	uu->uu_uio.uio_resid = n;
	uu->uu_uio.uio_offset = off;
	uu->uu_uio.uio_rw = rw;
	uu->uu_uio.uio_proc = curproc;
	return 0;
}

void
uio_user_fini(struct uio_user *uu)
{
	if (uu->uu_big != NULL)
		kmem_free(uu->uu_big, uu->uu_bigsize);
}
