/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: which driver has which numbers. Found under an epoch, by
 * every open.
 */
#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/string.h>

#include "cache.h"

/* Immutable once it is in the list. */
struct cdev {
	_Atomic(struct cdev *) cd_next;
	uint32_t cd_major, cd_first, cd_count;
	const struct cdevops *cd_ops;
	char cd_name[32];
	struct epoch_entry cd_epoch;
};

static struct lock_class cdev_lc = LOCK_CLASS("character devices", 0);
static struct kmutex cdev_lock;			/* to change the list */
static _Atomic(struct cdev *) cdevs;

int
cdev_attach(const char *name, uint32_t major, uint32_t first, uint32_t count,
    const struct cdevops *ops)
{
	struct cdev *cd, *other;

	if (count == 0 || first > UINT32_MAX - count)
		return EINVAL;
	cd = kmem_zalloc(sizeof(*cd), 0);
	if (cd == NULL)
		return ENOMEM;
	cd->cd_major = major;
	cd->cd_first = first;
	cd->cd_count = count;
	cd->cd_ops = ops;
	strlcpy(cd->cd_name, name, sizeof(cd->cd_name));
	mutex_enter(&cdev_lock);
	for (other = atomic_load(&cdevs); other != NULL;
	    other = atomic_load(&other->cd_next))
		if (other->cd_major == major &&
		    first < other->cd_first + other->cd_count &&
		    other->cd_first < first + count) {
			mutex_exit(&cdev_lock);
			kmem_free(cd, sizeof(*cd));
			return EEXIST;
		}
	atomic_init(&cd->cd_next, atomic_load(&cdevs));
	atomic_store_explicit(&cdevs, cd, memory_order_release);
	mutex_exit(&cdev_lock);
	return 0;
}

static void
cdev_free(struct epoch_entry *ee)
{
	kmem_free(container_of(ee, struct cdev, cd_epoch),
	    sizeof(struct cdev));
}

int
cdev_detach(uint32_t major, uint32_t first)
{
	_Atomic(struct cdev *) *link;
	struct cdev *cd;

	mutex_enter(&cdev_lock);
	for (link = &cdevs; (cd = atomic_load(link)) != NULL;
	    link = &cd->cd_next)
		if (cd->cd_major == major && cd->cd_first == first)
			break;
	if (cd != NULL)
		atomic_store(link, atomic_load(&cd->cd_next));
	mutex_exit(&cdev_lock);
	if (cd == NULL)
		return ENOENT;
	epoch_defer(&cd->cd_epoch, cdev_free);
	return 0;
}

const struct cdevops *
cdev_find(dev_t dev)
{
	uint32_t major = dev_major(dev), minor = dev_minor(dev);
	const struct cdevops *ops = NULL;
	struct cdev *cd;

	epoch_enter();
	for (cd = atomic_load_explicit(&cdevs, memory_order_acquire);
	    cd != NULL; cd = atomic_load_explicit(&cd->cd_next,
	    memory_order_acquire))
		if (cd->cd_major == major && minor >= cd->cd_first &&
		    minor - cd->cd_first < cd->cd_count) {
			ops = cd->cd_ops;
			break;
		}
	epoch_exit();
	return ops;
}

int
cdev_modinit(void)
{
	mutex_init(&cdev_lock, &cdev_lc);
	return 0;
}
