/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_UNIX: descriptors and credentials in control messages (unix(7)).
 */
#include "local.h"

static size_t
rights_size(unsigned n)
{
	return sizeof(struct unrights) + n * sizeof(struct file *);
}

static struct unrights *
rights_alloc(unsigned n)
{
	struct unrights *ur = kmem_zalloc(rights_size(n), 0);

	if (ur != NULL) {
		list_node_init(&ur->ur_link);
		ur->ur_n = n;
	}
	return ur;
}

void
unrights_free(struct unrights *ur)
{
	unsigned i;

	if (ur == NULL)
		return;
	for (i = 0; i < ur->ur_n; i++) {
		if (ur->ur_files[i] != NULL)
			(void)file_rele(ur->ur_files[i]);
	}
	kmem_free(ur, rights_size(ur->ur_n));
}

struct unrights *
unrights_dup(const struct unrights *ur)
{
	struct unrights *copy = rights_alloc(ur->ur_n);
	unsigned i;

	if (copy == NULL)
		return NULL;
	for (i = 0; i < ur->ur_n; i++)
		copy->ur_files[i] = file_hold(ur->ur_files[i]);
	return copy;
}

/* One message's descriptors are added to those of others before it. */
static int
take_fds(const uint8_t *data, size_t n, struct unrights **urp)
{
	unsigned count = (unsigned)(n / sizeof(int)), had, i;
	struct unrights *ur;
	struct file *fp;
	int error, fd;

	had = *urp != NULL ? (*urp)->ur_n : 0;
	if (n % sizeof(int) != 0 || count > SCM_MAX_FD - had)
		return EINVAL;
	if (count == 0)
		return 0;
	ur = rights_alloc(had + count);
	if (ur == NULL)
		return ENOMEM;
	for (i = 0; i < count; i++) {
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		error = fd_get(fd, &fp);
		if (error != 0) {
			unrights_free(ur);
			return error;
		}
		ur->ur_files[had + i] = file_hold(fp);
		fd_put(fp);
	}
	if (*urp != NULL) {
		memcpy(ur->ur_files, (*urp)->ur_files,
		    had * sizeof(struct file *));
		kmem_free(*urp, rights_size(had));
	}
	*urp = ur;
	return 0;
}

/* Who is not root tells the truth (unix(7)). */
static int
take_cred(const uint8_t *data, size_t n, struct ucred *uc)
{
	const struct cred *cr = curcred();
	struct ucred said;

	if (n != sizeof(said))
		return EINVAL;
	memcpy(&said, data, sizeof(said));
	if (!cred_is_root(cr) && (said.pid != curproc->p_pid ||
	    (said.uid != cr->cr_uid && said.uid != cr->cr_euid &&
	    said.uid != cr->cr_suid) ||
	    (said.gid != cr->cr_gid && said.gid != cr->cr_egid &&
	    said.gid != cr->cr_sgid)))
		return EPERM;
	*uc = said;
	return 0;
}

int
unp_internalize(const struct mbuf *control, struct unrights **urp,
    struct ucred *cred)
{
	struct unrights *ur = NULL;
	const uint8_t *data;
	struct cmsghdr ch;
	size_t off = 0, n;
	int error = 0;

	while (error == 0 && control != NULL &&
	    cmsg_next(control, &off, &ch, &data, &n)) {
		if (ch.cmsg_level != SOL_SOCKET)
			continue;
		if (ch.cmsg_type == SCM_RIGHTS)
			error = take_fds(data, n, &ur);
		else if (ch.cmsg_type == SCM_CREDENTIALS)
			error = take_cred(data, n, cred);
		else
			error = EINVAL;
	}
	if (error != 0) {
		unrights_free(ur);
		return error;
	}
	*urp = ur;
	return 0;
}

void
unp_externalize(struct unrights *ur, struct cmsgbuf *cb, int flags)
{
	int fds[SCM_MAX_FD];
	size_t room = 0;
	unsigned i, n = 0;

	if (cb->cb_buf != NULL && cb->cb_size > cb->cb_len +
	    sizeof(struct cmsghdr))
		room = (cb->cb_size - cb->cb_len - sizeof(struct cmsghdr)) /
		    sizeof(int);
	for (i = 0; i < ur->ur_n && i < room; i++) {
		if (fd_install(ur->ur_files[i], 0, (flags &
		    MSG_CMSG_CLOEXEC) != 0 ? O_CLOEXEC : 0, &fds[i]) != 0)
			break;
		ur->ur_files[i] = NULL;
		n++;
	}
	if (n < ur->ur_n)
		cb->cb_trunc = true;
	if (n > 0)
		cmsg_put(cb, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof(int));
	unrights_free(ur);
}
