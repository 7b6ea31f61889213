/* SPDX-License-Identifier: BSD-2-Clause */
/** @file list.h
 * Doubly linked circular lists; the entry lives in the object
 * (container_of() finds it). An entry that is on no list, when
 * list_node_init() was called, is linked to itself.
 */
#ifndef KERN_LIST_H
#define KERN_LIST_H

#include <kern/types.h>

struct list {
	struct list *l_next;
	struct list *l_prev;
};

#define LIST_INITIALIZER(l) { &(l), &(l) }

static inline void
list_init(struct list *l)
{
	l->l_next = l->l_prev = l;
}

#define list_node_init(n) list_init(n)

static inline bool
list_empty(const struct list *l)
{
	return l->l_next == l;
}

/** Is the entry on a list? (Only after list_node_init/list_remove.) */
static inline bool
list_linked(const struct list *n)
{
	return n->l_next != n;
}

static inline void
list_insert_after(struct list *pos, struct list *n)
{
	n->l_next = pos->l_next;
	n->l_prev = pos;
	pos->l_next->l_prev = n;
	pos->l_next = n;
}

static inline void
list_insert_head(struct list *l, struct list *n)
{
	list_insert_after(l, n);
}

static inline void
list_insert_tail(struct list *l, struct list *n)
{
	list_insert_after(l->l_prev, n);
}

static inline void
list_remove(struct list *n)
{
	n->l_prev->l_next = n->l_next;
	n->l_next->l_prev = n->l_prev;
	n->l_next = n->l_prev = n;
}

/** Move all entries of src to the end of dst. */
static inline void
list_concat(struct list *dst, struct list *src)
{
	if (list_empty(src))
		return;
	src->l_next->l_prev = dst->l_prev;
	dst->l_prev->l_next = src->l_next;
	src->l_prev->l_next = dst;
	dst->l_prev = src->l_prev;
	list_init(src);
}

#define list_first(l, type, member) \
	container_of((l)->l_next, type, member)
#define list_last(l, type, member) \
	container_of((l)->l_prev, type, member)

/** Visit each entry; n is its struct list. The list must not change. */
#define LIST_FOREACH(n, l) \
	for ((n) = (l)->l_next; (n) != (l); (n) = (n)->l_next)
/** As LIST_FOREACH; the entry visited may be removed. */
#define LIST_FOREACH_SAFE(n, l, t) \
	for ((n) = (l)->l_next; (t) = (n)->l_next, (n) != (l); (n) = (t))

#endif
