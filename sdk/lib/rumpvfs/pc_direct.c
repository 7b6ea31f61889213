/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading past the cache: O_DIRECT. What is dirty is written first; then the
 * bytes come from the device, and leave nothing behind. They need not be
 * aligned: whole sectors are read into a buffer.
 */
#include <kern/blkdev.h>
#include <kern/kmem.h>
#include <kern/vnode.h>

#include "pc_impl.h"

#define DIRECT_CHUNK ((size_t)128 << 10)

/* Have what the cache knows better written. */
static int
settle(struct pagecache *pc, uint64_t off, uint64_t len)
{
	bool writing;

	mutex_enter(&pc->pc_lock);
	writing = pc->pc_nwb > 0;
	mutex_exit(&pc->pc_lock);
	if (!writing && !pagecache_dirty(pc, off, len))
		return 0;
	return pagecache_flush(pc, off, off + len, true);
}

/* At most n bytes at uio_offset, of one run and of one buffer. */
static int
read_some(struct pagecache *pc, struct uio *uio, uint64_t n, char *buf)
{
	struct blkdev *bd = pc->pc_ops->pco_dev(pc->pc_vnode);
	uint64_t off = (uint64_t)uio->uio_offset, skip = off & PAGE_MASK, head;
	struct pc_extent pe;
	int error;

	error = pc->pc_ops->pco_map(pc->pc_vnode, off - skip, &pe);
	if (error != 0)
		return error;
	/* Blocks smaller than a page: a later one of it. */
	while (pe.pe_len <= skip) {
		skip -= pe.pe_len;
		error = pc->pc_ops->pco_map(pc->pc_vnode, off - skip, &pe);
		if (error != 0)
			return error;
	}
	n = MIN(n, pe.pe_len - skip);
	if (pe.pe_addr == PC_HOLE)
		return uiomove_zero(n, uio);
	head = skip % bd->bd_secsize;
	n = MIN(n, DIRECT_CHUNK - head);
	error = blkdev_read(bd, buf, roundup2((size_t)(head + n),
	    (size_t)bd->bd_secsize), pe.pe_addr + skip - head);
	return error != 0 ? error : uiomove(buf + head, n, uio);
}

int
pc_read_direct(struct pagecache *pc, struct uio *uio, uint64_t size)
{
	uint64_t off = (uint64_t)uio->uio_offset, n;
	char *buf;
	int error;

	if (off >= size || uio->uio_resid == 0)
		return 0;
	n = MIN(uio->uio_resid, size - off);
	error = settle(pc, off, n);
	if (error != 0)
		return error;
	buf = kmem_alloc(DIRECT_CHUNK, 0);
	if (buf == NULL)
		return ENOMEM;
	while (error == 0 && n > 0) {
		error = read_some(pc, uio, n, buf);
		n = size - (uint64_t)uio->uio_offset;
		n = MIN(n, uio->uio_resid);
	}
	kmem_free(buf, DIRECT_CHUNK);
	return error;
}
