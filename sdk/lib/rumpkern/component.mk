# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpkern
KIND  := core
ABOUT := The kernel's core: memory, locks, threads, processes, descriptors, time

# boot, strings, locks
SRCS  := init.c component.c log.c printf.c string.c
SRCS  += sync.c lockdebug.c epoch.c thread.c
# memory, time, tunables
kmem_own  := kmem.c kmem_block.c kmem_page.c kmem_pool.c
kmem_host := kmem_host.c
SRCS  += kmem_reclaim.c kmem_subr.c $(kmem_$(ALLOCATOR))
SRCS  += time.c callout.c workqueue.c softint.c sysctl.c

# removed with the arrival of lwp.c
SRCS  += proc_early.c
CFLAGS_string.o := -fno-tree-loop-distribute-patterns
