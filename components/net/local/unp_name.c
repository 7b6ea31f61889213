/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of AF_UNIX sockets. Abstract names belong to a vnet; names of files are
 * found by their vnode, and are the file system's: as on Linux, they lead
 * to the same socket from each vnet that sees the file.
 */
#include <kern/random.h>

#include "local.h"

#define NBUCKETS 256

static struct lock_class table_lc = LOCK_CLASS("unname", 0);
static struct table {
	struct kmutex t_lock;
	struct list t_names;		/* [t_lock] */
} tables[NBUCKETS];
static struct siphash_key table_key;

int
unname_init(void)
{
	unsigned i;

	for (i = 0; i < NBUCKETS; i++) {
		mutex_init(&tables[i].t_lock, &table_lc);
		list_init(&tables[i].t_names);
	}
	random_bytes(&table_key, sizeof(table_key));
	return 0;
}

static uint32_t
hash_name(const struct unname *un)
{
	if (un->un_cookie != NULL)
		return (uint32_t)siphash(&table_key, &un->un_cookie,
		    sizeof(un->un_cookie));
	return (uint32_t)siphash(&table_key, &un->un_addr, un->un_len);
}

static bool
is_same(const struct unname *a, const struct unname *b)
{
	if (a->un_hash != b->un_hash || a->un_cookie != b->un_cookie)
		return false;
	return a->un_cookie != NULL || (a->un_vnet == b->un_vnet &&
	    a->un_type == b->un_type && a->un_len == b->un_len &&
	    memcmp(&a->un_addr, &b->un_addr, a->un_len) == 0);
}

struct unname *
unname_hold(struct unname *un)
{
	if (un != NULL)
		atomic_fetch_add_explicit(&un->un_refs, 1,
		    memory_order_relaxed);
	return un;
}

static void
unname_free(struct epoch_entry *ee)
{
	struct unname *un = container_of(ee, struct unname, un_epoch);

	kmem_free(un, sizeof(*un));
}

void
unname_rele(struct unname *un)
{
	if (un == NULL || atomic_fetch_sub_explicit(&un->un_refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	if (un->un_cookie != NULL)
		sockname_ops()->sn_rele(un->un_cookie);
	if (un->un_vnet != NULL)
		vnet_rele(un->un_vnet);
	epoch_defer(&un->un_epoch, unname_free);
}

void
unname_copy(const struct unname *un, struct sockaddr_storage *ss,
    socklen_t *lenp)
{
	struct sockaddr_un none = { .sun_family = AF_UNIX };

	if (un == NULL) {
		memcpy(ss, &none, SUN_PATH_OFF);
		*lenp = SUN_PATH_OFF;
		return;
	}
	memcpy(ss, &un->un_addr, un->un_len);
	*lenp = un->un_len;
}

/* The path of an address, zero-terminated. */
static int
path_of(const struct sockaddr_un *sun, socklen_t len, char *path)
{
	size_t n = len - SUN_PATH_OFF;

	memcpy(path, sun->sun_path, n);
	path[n] = '\0';
	return sockname_ops() != NULL ? 0 : EOPNOTSUPP;
}

static int
check(const struct sockaddr *sa, socklen_t len)
{
	if (len < SUN_PATH_OFF || len > sizeof(struct sockaddr_un) ||
	    sa->sa_family != AF_UNIX)
		return EINVAL;
	return 0;
}

static struct table *
table_of(const struct unname *un)
{
	return &tables[un->un_hash % NBUCKETS];
}

/* table locked */
static struct unname *
table_find(struct table *t, const struct unname *key)
{
	struct list *n;
	struct unname *un;

	LIST_FOREACH(n, &t->t_names) {
		un = container_of(n, struct unname, un_link);
		if (is_same(un, key))
			return un;
	}
	return NULL;
}

/* @return EADDRINUSE */
static int
table_insert(struct unname *un, struct unpcb *unp)
{
	struct table *t;

	un->un_hash = hash_name(un);
	t = table_of(un);
	mutex_enter(&t->t_lock);
	if (un->un_cookie == NULL && table_find(t, un) != NULL) {
		mutex_exit(&t->t_lock);
		return EADDRINUSE;
	}
	un->un_owner = unp;
	list_insert_tail(&t->t_names, &un->un_link);
	mutex_exit(&t->t_lock);
	return 0;
}

static struct unname *
unname_alloc(void)
{
	struct unname *un = kmem_zalloc(sizeof(*un), 0);

	if (un != NULL) {
		atomic_init(&un->un_refs, 1);
		list_node_init(&un->un_link);
		un->un_addr.sun_family = AF_UNIX;
	}
	return un;
}

static struct unname *
name_of(struct unpcb *unp)
{
	return atomic_load_explicit(&unp->unp_name, memory_order_acquire);
}

static int
bind_abstract(struct socket *so, struct unname *un)
{
	struct unpcb *unp = sotounpcb(so);
	int error;

	un->un_vnet = vnet_hold(so->so_vnet);
	un->un_type = so->so_type;
	error = table_insert(un, unp);
	if (error == 0)
		atomic_store_explicit(&unp->unp_name, un,
		    memory_order_release);
	return error;
}

int
unname_autobind(struct socket *so)
{
	struct unname *un;
	int error = EADDRINUSE, tries;
	uint32_t r;
	unsigned i;

	if (name_of(sotounpcb(so)) != NULL)
		return 0;
	un = unname_alloc();
	if (un == NULL)
		return ENOMEM;
	/* A zero byte and five hexadecimal digits (unix(7)). */
	un->un_len = SUN_PATH_OFF + 6;
	for (tries = 0; tries < 1000 && error == EADDRINUSE; tries++) {
		random_bytes(&r, sizeof(r));
		for (i = 0; i < 5; i++, r >>= 4)
			un->un_addr.sun_path[1 + i] =
			    "0123456789abcdef"[r & 15];
		if (un->un_vnet != NULL) {
			vnet_rele(un->un_vnet);
			un->un_vnet = NULL;
		}
		error = bind_abstract(so, un);
	}
	if (error != 0)
		unname_rele(un);
	return error == EADDRINUSE ? ENOSPC : error;
}

/* Names are made without so_lock: the file system sleeps. */
static int
bind_path(struct socket *so, struct unname *un)
{
	struct unpcb *unp = sotounpcb(so);
	char path[UNIX_PATH_MAX + 1];
	int error;

	error = path_of(&un->un_addr, un->un_len, path);
	if (error != 0)
		return error;
	/* getsockname(2) gives it with its zero, where there is room. */
	un->un_len = (socklen_t)(SUN_PATH_OFF + MIN(strlen(path) + 1,
	    sizeof(un->un_addr.sun_path)));
	mutex_exit(&so->so_lock);
	error = sockname_ops()->sn_bind(path, &un->un_cookie);
	mutex_enter(&so->so_lock);
	if (error != 0)
		return error;
	if (name_of(unp) != NULL)
		return EINVAL;
	error = table_insert(un, unp);
	if (error == 0)
		atomic_store_explicit(&unp->unp_name, un,
		    memory_order_release);
	return error;
}

int
unname_bind(struct socket *so, const struct sockaddr *sa, socklen_t len)
{
	struct unname *un;
	int error;

	error = check(sa, len);
	if (error != 0)
		return error;
	if (len == SUN_PATH_OFF)
		return unname_autobind(so);
	if (name_of(sotounpcb(so)) != NULL)
		return EINVAL;
	un = unname_alloc();
	if (un == NULL)
		return ENOMEM;
	memcpy(&un->un_addr, sa, len);
	un->un_len = len;
	if (un->un_addr.sun_path[0] == '\0')
		error = bind_abstract(so, un);
	else
		error = bind_path(so, un);
	if (error != 0)
		unname_rele(un);
	return error;
}

/* The owner of what the key names, referenced. */
static int
find(struct unname *key, int type, struct socket **sop)
{
	struct table *t;
	struct unname *un;
	int error = ECONNREFUSED;

	key->un_hash = hash_name(key);
	t = table_of(key);
	mutex_enter(&t->t_lock);
	un = table_find(t, key);
	if (un != NULL && un->un_owner->unp_socket->so_type != type) {
		error = EPROTOTYPE;
	} else if (un != NULL) {
		*sop = so_hold(un->un_owner->unp_socket);
		error = 0;
	}
	mutex_exit(&t->t_lock);
	return error;
}

int
unname_find(struct vnet *vn, const struct sockaddr *sa, socklen_t len,
    int type, struct socket **sop)
{
	struct unname key = { .un_vnet = vn, .un_type = type };
	char path[UNIX_PATH_MAX + 1];
	int error;

	error = check(sa, len);
	if (error == 0 && len == SUN_PATH_OFF)
		error = EINVAL;
	if (error != 0)
		return error;
	memcpy(&key.un_addr, sa, len);
	key.un_len = len;
	if (key.un_addr.sun_path[0] == '\0')
		return find(&key, type, sop);
	error = path_of(&key.un_addr, len, path);
	if (error == 0)
		error = sockname_ops()->sn_lookup(path, &key.un_cookie);
	if (error != 0)
		return error;
	error = find(&key, type, sop);
	sockname_ops()->sn_rele(key.un_cookie);
	return error;
}

void
unname_unbind(struct unpcb *unp)
{
	struct unname *un = name_of(unp);
	struct table *t;

	if (un == NULL)
		return;
	t = table_of(un);
	mutex_enter(&t->t_lock);
	if (un->un_owner == unp) {
		un->un_owner = NULL;
		list_remove(&un->un_link);
	}
	mutex_exit(&t->t_lock);
}
