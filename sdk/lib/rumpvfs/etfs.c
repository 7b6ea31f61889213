/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * etfs: host files in the root file system. This file keeps the keys; what is
 * behind them is in etfs_blk.c, etfs_chr.c and etfs_host.c.
 */
#include <kern/assert.h>
#include <kern/kmem.h>
#include <kern/proc.h>
#include <kern/string.h>
#include <kern/vnode.h>
#include <rump/etfs.h>
#include <rump/rumpuser.h>

#include "cache.h"
#include "etfs.h"
#include "rumpfs.h"

#define SECTOR 512

struct key {
	struct list k_link;		/* [keys_lock] */
	char *k_path;
	enum rump_etfs_type k_type;
	void *k_obj;
};

static struct lock_class keys_lc = LOCK_CLASS("etfs keys", 0);
static struct kmutex keys_lock;		/* one register or remove at a time */
static struct list keys = LIST_INITIALIZER(keys);
/* Those to be entered at boot, in the order they came. */
static struct rump_boot_etfs *boot_first, **boot_last = &boot_first;

/* Is the host's file one that the type can be made of? */
static int
check_type(enum rump_etfs_type type, enum rumpuser_ftype ft)
{
	switch (type) {
	case RUMP_ETFS_REG:
		return ft == RUMPUSER_FT_REG ? 0 : EINVAL;
	case RUMP_ETFS_BLK:
		return ft == RUMPUSER_FT_REG || ft == RUMPUSER_FT_BLK ? 0 :
		    EINVAL;
	case RUMP_ETFS_CHR:
		return ft == RUMPUSER_FT_DIR ? EINVAL : 0;
	case RUMP_ETFS_DIR:
	case RUMP_ETFS_DIR_SUBDIRS:
		return ft == RUMPUSER_FT_DIR ? 0 : EINVAL;
	}
	return EINVAL;
}

static int
check_part(enum rump_etfs_type type, const struct rumpuser_fileinfo *fi,
    uint64_t begin, uint64_t size)
{
	if (type != RUMP_ETFS_BLK)
		return begin == 0 && size == RUMP_ETFS_SIZE_ENDOFF ? 0 :
		    EINVAL;
	if (begin % SECTOR != 0 || begin > fi->fi_size)
		return EINVAL;
	if (size != RUMP_ETFS_SIZE_ENDOFF &&
	    (size % SECTOR != 0 || size > fi->fi_size - begin))
		return EINVAL;
	return 0;
}

/* The object, and its name in the root file system. */
static int
enter(struct key *k, const char *hostpath, uint64_t begin, uint64_t size)
{
	dev_t dev;
	int error;

	switch (k->k_type) {
	case RUMP_ETFS_BLK:
		error = etfs_blk_create(k->k_path, hostpath, begin, size,
		    &k->k_obj, &dev);
		if (error != 0)
			return error;
		error = rumpfs_extra_add(k->k_path, VBLK, dev, NULL, NULL,
		    NULL);
		if (error != 0)
			(void)etfs_blk_destroy(k->k_obj);
		return error;
	case RUMP_ETFS_CHR:
		error = etfs_chr_create(hostpath, &k->k_obj, &dev);
		if (error != 0)
			return error;
		error = rumpfs_extra_add(k->k_path, VCHR, dev, NULL, NULL,
		    NULL);
		if (error != 0)
			etfs_chr_destroy(k->k_obj);
		return error;
	default:
		error = etfs_host_create(hostpath, k->k_type != RUMP_ETFS_REG,
		    k->k_type == RUMP_ETFS_DIR_SUBDIRS, &k->k_obj);
		if (error != 0)
			return error;
		error = k->k_type == RUMP_ETFS_REG ?
		    rumpfs_extra_add(k->k_path, VREG, 0, &etfs_file_ops,
		    k->k_obj, etfs_host_destroy) :
		    rumpfs_extra_add(k->k_path, VDIR, 0, &etfs_dir_ops,
		    k->k_obj, etfs_host_destroy);
		if (error != 0)
			etfs_host_destroy(k->k_obj);
		return error;
	}
}

int
rump_pub_etfs_register_withsize(const char *key, const char *hostpath,
    enum rump_etfs_type type, uint64_t begin, uint64_t size)
{
	struct rumpuser_fileinfo fi;
	struct key *k;
	int error;

	if (key == NULL || hostpath == NULL)
		return EFAULT;
	(void)curlwp_get();
	error = rumpuser_stat(hostpath, &fi);
	if (error == 0)
		error = check_type(type, fi.fi_type);
	if (error == 0)
		error = check_part(type, &fi, begin, size);
	if (error != 0)
		return error;
	k = kmem_zalloc(sizeof(*k), 0);
	if (k == NULL)
		return ENOMEM;
	k->k_type = type;
	k->k_path = kmem_strdup(key, 0);
	if (k->k_path == NULL) {
		error = ENOMEM;
		goto fail_free;
	}
	mutex_enter(&keys_lock);
	error = enter(k, hostpath, begin, size);
	if (error == 0)
		list_insert_tail(&keys, &k->k_link);
	mutex_exit(&keys_lock);
	if (error == 0)
		return 0;
	kmem_strfree(k->k_path);
fail_free:
	kmem_free(k, sizeof(*k));
	return error;
}

int
rump_pub_etfs_register(const char *key, const char *hostpath,
    enum rump_etfs_type type)
{
	return rump_pub_etfs_register_withsize(key, hostpath, type, 0,
	    RUMP_ETFS_SIZE_ENDOFF);
}

static struct key *
find(const char *path)
{
	struct list *n;

	LIST_FOREACH(n, &keys)
		if (strcmp(container_of(n, struct key, k_link)->k_path,
		    path) == 0)
			return container_of(n, struct key, k_link);
	return NULL;
}

int
rump_pub_etfs_remove(const char *key)
{
	struct key *k;
	int error = 0;

	if (key == NULL)
		return EFAULT;
	(void)curlwp_get();
	mutex_enter(&keys_lock);
	k = find(key);
	if (k == NULL)
		error = ENOENT;
	else if (k->k_type == RUMP_ETFS_BLK)
		error = etfs_blk_destroy(k->k_obj);
	if (error == 0) {
		list_remove(&k->k_link);
		/* The name may have been unlinked before. */
		(void)rumpfs_extra_remove(k->k_path);
		if (k->k_type == RUMP_ETFS_CHR)
			etfs_chr_destroy(k->k_obj);
	}
	mutex_exit(&keys_lock);
	if (error != 0)
		return error;
	kmem_strfree(k->k_path);
	kmem_free(k, sizeof(*k));
	return 0;
}

void
rump_boot_etfs_register(struct rump_boot_etfs *eb)
{
	eb->_eb_next = NULL;
	eb->eb_status = -1;
	*boot_last = eb;
	boot_last = &eb->_eb_next;
}

int
etfs_init(void)
{
	struct rump_boot_etfs *eb;
	int error;

	mutex_init(&keys_lock, &keys_lc);
	error = etfs_host_init();
	if (error == 0)
		error = etfs_chr_init();
	if (error != 0)
		return error;
	for (eb = boot_first; eb != NULL; eb = eb->_eb_next)
		eb->eb_status = rump_pub_etfs_register_withsize(eb->eb_key,
		    eb->eb_hostpath, eb->eb_type, eb->eb_begin, eb->eb_size);
	boot_first = NULL;
	return 0;
}
