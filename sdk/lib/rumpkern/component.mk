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

SRCS  += proc.c lwp.c lwproc.c cred.c uaccess.c uio.c poll.c sys_poll.c sys_later.c file.c filedesc.c signal.c syscall.c sys_cred.c sys_desc.c sys_proc.c sys_rw.c sys_signal.c
GENERATOR := makesyscalls.sh syscalls.tab
GEN := syscalls_kern.c sysproto.h rump/rump_syscalls.h syscalls.md
CFLAGS_string.o := -fno-tree-loop-distribute-patterns
