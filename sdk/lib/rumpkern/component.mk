# SPDX-License-Identifier: BSD-2-Clause
NAME  := rumpkern
KIND  := core
ABOUT := The kernel's core: memory, locks, threads, processes, descriptors, time

# boot, strings, locks
SRCS  := init.c component.c log.c printf.c string.c
SRCS  += sync.c lockdebug.c epoch.c thread.c random.c
# memory, time, tunables
kmem_own  := kmem.c kmem_block.c kmem_page.c kmem_pool.c
kmem_host := kmem_host.c
SRCS  += kmem_reclaim.c kmem_subr.c $(kmem_$(ALLOCATOR))
SRCS  += time.c callout.c workqueue.c softint.c sysctl.c

# processes, descriptors, system calls
SRCS  += proc.c lwp.c lwproc.c cred.c signal.c uaccess.c uio.c syscall.c
SRCS  += filedesc.c file.c console.c pipe.c poll.c epoll.c eventfd.c timerfd.c
SRCS  += signalfd.c splice.c sockname.c fasync.c itimer.c
SRCS  += sys_proc.c sys_cred.c sys_signal.c sys_rw.c sys_desc.c sys_poll.c
SRCS  += sys_time.c sys_misc.c
GENERATOR := makesyscalls.sh syscalls.tab
GEN       := syscalls_kern.c sysproto.h syscalls.md rump/rump_syscalls.h
CFLAGS_string.o := -fno-tree-loop-distribute-patterns
