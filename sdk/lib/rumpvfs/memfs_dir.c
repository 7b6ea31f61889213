/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of memfs.
 *
 * The slots are an array of pointers to entries that grows by doubling and
 * shrinks by halving. Free slots below md_top are on a doubly linked list,
 * so that any of them can be taken off when the top comes down. The index
 * is a hash table with linear probing over (hash, slot) pairs; it is looked
 * through without touching the entries, and at most 3/4 full.
 */
#include <kern/kmem.h>
#include <kern/string.h>

#include "memfs_dir.h"

#define DIR_MINCAP	8u
#define DIR_NOINDEX	16u		/* slots looked through one by one */
#define DIR_MAXCAP	(1u << 30)
#define DIR_NIL		0x7fffffffu

/* A free slot: previous << 32 | next << 1 | 1. */
#define SLOT_ISFREE(v)	(((v) & 1) != 0)
#define SLOT_NEXT(v)	((uint32_t)(v) >> 1)
#define SLOT_PREV(v)	((uint32_t)((v) >> 32))

static inline uint64_t
slot_free(uint32_t prev, uint32_t next)
{

	return (uint64_t)prev << 32 | next << 1 | 1;
}

static inline struct memfs_dirent *
slot_entry(const struct memfs_dir *dir, uint32_t s)
{

	return (struct memfs_dirent *)(uintptr_t)dir->md_slots[s];
}

static inline size_t
dirent_size(size_t len)
{

	return offsetof(struct memfs_dirent, de_name) + len;
}

/* ---- The index --------------------------------------------------------- */

static void
index_add(uint64_t *tab, uint32_t cap, uint32_t hash, uint32_t slot)
{
	uint32_t i, mask = cap - 1;

	for (i = hash & mask; tab[i] != 0; i = (i + 1) & mask)
		continue;
	tab[i] = (uint64_t)hash << 32 | (slot + 1);
}

/* Where the pair is; it is there. */
static uint32_t
index_find(const struct memfs_dir *dir, uint32_t hash, uint32_t slot)
{
	uint32_t i, mask = dir->md_icap - 1;
	uint64_t want = (uint64_t)hash << 32 | (slot + 1);

	for (i = hash & mask; dir->md_index[i] != want; i = (i + 1) & mask)
		KASSERT(dir->md_index[i] != 0);
	return i;
}

/* Move back what probed over the place that becomes free. */
static void
index_remove(struct memfs_dir *dir, uint32_t hash, uint32_t slot)
{
	uint64_t *tab = dir->md_index;
	uint32_t i, j, mask = dir->md_icap - 1;

	i = index_find(dir, hash, slot);
	for (j = (i + 1) & mask; tab[j] != 0; j = (j + 1) & mask) {
		uint32_t home = (uint32_t)(tab[j] >> 32) & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			tab[i] = tab[j];
			i = j;
		}
	}
	tab[i] = 0;
}

/* Make an index of cap places. */
static int
index_resize(struct memfs_dir *dir, uint32_t cap)
{
	uint64_t *tab;
	uint32_t s;

	tab = kmem_zalloc(cap * sizeof(*tab), 0);
	if (tab == NULL)
		return ENOMEM;
	if (dir->md_index != NULL) {
		for (s = 0; s < dir->md_icap; s++) {
			uint64_t v = dir->md_index[s];

			if (v != 0)
				index_add(tab, cap, (uint32_t)(v >> 32),
				    (uint32_t)v - 1);
		}
	} else {
		for (s = 0; s < dir->md_top; s++) {
			if (!SLOT_ISFREE(dir->md_slots[s]))
				index_add(tab, cap,
				    slot_entry(dir, s)->de_hash, s);
		}
	}
	kmem_free(dir->md_index, dir->md_icap * sizeof(*tab));
	dir->md_index = tab;
	dir->md_icap = cap;
	return 0;
}

/* ---- The slots --------------------------------------------------------- */

static int
slots_resize(struct memfs_dir *dir, uint32_t cap)
{
	uint64_t *slots;

	slots = kmem_realloc(dir->md_slots, dir->md_cap * sizeof(*slots),
	    cap * sizeof(*slots), 0);
	if (slots == NULL)
		return ENOMEM;
	dir->md_slots = slots;
	dir->md_cap = cap;
	return 0;
}

static void
slot_unlink(struct memfs_dir *dir, uint32_t s)
{
	uint32_t next = SLOT_NEXT(dir->md_slots[s]);
	uint32_t prev = SLOT_PREV(dir->md_slots[s]);

	if (prev == DIR_NIL)
		dir->md_free = next;
	else
		dir->md_slots[prev] =
		    slot_free(SLOT_PREV(dir->md_slots[prev]), next);
	if (next != DIR_NIL)
		dir->md_slots[next] =
		    slot_free(prev, SLOT_NEXT(dir->md_slots[next]));
}

static uint32_t
slot_take(struct memfs_dir *dir)
{
	uint32_t s = dir->md_free;

	if (s == DIR_NIL)
		return dir->md_top++;
	slot_unlink(dir, s);
	return s;
}

static void
slot_give(struct memfs_dir *dir, uint32_t s)
{
	uint32_t next = dir->md_free;

	dir->md_slots[s] = slot_free(DIR_NIL, next);
	if (next != DIR_NIL)
		dir->md_slots[next] =
		    slot_free(s, SLOT_NEXT(dir->md_slots[next]));
	dir->md_free = s;
	while (dir->md_top > 0 && SLOT_ISFREE(dir->md_slots[dir->md_top - 1])) {
		dir->md_top--;
		slot_unlink(dir, dir->md_top);
	}
}

/* Give memory back when much of it is idle; failing to is no harm. */
static void
dir_shrink(struct memfs_dir *dir)
{

	if (dir->md_n == 0) {
		ino_t parent = dir->md_parent;

		/* A directory that is filled and emptied by one file at a
		 * time keeps its first slots. */
		if (dir->md_cap > DIR_MINCAP || dir->md_index != NULL) {
			memfs_dir_fini(dir);
			memfs_dir_init(dir, parent);
		}
		return;
	}
	if (dir->md_cap > DIR_MINCAP && dir->md_top <= dir->md_cap / 4)
		(void)slots_resize(dir, dir->md_cap / 2);
	if (dir->md_index == NULL)
		return;
	if (dir->md_top <= DIR_NOINDEX / 2) {
		kmem_free(dir->md_index,
		    dir->md_icap * sizeof(*dir->md_index));
		dir->md_index = NULL;
		dir->md_icap = 0;
	} else if (dir->md_icap > 4 * DIR_NOINDEX &&
	    dir->md_n < dir->md_icap / 8)
		(void)index_resize(dir, dir->md_icap / 2);
}

/* The slot of a name; DIR_NIL: not there. */
static uint32_t
dir_find(const struct memfs_dir *dir, const char *name, size_t len,
    uint32_t hash)
{
	const struct memfs_dirent *de;
	uint32_t i, s, mask;
	uint64_t v;

	if (dir->md_index == NULL) {
		for (s = 0; s < dir->md_top; s++) {
			if (SLOT_ISFREE(dir->md_slots[s]))
				continue;
			de = slot_entry(dir, s);
			if (de->de_hash == hash && de->de_len == len &&
			    memcmp(de->de_name, name, len) == 0)
				return s;
		}
		return DIR_NIL;
	}
	mask = dir->md_icap - 1;
	for (i = hash & mask; (v = dir->md_index[i]) != 0; i = (i + 1) & mask) {
		if ((uint32_t)(v >> 32) != hash)
			continue;
		s = (uint32_t)v - 1;
		de = slot_entry(dir, s);
		if (de->de_len == len && memcmp(de->de_name, name, len) == 0)
			return s;
	}
	return DIR_NIL;
}

/* ---- The interface ------------------------------------------------------ */

void
memfs_dir_init(struct memfs_dir *dir, ino_t parent)
{

	*dir = (struct memfs_dir){
		.md_free = DIR_NIL,
		.md_parent = parent,
	};
}

void
memfs_dir_fini(struct memfs_dir *dir)
{
	uint32_t s;

	for (s = 0; s < dir->md_top; s++) {
		if (!SLOT_ISFREE(dir->md_slots[s]))
			memfs_dirent_free(slot_entry(dir, s));
	}
	kmem_free(dir->md_slots, dir->md_cap * sizeof(*dir->md_slots));
	kmem_free(dir->md_index, dir->md_icap * sizeof(*dir->md_index));
}

struct memfs_dirent *
memfs_dir_lookup(const struct memfs_dir *dir,
    const struct componentname *cnp)
{
	uint32_t s;

	if (dir->md_n == 0)
		return NULL;
	s = dir_find(dir, cnp->cn_name, cnp->cn_len, cnp->cn_hash);
	return s == DIR_NIL ? NULL : slot_entry(dir, s);
}

int
memfs_dir_prepare(struct memfs_dir *dir, const struct componentname *cnp,
    struct memfs_dirent **dep)
{
	struct memfs_dirent *de;
	uint32_t cap;
	int error;

	KASSERT(cnp->cn_len > 0 && cnp->cn_len <= 255);
	if (dir->md_free == DIR_NIL && dir->md_top == dir->md_cap) {
		cap = dir->md_cap == 0 ? DIR_MINCAP : 2 * dir->md_cap;
		if (cap > DIR_MAXCAP)
			return ENOSPC;
		error = slots_resize(dir, cap);
		if (error != 0)
			return error;
	}
	cap = dir->md_icap;
	if (cap == 0 && dir->md_top >= DIR_NOINDEX)
		cap = 4 * DIR_NOINDEX;
	while (cap != 0 && dir->md_n + 1 > cap - cap / 4)
		cap *= 2;
	if (cap != dir->md_icap) {
		error = index_resize(dir, cap);
		if (error != 0)
			return error;
	}
	de = kmem_alloc(dirent_size(cnp->cn_len), 0);
	if (de == NULL)
		return ENOMEM;
	de->de_hash = cnp->cn_hash;
	de->de_len = (uint8_t)cnp->cn_len;
	memcpy(de->de_name, cnp->cn_name, cnp->cn_len);
	*dep = de;
	return 0;
}

void
memfs_dir_insert(struct memfs_dir *dir, struct memfs_dirent *de)
{
	uint32_t s = slot_take(dir);

	KASSERT(s < dir->md_cap);
	dir->md_slots[s] = (uintptr_t)de;
	if (dir->md_index != NULL)
		index_add(dir->md_index, dir->md_icap, de->de_hash, s);
	dir->md_n++;
}

void
memfs_dir_remove(struct memfs_dir *dir, struct memfs_dirent *de)
{
	uint32_t s = dir_find(dir, de->de_name, de->de_len, de->de_hash);

	KASSERT(s != DIR_NIL && slot_entry(dir, s) == de);
	if (dir->md_index != NULL)
		index_remove(dir, de->de_hash, s);
	slot_give(dir, s);
	dir->md_n--;
	memfs_dirent_free(de);
	dir_shrink(dir);
}

void
memfs_dir_replace(struct memfs_dir *dir, struct memfs_dirent *old,
    struct memfs_dirent *de)
{
	uint32_t s = dir_find(dir, old->de_name, old->de_len, old->de_hash);

	KASSERT(s != DIR_NIL && slot_entry(dir, s) == old);
	if (dir->md_index != NULL) {
		index_remove(dir, old->de_hash, s);
		index_add(dir->md_index, dir->md_icap, de->de_hash, s);
	}
	dir->md_slots[s] = (uintptr_t)de;
	memfs_dirent_free(old);
}

void
memfs_dirent_free(struct memfs_dirent *de)
{

	kmem_free(de, dirent_size(de->de_len));
}

/* S_IFMT >> 12 is what readdir(3) calls DT_*. */
static uint8_t
dtype_of(enum vtype type)
{

	return (uint8_t)(mode_of_vtype(type) >> 12);
}

/* Cookies: 1 is behind ".", 2 behind "..", s + 3 behind slot s. */
int
memfs_dir_read(const struct memfs_dir *dir, ino_t self, off_t *offp,
    vop_filldir_t fn, void *arg)
{
	uint64_t pos = (uint64_t)*offp;
	int error = 0;

	for (; pos < (uint64_t)dir->md_top + 2; pos++) {
		if (pos == 0) {
			error = fn(arg, ".", 1, self, dtype_of(VDIR), 1);
		} else if (pos == 1) {
			error = fn(arg, "..", 2,
			    dir->md_parent != 0 ? dir->md_parent : self,
			    dtype_of(VDIR), 2);
		} else {
			const struct memfs_dirent *de;

			if (SLOT_ISFREE(dir->md_slots[pos - 2]))
				continue;
			de = slot_entry(dir, (uint32_t)(pos - 2));
			error = fn(arg, de->de_name, de->de_len, de->de_ino,
			    dtype_of(de->de_type), (off_t)pos + 1);
		}
		if (error != 0)
			break;
	}
	*offp = (off_t)pos;
	return 0;
}
